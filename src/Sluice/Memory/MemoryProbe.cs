namespace Sluice.Memory;

/// <summary>Tells how much memory this process may still use, whoever limits it.</summary>
/// <remarks>
/// On Linux every visible level of the control group's path counts with its own limit and its own usage, for a parent with a larger
/// limit can be fuller than ours; then the host's available memory. Elsewhere the runtime's figures serve. Limits are read anew each
/// time, since they can change while the program runs. Safe for use by many threads.
/// </remarks>
/// <param name="root">The folder that holds <c>proc</c> and <c>sys</c>; another than <c>/</c> serves tests.</param>
/// <param name="givenLimit">A limit in bytes that people know of although it cannot be seen from here; null for none.</param>
public sealed class MemoryProbe(string root = "/", long? givenLimit = null)
{
    private const string HostPressure = "/proc/pressure/memory";

    private readonly bool _isSystem = root == "/";

    /// <summary>Reads the state of now; never fails, and says in <see cref="MemorySample.Notes"/> what it could not learn.</summary>
    public MemorySample Sample()
    {
        MemorySample sample = _isSystem && !OperatingSystem.IsLinux() ? ForeignMemory.Sample() : SampleLinux();
        return givenLimit is { } limit ? GivenLimit.Apply(sample, limit) : sample;
    }

    private MemorySample SampleLinux()
    {
        var notes = new List<string>();
        var files = new ProcFiles(root, notes);
        Dictionary<string, long> host = files.ReadTable("/proc/meminfo");
        long? total = Value(host, "MemTotal");
        long? available = Value(host, "MemAvailable");
        if (total is null || available is null)
        {
            files.Note("/proc/meminfo does not tell the machine's memory");
        }

        CgroupLocation? location = CgroupLocation.Find(files);
        MemoryLevel[] levels = location is null ? [] : ReadLevels(files, location, total);
        // Where usage cannot be read, there is at most the limit.
        MemoryLevel? binding = levels.Where(static l => Room(l) is not null).MinBy(Room);
        if (available is { } free && (binding is null || free < Room(binding)))
        {
            binding = new MemoryLevel("host", total, total - free, 0, free, Throttled: false);
        }

        return new MemorySample
        {
            LimitBytes = levels.Select(static l => l.LimitBytes).Append(total).Min(),
            UsageBytes = binding?.UsageBytes,
            HeadroomBytes = binding is null ? null : Room(binding),
            BindingLevel = binding?.Path ?? "unknown",
            Version = location?.Version ?? CgroupVersion.None,
            Levels = levels,
            HostTotalBytes = total,
            HostAvailableBytes = available,
            SwapTotalBytes = Value(host, "SwapTotal"),
            SwapFreeBytes = Value(host, "SwapFree"),
            OomKills = location is null ? null : CgroupLevel.ReadOomKills(files, location),
            HostOomKills = Value(files.ReadTable("/proc/vmstat"), "oom_kill"),
            Pressure = PressureFile.ReadFirst(files, location is { FilesOfV1: false } ? [location.Own + "/memory.pressure", HostPressure] : [HostPressure]),
            Notes = notes,
        };
    }

    private static long? Room(MemoryLevel level) => level.HeadroomBytes ?? level.LimitBytes;

    private static MemoryLevel[] ReadLevels(ProcFiles files, CgroupLocation location, long? total) =>
    [
        .. location.Levels()
            .Where(folder => folder == location.Own || CgroupLevel.CountsThoseBelow(files, location.FilesOfV1, folder))
            .Select(folder => CgroupLevel.Read(files, location.FilesOfV1, folder, total)),
    ];

    private static long? Value(Dictionary<string, long> table, string key) => table.TryGetValue(key, out long value) ? value : null;
}
