namespace Sluice.Experiments.Scoring;

/// <summary>The last number of the answer equals the last number of the target.</summary>
internal sealed class NumericScorer(ScoreOptions options) : Scorer(options)
{
    // Two ways of writing the same number may differ in the last bits; 1e-9 is far above that and far below any real difference.
    private const double RelativeTolerance = 1e-9;

    private protected override bool IsRight(string? answer, string target)
    {
        if (NumberText.FindLast(target) is not { } expected)
        {
            throw ScoreError.Of(
                Options.Name,
                $"no number in the target {ScoreError.Quote(target)}",
                "use target_pattern to say where the number stands, or the type exact for texts");
        }

        return NumberText.FindLast(answer) is { } number
            && Math.Abs(number - expected) <= Options.Tolerance + (RelativeTolerance * Math.Max(Math.Abs(number), Math.Abs(expected)));
    }
}
