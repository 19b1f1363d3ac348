namespace Sluice.Memory;

/// <summary>The machine's memory on systems without /proc and control groups.</summary>
internal static class ForeignMemory
{
    /// <summary>Asks the system, and where that fails the runtime.</summary>
    public static MemorySample Sample()
    {
        (long Total, long Available)? machine = OperatingSystem.IsWindows() ? WindowsMemory.Read() : OperatingSystem.IsMacOS() ? MacMemory.Read() : null;
        return machine is { } known ? Of(known.Total, known.Available) : RuntimeMemory.Sample();
    }

    internal static MemorySample Of(long total, long available) => new()
    {
        LimitBytes = total,
        UsageBytes = total - available,
        HeadroomBytes = available,
        BindingLevel = "host",
        HostTotalBytes = total,
        HostAvailableBytes = available,
    };
}
