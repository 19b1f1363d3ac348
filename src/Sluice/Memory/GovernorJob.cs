namespace Sluice.Memory;

/// <summary>Where a job stands.</summary>
public enum JobPhase
{
    /// <summary>It waits to be started.</summary>
    Waiting,

    /// <summary>It runs.</summary>
    Running,

    /// <summary>It was stopped and can go on.</summary>
    Paused,

    /// <summary>It was asked to end.</summary>
    Ending,

    /// <summary>It was killed, and its memory is not back yet.</summary>
    Killed,
}

/// <summary>A job: what its owner says of it, and what a governor knows.</summary>
public sealed record GovernorJob
{
    /// <summary>Gets its number, unique in a governor's state.</summary>
    public required long Id { get; init; }

    /// <summary>Gets what kind of job it is: jobs of one class are expected to need alike.</summary>
    public string Class { get; init; } = "";

    /// <summary>Gets what its owner says it needs, in bytes.</summary>
    public long? DeclaredBytes { get; init; }

    /// <summary>Gets whether it is never paused, asked to end or killed.</summary>
    public bool IsProtected { get; init; }

    /// <summary>Gets whether it can be run again when it was lost for want of memory.</summary>
    public bool IsRestartable { get; init; } = true;

    /// <summary>Gets where it stands.</summary>
    public JobPhase Phase { get; init; }

    /// <summary>Gets what it was expected to need when it was started, or is to be after it was lost; null before the first start.</summary>
    public long? EstimateBytes { get; init; }

    /// <summary>Gets what the estimate of a started job rests on.</summary>
    public GovernorGround Ground { get; init; }

    /// <summary>Gets what its processes use now.</summary>
    public long Bytes { get; init; }

    /// <summary>Gets the most they were seen to use in this try.</summary>
    public long PeakBytes { get; init; }

    /// <summary>Gets when it was started.</summary>
    public TimeSpan StartedAt { get; init; }

    /// <summary>Gets when it was last paused or resumed.</summary>
    public TimeSpan? FlippedAt { get; init; }

    /// <summary>Gets when it was asked to end, or killed.</summary>
    public TimeSpan SignalledAt { get; init; }

    /// <summary>Gets how often it was lost for want of memory.</summary>
    public int Losses { get; init; }

    /// <summary>Gets whether nothing else may run beside it: its last try, or one that needs more than can be planned.</summary>
    public bool RunsAlone { get; init; }

    /// <summary>Gets how many later jobs were started before it.</summary>
    public int PassedOver { get; init; }

    /// <summary>Gets whether it has been said that nothing but it waits and it still does not fit.</summary>
    public bool IsStuck { get; init; }

    /// <summary>Gets whether it has processes.</summary>
    public bool IsStarted => Phase != JobPhase.Waiting;
}
