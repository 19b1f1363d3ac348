using Sluice.Memory;

namespace Sluice.Launching;

/// <summary>What to launch and how.</summary>
public sealed record LaunchOptions
{
    /// <summary>The variables by which common libraries are told how many threads to use.</summary>
    internal static readonly IReadOnlyList<string> ThreadVariables =
        ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS", "RAYON_NUM_THREADS"];

    /// <summary>Gets the name of the launch: what has been done is remembered under it.</summary>
    public required string Name { get; init; }

    /// <summary>Gets the folder of logs and journal.</summary>
    public required string Folder { get; init; }

    /// <summary>Gets the folder in which the jobs run.</summary>
    public required string WorkingFolder { get; init; }

    /// <summary>Gets the command of all jobs, with places for what differs.</summary>
    public required IReadOnlyList<string> Command { get; init; }

    /// <summary>Gets the overrides, sweeps included.</summary>
    public IReadOnlyList<string> Overrides { get; init; } = [];

    /// <summary>Gets whether overrides may be sweeps.</summary>
    public bool Multirun { get; init; }

    /// <summary>Gets the most jobs at once.</summary>
    public int MaxJobs { get; init; } = 1;

    /// <summary>Gets what jobs need, as their owner says; what is not said is found out.</summary>
    public IReadOnlyList<DeclaredMemory> Declared { get; init; } = [];

    /// <summary>Gets whether jobs that have failed are run again.</summary>
    public bool RetryFailed { get; init; }

    /// <summary>Gets how much the jobs step back for others at the processor.</summary>
    public int Nice { get; init; } = 5;

    /// <summary>Gets how much rather the kernel kills a job than others; it can only be raised.</summary>
    public int OomScoreAdjustment { get; init; } = 500;

    /// <summary>Gets how many threads the jobs' libraries are told to use; 0 tells them nothing.</summary>
    public int ThreadsPerJob { get; init; }

    /// <summary>Gets at which headroom the governor acts.</summary>
    public GovernorOptions Governor { get; init; } = new();
}
