using System.Text.Json;
using Sluice.Experiments;
using Sluice.Experiments.Scoring;

namespace Sluice.Tests.Scoring;

public class NumericScorerTests
{
    [Theory]
    [InlineData("42", 42)]
    [InlineData("The answer is 42.", 42)]
    [InlineData("Janet makes 9 * 2 = $<<9*2=18>>18 every day.\n#### 18", 18)]
    [InlineData("16 - 3 - 4 = 9", 9)]
    [InlineData("16-3", 3)]
    [InlineData("between 10-12", 12)]
    [InlineData("pages 10\u201312", 12)]
    [InlineData("x=-5", -5)]
    [InlineData("(-5)", -5)]
    [InlineData("(7)-5", 5)]
    [InlineData("**-5**", -5)]
    [InlineData("A:-5", -5)]
    [InlineData("\u22125", -5)]
    [InlineData("+5", 5)]
    [InlineData("GPT-4", 4)]
    [InlineData("--5", 5)]
    [InlineData("1,234,567", 1234567)]
    [InlineData("$1,234.50.", 1234.5)]
    [InlineData("1,234,56", 56)]
    [InlineData("1,2345", 2345)]
    [InlineData("12345,678", 678)]
    [InlineData("1,2,3", 3)]
    [InlineData("3, 456", 456)]
    [InlineData("1{,}234", 1234)]
    [InlineData("\\$1{,}234{,}567", 1234567)]
    [InlineData("-$5", -5)]
    [InlineData("$-5", -5)]
    [InlineData("-\\$5.25", -5.25)]
    [InlineData("€7", 7)]
    [InlineData("25%", 25)]
    [InlineData("12.5 %.", 12.5)]
    [InlineData("3.", 3)]
    [InlineData("0.5", 0.5)]
    [InlineData(".5", 0.5)]
    [InlineData("-.5", -0.5)]
    [InlineData("it is .25, so", 0.25)]
    [InlineData("wait...5", 5)]
    [InlineData("1/2", 2)]
    [InlineData("1.2.3", 3)]
    [InlineData("6.02e23", 6.02e23)]
    [InlineData("1E-3", 0.001)]
    [InlineData("1e\u22123", 0.001)]
    [InlineData("3 eggs", 3)]
    [InlineData("2e", 2)]
    [InlineData("70,000\n", 70000)]
    [InlineData("0007", 7)]
    [InlineData("$\\boxed{42}$", 42)]
    [InlineData("A: 26", 26)]
    public void The_last_number_of_a_text_is_found(string text, double expected) =>
        Assert.Equal(expected, NumberText.FindLast(text));

    [Theory]
    [InlineData("")]
    [InlineData("no number")]
    [InlineData("- . , $ % e")]
    [InlineData("½ ² ٣")]
    [InlineData("1e999")]
    public void A_text_without_a_number_has_none(string text) => Assert.Null(NumberText.FindLast(text));

    [Theory]
    [InlineData("about 18 eggs", "#### 18", 1)]
    [InlineData("19", "18", 0)]
    [InlineData("18.0000001", "18", 1)]
    [InlineData("18.001", "18", 0)]
    [InlineData("1e20", "100000000000000000001", 1)]
    [InlineData("1,000", "1000.00", 1)]
    [InlineData("-18", "18", 0)]
    [InlineData("", "18", 0)]
    [InlineData("I do not know", "18", 0)]
    public void Numbers_are_equal_within_the_tolerance(string value, string target, double score) =>
        Assert.Equal(score, Create().Score(value, target));

    [Theory]
    [InlineData(0.5, "18.5", 1)]
    [InlineData(0.5, "18.51", 0)]
    [InlineData(0, "18", 1)]
    [InlineData(0, "18.0001", 0)]
    public void The_tolerance_is_absolute(double tolerance, string value, double score) =>
        Assert.Equal(score, Create(tolerance: tolerance).Score(value, "18"));

    [Theory]
    [InlineData("Answer: 5\nAnswer: 7\nChecked 100 times.", 1)]
    [InlineData("Answer: 7\nAnswer: 5", 0)]
    [InlineData("7", 0)]
    [InlineData("Answer: none, 7", 0)]
    public void The_pattern_finds_the_answer_by_its_last_match(string value, double score) =>
        Assert.Equal(score, Create(pattern: @"Answer: (\w+)").Score(value, "7"));

    [Fact]
    public void A_pattern_without_a_group_gives_its_whole_match() =>
        Assert.Equal(1, Create(pattern: @"= \d+").Score("1 + 6 = 7 (8 would be wrong)", "7"));

    [Fact]
    public void A_target_without_a_number_is_an_error_that_names_it()
    {
        var error = Assert.Throws<SluiceException>(() => Create().Score("1", "eighteen"));

        Assert.Equal((ErrorKind.Usage, "score 'accuracy': no number in the target 'eighteen'"), (error.Kind, error.Message));
    }

    [Fact]
    public void A_wrong_target_is_an_error_even_when_the_answer_has_no_match() =>
        Assert.Throws<SluiceException>(() => Create(pattern: "Answer: (.*)").Score("nothing", "eighteen"));

    [Fact]
    public void A_target_pattern_that_finds_nothing_is_an_error_that_names_both()
    {
        var error = Assert.Throws<SluiceException>(() => Create(targetPattern: @"####\s*(.+)").Score("18", "18"));

        Assert.Equal(@"score 'accuracy': target_pattern '####\s*(.+)' finds nothing in the target '18'", error.Message);
    }

    [Fact]
    public void Every_answer_of_gsm8k_has_a_number_that_scores_against_itself()
    {
        Scorer scorer = Create(targetPattern: @"####\s*(.+)");
        int count = 0;
        foreach (string line in File.ReadLines(Path.Combine(Gsm8kFolder(), "test.jsonl")))
        {
            using JsonDocument sample = JsonDocument.Parse(line);
            string answer = sample.RootElement.GetProperty("answer").GetString()!;
            string final = answer[(answer.LastIndexOf("####", StringComparison.Ordinal) + 4)..].Trim();
            Assert.Equal(1, scorer.Score($"So it is {final}.", answer));
            Assert.Equal(double.Parse(final.Replace(",", ""), System.Globalization.CultureInfo.InvariantCulture), NumberText.FindLast(final));
            count++;
        }

        Assert.Equal(1319, count);
    }

    [Fact]
    public void Recorded_solutions_of_gsm8k_score_as_their_final_line_says()
    {
        string folder = Gsm8kFolder();
        Dictionary<string, string> answers = File.ReadLines(Path.Combine(folder, "test.jsonl"))
            .Select(l => JsonDocument.Parse(l).RootElement)
            .ToDictionary(e => e.GetProperty("question").GetString()!, e => e.GetProperty("answer").GetString()!);
        Scorer byLine = Create(pattern: @"A:\s*(.+)", targetPattern: @"####\s*(.+)");
        Scorer byLast = Create(targetPattern: @"####\s*(.+)");
        int right = 0, agree = 0, count = 0;
        foreach (string line in File.ReadLines(Path.Combine(folder, "recorded-solutions.jsonl")))
        {
            JsonElement solution = JsonDocument.Parse(line).RootElement;
            string completion = solution.GetProperty("completion").GetString()!;
            string answer = answers[solution.GetProperty("prompt").GetString()!];
            double score = byLine.Score(completion, answer);
            right += (int)score;
            agree += score == byLast.Score(completion, answer) ? 1 : 0;
            count++;
        }

        Assert.Equal(5276, count);
        Assert.InRange(right, 1500, 2800);
        Assert.InRange(agree, count * 99 / 100, count);
    }

    private static string Gsm8kFolder()
    {
        for (DirectoryInfo? folder = new(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            string path = Path.Combine(folder.FullName, "shared", "data", "gsm8k");
            if (Directory.Exists(path))
            {
                return path;
            }
        }

        Assert.Skip("the folder shared/data/gsm8k does not stand beside the repository");
        return "";
    }

    private static Scorer Create(string? pattern = null, string? targetPattern = null, double tolerance = 1e-6) =>
        Scorer.Create(new ScoreOptions { Name = "accuracy", Type = "numeric", Value = "", Target = "", Pattern = pattern, TargetPattern = targetPattern, Tolerance = tolerance });
}
