using System.Collections.Immutable;

namespace Sluice.Memory;

/// <summary>All that a governor knows. Times are since any moment, the same for all of them.</summary>
public sealed record GovernorState
{
    /// <summary>The state before the first sample.</summary>
    public static readonly GovernorState Initial = new();

    /// <summary>Gets the level.</summary>
    public GovernorLevel Level { get; init; }

    /// <summary>Gets the jobs that wait or have processes, in the order in which they are to be started.</summary>
    public ImmutableArray<GovernorJob> Jobs { get; init; } = [];

    /// <summary>Gets what ended jobs have used, by class. There are as many as classes.</summary>
    internal ImmutableDictionary<string, JobPeaks> Peaks { get; init; } = ImmutableDictionary<string, JobPeaks>.Empty;

    /// <summary>Gets since when there is enough for the level to fall.</summary>
    public TimeSpan? BetterSince { get; init; }

    /// <summary>Gets since when all jobs with processes are paused.</summary>
    public TimeSpan? StandstillSince { get; init; }

    /// <summary>Gets whether the last sample called for a victim: the next one confirms it or not.</summary>
    public bool IsAlarmed { get; init; }

    /// <summary>Gets when a job was last started.</summary>
    public TimeSpan? LastStart { get; init; }

    /// <summary>Gets when a job was last paused.</summary>
    public TimeSpan? LastPause { get; init; }

    /// <summary>Gets when a job was last resumed.</summary>
    public TimeSpan? LastResume { get; init; }

    /// <summary>Gets when a victim was last chosen.</summary>
    public TimeSpan? LastVictim { get; init; }

    /// <summary>Gets when tasks last waited for memory so much that it mattered.</summary>
    public TimeSpan? LastPressure { get; init; }

    /// <summary>Gets the pressure of the last seconds.</summary>
    internal GovernorPressure Pressure { get; init; }

    /// <summary>Returns the state with one more job that waits.</summary>
    public GovernorState Enqueue(GovernorJob job)
    {
        ArgumentNullException.ThrowIfNull(job);
        if (job.IsStarted || Jobs.Any(j => j.Id == job.Id))
        {
            throw new ArgumentException($"job {job.Id} is there already, or has been started by somebody else", nameof(job));
        }

        return this with { Jobs = Jobs.Add(job) };
    }

    /// <summary>Returns the state with what a job of a class has used, e.g. in an earlier run.</summary>
    public GovernorState Learn(string name, long peakBytes) =>
        peakBytes > 0 ? this with { Peaks = Peaks.SetItem(name, Peaks.GetValueOrDefault(name).With(peakBytes)) } : this;
}
