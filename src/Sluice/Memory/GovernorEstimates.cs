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
            // Jobs of its class have shown more than was said: they are believed, as far as that can be started at all.
            var seen = Learnt(turn, job) is { } learnt ? turn.Bounds is { } limits ? Math.Min(learnt, limits.Limit - limits.Reserve) : learnt : 0;
            return (Math.Max(known, seen), false);
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
        job.EstimateBytes ?? job.DeclaredBytes ?? Learnt(turn, job);

    /// <summary>Returns what ended jobs of a job's class needed, or more where running ones have it already: those that end first may be the small ones.</summary>
    private static long? Learnt(GovernorTurn turn, GovernorJob job) => turn.State.Peaks.TryGetValue(job.Class, out var peaks)
        ? Math.Max(peaks.Expected, turn.Jobs.Where(other => other.IsStarted && other.Class == job.Class).Select(other => other.PeakBytes).DefaultIfEmpty().Max())
        : null;
}
