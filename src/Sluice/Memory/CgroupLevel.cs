namespace Sluice.Memory;

/// <summary>Reads the memory of one control group of either version.</summary>
internal static class CgroupLevel
{
    /// <summary>Reads a level.</summary>
    /// <param name="files">Where to read.</param>
    /// <param name="isV1">Which version's files the folder has.</param>
    /// <param name="folder">The group's folder.</param>
    /// <param name="hostTotal">The machine's memory: a limit above it is none, which covers every way of writing "unlimited".</param>
    public static MemoryLevel Read(ProcFiles files, bool isV1, string folder, long? hostTotal)
    {
        Dictionary<string, long> stat = files.ReadTable(folder + "/memory.stat");
        long? hard = Limit(files.ReadNumber(folder + (isV1 ? "/memory.limit_in_bytes" : "/memory.max")), hostTotal);
        if (isV1 && stat.TryGetValue("hierarchical_memory_limit", out long inherited))
        {
            // The least limit up to the true root, also of groups outside of what can be seen.
            hard = Least(hard, Limit(inherited, hostTotal));
        }

        long? soft = isV1 ? null : Limit(files.ReadNumber(folder + "/memory.high"), hostTotal);
        long? limit = Least(hard, soft);
        long? usage = files.ReadNumber(folder + (isV1 ? "/memory.usage_in_bytes" : "/memory.current"));
        if (limit is not null && usage is null)
        {
            files.Note($"{folder} has a limit, but its usage cannot be read: the headroom is less than the limit, nobody knows by how much");
        }

        if (limit is not null && stat.Count == 0)
        {
            files.Note($"{folder}/memory.stat is missing: page cache counts as used");
        }

        NoteDangers(files, isV1, folder);
        long reclaimable = Math.Min(Reclaimable(stat, isV1 ? "total_" : ""), usage ?? 0);
        long? withSwap = isV1 ? files.ReadNumber(folder + "/memory.memsw.usage_in_bytes") : null;
        return new MemoryLevel(folder, limit, usage, reclaimable, limit - (usage - reclaimable), limit is not null && limit == soft && limit != hard)
        {
            PeakBytes = files.ReadNumber(folder + (isV1 ? "/memory.max_usage_in_bytes" : "/memory.peak")),
            SwapLimitBytes = isV1 ? null : files.ReadNumber(folder + "/memory.swap.max"),

            // Version 1 tells only the sum of memory and swap. Both are read at different moments.
            SwapUsageBytes = isV1 ? withSwap is null || usage is null ? null : Math.Max(0, withSwap.Value - usage.Value) : files.ReadNumber(folder + "/memory.swap.current"),
        };
    }

    /// <summary>Returns whether a group above the own one counts what the groups below it use; version 1 lets it not do so.</summary>
    public static bool CountsThoseBelow(ProcFiles files, bool isV1, string folder) =>
        !isV1 || files.ReadNumber(folder + "/memory.use_hierarchy") != 0;

    /// <summary>Reads how many processes of the own group were killed for want of memory.</summary>
    public static long? ReadOomKills(ProcFiles files, CgroupLocation location)
    {
        Dictionary<string, long> events = files.ReadTable(location.Own + (location.FilesOfV1 ? "/memory.oom_control" : "/memory.events"));
        return events.TryGetValue("oom_kill", out long kills) ? kills : null;
    }

    // What makes a full group worse than full.
    private static void NoteDangers(ProcFiles files, bool isV1, string folder)
    {
        if (!isV1 && files.ReadNumber(folder + "/memory.oom.group") == 1)
        {
            files.Note($"{folder} has memory.oom.group set: when one process is killed for want of memory, all of the group are");
        }

        if (isV1 && files.ReadTable(folder + "/memory.oom_control").GetValueOrDefault("oom_kill_disable") == 1)
        {
            files.Note($"{folder} has oom_kill_disable set: at the limit processes stand still instead of being killed");
        }
    }

    // Page cache that was not used lately goes first. Its dirty part has to be written before, so it does not count.
    private static long Reclaimable(Dictionary<string, long> stat, string prefix)
    {
        long inactive = stat.GetValueOrDefault(prefix + "inactive_file");
        long dirty = stat.GetValueOrDefault(prefix.Length > 0 ? prefix + "dirty" : "file_dirty");
        long writeback = stat.GetValueOrDefault(prefix.Length > 0 ? prefix + "writeback" : "file_writeback");
        return Math.Max(0, Math.Max(0, inactive - dirty) - writeback);
    }

    private static long? Least(long? a, long? b) => a is null || b < a ? b ?? a : a;

    private static long? Limit(long? value, long? hostTotal) => value > (hostTotal ?? 0x7FFF_FFFF_0000_0000) ? null : value;
}
