namespace Sluice.Experiments.Scoring;

/// <summary>The letter that the answer chooses is the target's letter; a target that is no choice of a letter is compared as a text.</summary>
internal sealed class ChoiceScorer(ScoreOptions options) : Scorer(options)
{
    private protected override bool IsRight(string? answer, string target)
    {
        if (answer is null)
        {
            return false;
        }

        return ChoiceText.LabelOf(target) is { } expected
            ? ChoiceText.FindLetter(answer) == expected
            : answer.AsSpan().Trim().Equals(target.AsSpan().Trim(), Comparison);
    }
}
