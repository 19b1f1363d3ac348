namespace Sluice.Memory;

/// <summary>Which kind of control groups limits this process.</summary>
public enum CgroupVersion
{
    /// <summary>None that can be seen: only the host's memory counts.</summary>
    None,

    /// <summary>Version 1 alone.</summary>
    V1,

    /// <summary>Version 2 alone.</summary>
    V2,

    /// <summary>Both are mounted; the levels are those of the one that holds the memory controller.</summary>
    Hybrid,
}

/// <summary>What memory there is and what is left of it, at one moment.</summary>
/// <remarks>All sizes are in bytes. The headroom is the least over all visible levels and the host, not the distance to the least limit.</remarks>
public sealed record MemorySample
{
    /// <summary>Gets the least limit of all visible levels and the host's memory; null when nothing could be read.</summary>
    public long? LimitBytes { get; init; }

    /// <summary>Gets the usage of the binding level, with its reclaimable part.</summary>
    public long? UsageBytes { get; init; }

    /// <summary>Gets how much more may be used before the binding level is full; negative when it is over its limit already; null when nothing could be read.</summary>
    public long? HeadroomBytes { get; init; }

    /// <summary>Gets the level that leaves the least: the folder of its control group, <c>host</c>, or <c>unknown</c>.</summary>
    public string BindingLevel { get; init; } = "unknown";

    /// <summary>Gets the kind of control groups found.</summary>
    public CgroupVersion Version { get; init; }

    /// <summary>Gets the visible levels, from the process's own group up to the root.</summary>
    public IReadOnlyList<MemoryLevel> Levels { get; init; } = [];

    /// <summary>Gets the machine's memory.</summary>
    public long? HostTotalBytes { get; init; }

    /// <summary>Gets what the kernel expects to be able to give without swapping.</summary>
    public long? HostAvailableBytes { get; init; }

    /// <summary>Gets the machine's swap space.</summary>
    public long? SwapTotalBytes { get; init; }

    /// <summary>Gets the free part of the swap space; it is not counted as headroom.</summary>
    public long? SwapFreeBytes { get; init; }

    /// <summary>Gets how many processes of the own group, those below included, were killed for want of memory; only an increase means anything.</summary>
    public long? OomKills { get; init; }

    /// <summary>Gets how many processes of the whole machine were killed for want of memory, whoever's limit it was.</summary>
    public long? HostOomKills { get; init; }

    /// <summary>Gets how long tasks had to wait for memory, in the own group where it tells, else on the machine; null where the kernel does not count.</summary>
    public MemoryPressure? Pressure { get; init; }

    /// <summary>Gets remarks on what could not be read or is not as expected.</summary>
    public IReadOnlyList<string> Notes { get; init; } = [];
}

/// <summary>The memory of one control group.</summary>
/// <param name="Path">Its folder, as the process sees it.</param>
/// <param name="LimitBytes">The lower of its hard limit and its throttling limit; null when it has none.</param>
/// <param name="UsageBytes">What it and the groups below it use, page cache included.</param>
/// <param name="ReclaimableBytes">The part of the usage that is given back at once when needed.</param>
/// <param name="HeadroomBytes">Limit minus usage plus the reclaimable part; null without limit or usage.</param>
/// <param name="Throttled">Whether the limit is the throttling one, at which processes are slowed down rather than killed.</param>
public sealed record MemoryLevel(
    string Path, long? LimitBytes, long? UsageBytes, long ReclaimableBytes, long? HeadroomBytes, bool Throttled)
{
    /// <summary>Gets the most it has used since it was made or its peak was reset.</summary>
    public long? PeakBytes { get; init; }

    /// <summary>Gets how much swap it may use; null when it has no limit of its own, or shares one with its memory.</summary>
    public long? SwapLimitBytes { get; init; }

    /// <summary>Gets how much swap it uses; swap is never counted as headroom.</summary>
    public long? SwapUsageBytes { get; init; }
}
