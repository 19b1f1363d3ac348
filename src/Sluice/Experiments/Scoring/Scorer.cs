namespace Sluice.Experiments.Scoring;

/// <summary>Compares what an experiment produced with what was expected.</summary>
/// <remarks>Safe for use by many threads at once.</remarks>
public abstract class Scorer
{
    private static readonly string[] s_types = ["exact", "includes", "regex", "numeric", "choice"];
    private readonly AnswerPattern? _pattern;
    private readonly AnswerPattern? _targetPattern;

    private protected Scorer(ScoreOptions options)
    {
        Options = options;
        _pattern = AnswerPattern.Create(options.Name, "pattern", options.Pattern);
        _targetPattern = AnswerPattern.Create(options.Name, "target_pattern", options.TargetPattern);
    }

    private protected ScoreOptions Options { get; }

    private protected StringComparison Comparison => Options.IgnoreCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;

    /// <summary>Makes the scorer that the options describe.</summary>
    /// <exception cref="SluiceException">The type is unknown, a pattern is no regular expression, or the options contradict each other.</exception>
    public static Scorer Create(ScoreOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (!(options.Tolerance >= 0 && double.IsFinite(options.Tolerance)))
        {
            throw ScoreError.Of(options.Name, $"the tolerance {options.Tolerance} is no number from 0 upwards");
        }

        return options.Type switch
        {
            "exact" => new ExactScorer(options),
            "includes" => new IncludesScorer(options),
            "regex" => new RegexScorer(options),
            "numeric" => new NumericScorer(options),
            "choice" => new ChoiceScorer(options),
            _ => throw ScoreError.Of(options.Name, $"the type '{options.Type}' is not known", $"known are {string.Join(", ", s_types)}"),
        };
    }

    /// <summary>Scores one answer.</summary>
    /// <param name="value">What the experiment produced, often a model's whole text.</param>
    /// <param name="target">What was expected.</param>
    /// <returns>1 for right, 0 for wrong; a value without a recognisable answer is wrong.</returns>
    /// <exception cref="SluiceException">The target cannot be understood, so that the experiment rather than the answer is wrong.</exception>
    public double Score(string value, string target)
    {
        ArgumentNullException.ThrowIfNull(value);
        ArgumentNullException.ThrowIfNull(target);
        string expected = _targetPattern is null
            ? target
            : _targetPattern.Find(target) ?? throw ScoreError.Of(
                Options.Name, $"target_pattern '{Options.TargetPattern}' finds nothing in the target {ScoreError.Quote(target)}");
        string? answer = _pattern is null ? value : _pattern.Find(value);
        return IsRight(answer, expected) ? 1 : 0;
    }

    /// <summary>Compares; the answer is null when the pattern found none, and the target is to be checked even then.</summary>
    private protected abstract bool IsRight(string? answer, string target);
}
