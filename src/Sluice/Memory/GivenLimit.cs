namespace Sluice.Memory;

/// <summary>A limit that people give, because that of a group outside of ours cannot be seen.</summary>
internal static class GivenLimit
{
    private const string Name = "given";

    /// <summary>Counts the limit as one more level, above all that can be seen.</summary>
    public static MemorySample Apply(MemorySample sample, long limit)
    {
        MemoryLevel? outermost = sample.Levels.LastOrDefault(static l => l.UsageBytes is not null);
        long? usage = outermost is null ? sample.HostTotalBytes - sample.HostAvailableBytes : outermost.UsageBytes;
        long reclaimable = outermost?.ReclaimableBytes ?? 0;
        var level = new MemoryLevel(Name, limit, usage, reclaimable, limit - (usage - reclaimable), Throttled: false);
        bool binds = level.HeadroomBytes is { } headroom && !(headroom >= sample.HeadroomBytes);
        return sample with
        {
            LimitBytes = sample.LimitBytes < limit ? sample.LimitBytes : limit,
            Levels = [.. sample.Levels, level],
            UsageBytes = binds ? level.UsageBytes : sample.UsageBytes,
            HeadroomBytes = binds ? level.HeadroomBytes : sample.HeadroomBytes,
            BindingLevel = binds ? Name : sample.BindingLevel,
        };
    }
}
