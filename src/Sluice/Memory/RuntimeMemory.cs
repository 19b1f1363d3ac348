namespace Sluice.Memory;

/// <summary>What the runtime itself knows about memory, for systems without /proc.</summary>
internal static class RuntimeMemory
{
    public static MemorySample Sample()
    {
        GCMemoryInfo info = GC.GetGCMemoryInfo();
        long total = info.TotalAvailableMemoryBytes;

        // Before the first collection the load is 0, which would promise the whole machine.
        bool known = info.MemoryLoadBytes > 0;
        long? headroom = known ? Math.Max(0, total - info.MemoryLoadBytes) : null;
        return new MemorySample
        {
            LimitBytes = total,
            UsageBytes = known ? info.MemoryLoadBytes : null,
            HeadroomBytes = headroom,
            BindingLevel = known ? "host" : "unknown",
            HostTotalBytes = total,
            HostAvailableBytes = headroom,
            Notes = ["on this system the figures are the .NET runtime's as of its last garbage collection, not the kernel's"],
        };
    }
}
