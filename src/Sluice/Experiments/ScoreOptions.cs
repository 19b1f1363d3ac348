namespace Sluice.Experiments;

/// <summary>How one score of a finished sample is computed.</summary>
public sealed record ScoreOptions
{
    /// <summary>Gets the name under which the score is reported.</summary>
    public required string Name { get; init; }

    /// <summary>Gets the scorer: <c>exact</c>, <c>includes</c>, <c>regex</c>, <c>numeric</c> or <c>choice</c>.</summary>
    public required string Type { get; init; }

    /// <summary>Gets what is scored, a Liquid template.</summary>
    public required string Value { get; init; }

    /// <summary>Gets what is expected, a Liquid template; for <c>regex</c> the pattern.</summary>
    public required string Target { get; init; }

    /// <summary>Gets the regular expression that finds the answer in the value (first group, or the whole match; the last match counts), or null.</summary>
    public string? Pattern { get; init; }

    /// <summary>Gets the same for the target, or null.</summary>
    public string? TargetPattern { get; init; }

    /// <summary>Gets whether letter case is ignored by <c>exact</c>, <c>includes</c> and <c>regex</c>.</summary>
    public bool IgnoreCase { get; init; }

    /// <summary>Gets how far apart two numbers may be and still be equal, for <c>numeric</c>; absolute.</summary>
    public double Tolerance { get; init; } = 1e-6;
}
