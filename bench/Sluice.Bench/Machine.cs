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
}
