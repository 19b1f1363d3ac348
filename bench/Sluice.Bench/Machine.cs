using System.Runtime.InteropServices;

namespace Sluice.Bench;

/// <summary>What a table was measured on: figures without it mean nothing.</summary>
internal static class Machine
{
    public static string Describe()
    {
        var cpu = File.Exists("/proc/cpuinfo") ? File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal))?.Split(':')[1].Trim() : null;
        var load = File.Exists("/proc/loadavg") ? File.ReadAllText("/proc/loadavg").Split(' ')[0] : "?";
        var memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (double)(1 << 30);
        return $"{Environment.ProcessorCount} cores ({cpu ?? "unknown"}), {memory:0.#} GiB, {RuntimeInformation.FrameworkDescription}, load {load} before";
    }

    /// <summary>Returns the most memory that this process has had resident so far, in bytes; 0 where that is not told.</summary>
    public static long PeakBytes() => File.Exists("/proc/self/status")
        ? 1024 * long.Parse(File.ReadLines("/proc/self/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal)).AsSpan(6).Trim().TrimEnd(" kB"), System.Globalization.CultureInfo.InvariantCulture)
        : 0;

    /// <summary>Returns the bytes that this process has handed to the system to write so far; 0 where that is not told.</summary>
    public static long BytesWritten() => File.Exists("/proc/self/io")
        ? long.Parse(File.ReadLines("/proc/self/io").First(l => l.StartsWith("wchar:", StringComparison.Ordinal)).AsSpan(6), System.Globalization.CultureInfo.InvariantCulture)
        : 0;
}
