namespace Sluice.Experiments.Scoring;

/// <summary>The answer is the target, white space around them aside.</summary>
internal sealed class ExactScorer(ScoreOptions options) : Scorer(options)
{
    private protected override bool IsRight(string? answer, string target) =>
        answer is not null && answer.AsSpan().Trim().Equals(target.AsSpan().Trim(), Comparison);
}

/// <summary>The target occurs in the answer.</summary>
internal sealed class IncludesScorer(ScoreOptions options) : Scorer(options)
{
    private protected override bool IsRight(string? answer, string target)
    {
        ReadOnlySpan<char> wanted = target.AsSpan().Trim();
        if (wanted.IsEmpty)
        {
            throw ScoreError.Of(Options.Name, "the target is empty, and every text includes that");
        }

        return answer.AsSpan().Contains(wanted, Comparison);
    }
}
