using Sluice.Experiments;
using Sluice.Experiments.Scoring;

namespace Sluice.Tests.Scoring;

public class TextScorerTests
{
    [Theory]
    [InlineData("exact", "Paris", "Paris", false, 1)]
    [InlineData("exact", " Paris\n", "\tParis", false, 1)]
    [InlineData("exact", "paris", "Paris", false, 0)]
    [InlineData("exact", "paris", "Paris", true, 1)]
    [InlineData("exact", "Paris.", "Paris", false, 0)]
    [InlineData("exact", "", "", false, 1)]
    [InlineData("includes", "It is CORRECT.", "CORRECT", false, 1)]
    [InlineData("includes", "It is correct.", "CORRECT", false, 0)]
    [InlineData("includes", "It is correct.", " CORRECT\n", true, 1)]
    [InlineData("includes", "", "x", false, 0)]
    [InlineData("regex", "see 2024-05-01", @"\d{4}-\d\d", false, 1)]
    [InlineData("regex", "see 24", @"\d{4}", false, 0)]
    [InlineData("regex", "YES", "^yes$", false, 0)]
    [InlineData("regex", "YES", "^yes$", true, 1)]
    [InlineData("regex", "abab", @"^(ab)\1$", false, 1)]
    [InlineData("regex", "price 5", @"(?<!no )price", false, 1)]
    public void Texts_are_compared_as_their_type_says(string type, string value, string target, bool ignoreCase, double score) =>
        Assert.Equal(score, Create(type, ignoreCase: ignoreCase).Score(value, target));

    [Theory]
    [InlineData("exact", "<a>no</a><a>Paris</a>", "Paris", 1)]
    [InlineData("exact", "Paris", "Paris", 0)]
    [InlineData("includes", "<a>in Paris</a> Rome", "Paris", 1)]
    [InlineData("includes", "<a>in Paris</a> Rome", "Rome", 0)]
    [InlineData("regex", "<a>in Paris</a> Rome", "R.me", 0)]
    public void A_pattern_narrows_what_is_compared(string type, string value, string target, double score) =>
        Assert.Equal(score, Create(type, pattern: "<a>(.*?)</a>").Score(value, target));

    [Fact]
    public void A_group_that_takes_no_part_in_the_match_gives_the_whole_match() =>
        Assert.Equal(1, Create("exact", pattern: "no(ne)?x|yes").Score("it is yes", "yes"));

    [Fact]
    public void A_target_pattern_narrows_the_target() =>
        Assert.Equal(1, Create("exact", targetPattern: "=(.*)").Score("Paris", "city=Paris"));

    [Fact]
    public void An_empty_target_is_included_in_everything_and_hence_an_error() =>
        Assert.Contains("the target is empty", Assert.Throws<SluiceException>(() => Create("includes").Score("x", " ")).Message);

    [Fact]
    public void A_target_that_is_no_regular_expression_is_named() =>
        Assert.Contains("the target '(open' is no regular expression", Assert.Throws<SluiceException>(() => Create("regex").Score("x", "(open")).Message);

    [Fact]
    public void Thousands_of_targets_work_and_are_not_all_kept()
    {
        Scorer scorer = Create("regex");

        Assert.All(Enumerable.Range(0, 2000), i => Assert.Equal(1, scorer.Score($"n={i};", $"n={i};")));
    }

    [Theory]
    [InlineData("pattern")]
    [InlineData("target_pattern")]
    public void A_pattern_that_is_no_regular_expression_is_named_when_the_scorer_is_made(string option)
    {
        var error = Assert.Throws<SluiceException>(() => Create("exact", pattern: option == "pattern" ? "(x" : null, targetPattern: option == "pattern" ? null : "(x"));

        Assert.StartsWith($"score 'accuracy': {option} '(x' is no regular expression", error.Message);
    }

    [Fact]
    public void An_unknown_type_is_refused_with_the_known_ones()
    {
        var error = Assert.Throws<SluiceException>(() => Create("exakt"));

        Assert.Equal("score 'accuracy': the type 'exakt' is not known", error.Message);
        Assert.Equal("known are exact, includes, regex, numeric, choice", error.Hint);
    }

    [Fact]
    public void Options_that_contradict_each_other_are_refused()
    {
        Assert.Throws<SluiceException>(() => Create("regex", targetPattern: "x"));
        Assert.Throws<SluiceException>(() => Scorer.Create(new ScoreOptions { Name = "n", Type = "numeric", Value = "", Target = "", Tolerance = double.NaN }));
        Assert.Throws<SluiceException>(() => Scorer.Create(new ScoreOptions { Name = "n", Type = "numeric", Value = "", Target = "", Tolerance = -1 }));
    }

    [Theory]
    [InlineData(@"(a+)+$")]
    [InlineData(@"^(a|aa)+$")]
    [InlineData(@"(x+x+)+y")]
    public void A_hostile_pattern_without_special_features_takes_linear_time(string pattern) =>
        Assert.Equal(0, Create("regex").Score(new string('a', 20_000) + "!", pattern));

    [Fact]
    public void A_hostile_pattern_that_needs_backtracking_is_stopped_and_named()
    {
        string value = new('a', 40);

        Assert.Contains("takes more than 1 s", Assert.Throws<SluiceException>(() => Create("regex").Score(value + "!", @"^(?=a)(a+)+$")).Message);
        Assert.Contains("takes more than 1 s", Assert.Throws<SluiceException>(() => Create("exact", pattern: @"^(?=a)(a+)+$").Score(value + "!", "x")).Message);
    }

    [Fact]
    public void Many_threads_may_use_one_scorer()
    {
        Scorer scorer = Create("regex");

        Parallel.For(0, 5000, i => Assert.Equal(1, scorer.Score($"a{i % 300}b", $"a{i % 300}b")));
    }

    private static Scorer Create(string type, string? pattern = null, string? targetPattern = null, bool ignoreCase = false) =>
        Scorer.Create(new ScoreOptions { Name = "accuracy", Type = type, Value = "", Target = "", Pattern = pattern, TargetPattern = targetPattern, IgnoreCase = ignoreCase });
}
