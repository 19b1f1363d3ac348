using Sluice.Experiments;
using Sluice.Experiments.Scoring;

namespace Sluice.Tests.Scoring;

public class ChoiceScorerTests
{
    [Theory]
    [InlineData("B", 'B')]
    [InlineData("b", 'B')]
    [InlineData(" (b) \n", 'B')]
    [InlineData("B.", 'B')]
    [InlineData("**B**", 'B')]
    [InlineData("\"B\"", 'B')]
    [InlineData("B) Paris", 'B')]
    [InlineData("B. Paris", 'B')]
    [InlineData("(B) Paris", 'B')]
    [InlineData("**B** because of the Seine", 'B')]
    [InlineData("**B.** Paris", 'B')]
    [InlineData("Answer: C", 'C')]
    [InlineData("ANSWER: C", 'C')]
    [InlineData("Answer:\n\n**C**", 'C')]
    [InlineData("**Answer:** (C) Berlin", 'C')]
    [InlineData("Final answer - C", 'C')]
    [InlineData("The answer is B.", 'B')]
    [InlineData("The answer is: **D**", 'D')]
    [InlineData("The correct answer is option D", 'D')]
    [InlineData("The correct option would be (D).", 'D')]
    [InlineData("Therefore, the answer is $\\boxed{\\text{D}}$.", 'D')]
    [InlineData("\\boxed{E}", 'E')]
    [InlineData("A) no, B) maybe.\n\\boxed{E}", 'E')]
    [InlineData("The answer is A because it rains", 'A')]
    [InlineData("The answer is A. Wait, no. The answer is B.", 'B')]
    [InlineData("The answer is B. Option A is wrong, and so is C.", 'B')]
    [InlineData("(A) is wrong, (B) is wrong, so it is (C)", 'C')]
    [InlineData("A) is wrong since it is cold. So I choose C", 'C')]
    [InlineData("Option A is wrong, so B", 'B')]
    [InlineData("The answer is not A but C", 'C')]
    [InlineData("I think it is C", 'C')]
    [InlineData("A dog barks, so **B**, not C", 'B')]
    [InlineData("It is D, I believe. A dog knows that.", 'D')]
    [InlineData("We get J", 'J')]
    public void The_chosen_letter_is_found(string text, char letter) => Assert.Equal(letter, ChoiceText.FindLetter(text));

    [Theory]
    [InlineData("")]
    [InlineData("Paris")]
    [InlineData("A dog, I think")]
    [InlineData("I'd say it's DNA")]
    [InlineData("The answer is unclear")]
    [InlineData("42")]
    [InlineData("Ä")]
    public void A_text_that_chooses_nothing_has_no_letter(string text) => Assert.Null(ChoiceText.FindLetter(text));

    [Theory]
    [InlineData("The answer is B.", "B", 1)]
    [InlineData("The answer is B.", "(b)", 1)]
    [InlineData("The answer is B.", "B. Paris", 1)]
    [InlineData("The answer is B.", "C", 0)]
    [InlineData("no idea", "B", 0)]
    [InlineData("Paris ", "Paris", 1)]
    [InlineData("paris", "Paris", 0)]
    [InlineData("B) Paris", "Paris", 0)]
    public void The_letter_is_compared_with_the_targets_or_the_text_when_that_has_none(string value, string target, double score) =>
        Assert.Equal(score, Create().Score(value, target));

    [Theory]
    [InlineData("A B C [[B]] D", 1)]
    [InlineData("B", 0)]
    public void A_pattern_says_where_the_letter_stands(string value, double score) =>
        Assert.Equal(score, Create(@"\[\[(.)\]\]").Score(value, "B"));

    [Fact]
    public void A_long_hostile_text_takes_no_long_time()
    {
        string[] hostile = ["answer is ", "A ", "**A", "\\boxed{ ", "(", "correct ", "answer ' ' ' "];
        foreach (string part in hostile)
        {
            ChoiceText.FindLetter(string.Concat(Enumerable.Repeat(part, 200_000 / part.Length)));
            ChoiceText.FindLetter(part + new string(' ', 200_000));
        }
    }

    private static Scorer Create(string? pattern = null) =>
        Scorer.Create(new ScoreOptions { Name = "accuracy", Type = "choice", Value = "", Target = "", Pattern = pattern });
}
