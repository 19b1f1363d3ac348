namespace Sluice.Memory;

/// <summary>Finds out what a job is expected to need.</summary>
internal static class GovernorEstimates
{
    private const double Margin = 1.25;
    private const int GuessedPart = 8;

    /// <summary>By which part of an estimate a job may pass it and yet keep to it: round figures are declared, and a little is only measured otherwise.</summary>
    private const int Tolerance = 16;

    /// <summary>Returns the estimate of a job that waits.</summary>
    public static GovernorEstimate Of(GovernorTurn turn, GovernorJob job)
    {
        if (Known(turn, job) is { } known)
        {
            // Jobs of its class have shown more than was said: they are believed, as far as that can be started at all.
            var seen = Learnt(turn, job) is { } learnt ? turn.Bounds is { } limits ? Math.Min(learnt, limits.Limit - limits.Reserve) : learnt : 0;
            return new GovernorEstimate(Math.Max(known, seen), IsSure(turn, job, known, seen) ? GovernorGround.Sure : GovernorGround.Learnt);
        }

        var guess = Math.Max((turn.Bounds?.Limit ?? 0) / GuessedPart, (long)(turn.RunningPeak(job.Class) * Margin));
        return new GovernorEstimate(turn.Bounds is { } bounds ? Math.Min(guess, bounds.Limit - bounds.Reserve) : guess, GovernorGround.Guess);
    }

    /// <summary>Returns what its last try taught, its owner says, or ended jobs of its class used; null when nobody knows.</summary>
    public static long? Known(GovernorTurn turn, GovernorJob job) =>
        job.EstimateBytes ?? job.DeclaredBytes ?? Learnt(turn, job);

    /// <summary>Returns whether a job that uses so much keeps to its estimate.</summary>
    public static bool Keeps(long bytes, long estimate) => bytes <= estimate + (estimate / Tolerance);

    /// <summary>Returns what ended jobs of a job's class needed, or more where running ones have it already: those that end first may be the small ones.</summary>
    public static long? Learnt(GovernorTurn turn, GovernorJob job) =>
        turn.State.Peaks.TryGetValue(job.Class, out var peaks) ? Math.Max(peaks.Expected, turn.RunningPeak(job.Class)) : null;

    private static bool IsSure(GovernorTurn turn, GovernorJob job, long known, long seen) => job.EstimateBytes is null
        && (job.DeclaredBytes is not null ? Keeps(seen, known) : turn.State.Peaks[job.Class].AreMany);
}
