namespace Sluice.Memory;

/// <summary>What a governor sees at one moment.</summary>
/// <param name="LimitBytes">The limit; null when it is not known.</param>
/// <param name="HeadroomBytes">What is left; null when it is not known: then only the number of jobs is governed.</param>
/// <param name="Pressure">How long tasks have waited for memory; null when the kernel does not count.</param>
/// <param name="Jobs">What is known of started jobs.</param>
public sealed record GovernorSample(long? LimitBytes, long? HeadroomBytes, MemoryPressure? Pressure, IReadOnlyList<JobReading> Jobs)
{
    /// <summary>Makes a sample of what the probe found.</summary>
    public static GovernorSample Of(MemorySample memory, IReadOnlyList<JobReading> jobs)
    {
        ArgumentNullException.ThrowIfNull(memory);
        return new GovernorSample(memory.LimitBytes, memory.HeadroomBytes, memory.Pressure, jobs);
    }
}

/// <summary>What is known of a started job.</summary>
/// <param name="Job">The job.</param>
/// <param name="Bytes">What its processes use together; for one that has ended its peak; null when it is not known.</param>
/// <param name="End">How it has ended; null while a process of it is left.</param>
public readonly record struct JobReading(long Job, long? Bytes, JobEnd? End = null);

/// <summary>How a job has ended.</summary>
public enum JobEnd
{
    /// <summary>By itself and well.</summary>
    Done,

    /// <summary>In any other way.</summary>
    Failed,

    /// <summary>Killed by the kernel for want of memory.</summary>
    KilledByKernel,
}
