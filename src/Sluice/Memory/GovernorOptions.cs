namespace Sluice.Memory;

/// <summary>At which headroom a governor acts, and how patiently.</summary>
public sealed record GovernorOptions
{
    /// <summary>Gets the most jobs at once, paused ones included.</summary>
    public int MaxJobs { get; init; } = int.MaxValue;

    /// <summary>Gets the share of the limit that must be free, for <see cref="CalmTime"/>, before the level is green again.</summary>
    public double CalmShare { get; init; } = 0.20;

    /// <summary>Gets the share of the limit below which the level is yellow.</summary>
    public double YellowShare { get; init; } = 0.15;

    /// <summary>Gets the share of the limit below which the level is orange.</summary>
    public double OrangeShare { get; init; } = 0.10;

    /// <summary>Gets the share of the limit below which the level is red.</summary>
    public double RedShare { get; init; } = 0.05;

    /// <summary>Gets the share of the limit below which the level is black.</summary>
    public double BlackShare { get; init; } = 0.02;

    /// <summary>Gets the share of the limit that is never planned away.</summary>
    public double ReserveShare { get; init; } = 0.05;

    /// <summary>Gets the least reserve in bytes; of a small limit it is an eighth at most.</summary>
    public long LeastReserve { get; init; } = 512L << 20;

    /// <summary>Gets the most that is reserved, in bytes.</summary>
    public long MostReserve { get; init; } = 8L << 30;

    /// <summary>Gets the share of the time in which some task waits for memory, above which the level is yellow.</summary>
    public double SomePressure { get; init; } = 0.10;

    /// <summary>Gets the share of the time in which all tasks wait for memory, above which the level is orange.</summary>
    public double FullPressure { get; init; } = 0.05;

    /// <summary>Gets over how long pressure is taken.</summary>
    public TimeSpan PressureTime { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Gets how long there must be enough before the level is green again.</summary>
    public TimeSpan CalmTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Gets the least time between two starts, unless all estimates are sure.</summary>
    public TimeSpan StartInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Gets the least time between two starts when it is not known what one of the two jobs needs.</summary>
    public TimeSpan StartSettleTime { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Gets the least time between two pauses at orange.</summary>
    public TimeSpan PauseInterval { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>Gets the least time between two resumptions.</summary>
    public TimeSpan ResumeInterval { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Gets the least time between pausing and resuming the same job, and the other way round.</summary>
    public TimeSpan FlipInterval { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Gets how long all jobs may be paused before one of them has to go.</summary>
    public TimeSpan StandstillTime { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets how long a job that was asked to end may take before it is killed.</summary>
    public TimeSpan Grace { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Gets the least time between two victims.</summary>
    public TimeSpan KillSettleTime { get; init; } = TimeSpan.FromSeconds(2);

    /// <summary>Gets how long a killed job is waited for before another victim is looked for.</summary>
    public TimeSpan GoneTime { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Gets how often a job may be lost for want of memory before it is given up; the last try runs alone.</summary>
    public int MaxMemoryAttempts { get; init; } = 3;

    /// <summary>Gets how many jobs may be started before one that waits longer, because they fit and it does not.</summary>
    public int MaxPassedOver { get; init; } = 8;

    /// <summary>Gets how fast memory can be filled, in bytes per second: it decides how soon to look again.</summary>
    public long FillRate { get; init; } = 6L << 30;

    /// <summary>Gets the least time between two samples, unless the second one is to confirm the first.</summary>
    public TimeSpan LeastInterval { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>Gets the most time between two samples.</summary>
    public TimeSpan MostInterval { get; init; } = TimeSpan.FromSeconds(1);
}
