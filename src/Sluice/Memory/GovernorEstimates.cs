namespace Sluice.Memory;

/// <summary>What a job is expected to need.</summary>
internal static class GovernorEstimates
{
    private const double Margin = 1.25;
    private const int GuessedPart = 8;

    /// <summary>Returns the estimate, and whether it is a guess: a part of the limit, or what running jobs of its class have used so far.</summary>
    public static (long Bytes, bool IsGuessed) Of(GovernorTurn turn, GovernorJob job)
    {
        if (Known(turn, job) is { } known)
        {
            return (known, false);
        }

        var guess = (turn.Bounds?.Limit ?? 0) / GuessedPart;
        foreach (var other in turn.Jobs)
        {
            if (other.IsStarted && other.Class == job.Class)
            {
                guess = Math.Max(guess, (long)(other.PeakBytes * Margin));
            }
        }

        return (turn.Bounds is { } bounds ? Math.Min(guess, bounds.Limit - bounds.Reserve) : guess, true);
    }

    /// <summary>Returns what its last try taught, its owner says, or ended jobs of its class used; null when nobody knows.</summary>
    public static long? Known(GovernorTurn turn, GovernorJob job) =>
        job.EstimateBytes ?? job.DeclaredBytes ?? (turn.State.Peaks.TryGetValue(job.Class, out var peaks) ? peaks.Expected : null);
}
