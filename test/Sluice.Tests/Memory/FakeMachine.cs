using Sluice.Memory;

namespace Sluice.Tests.Memory;

/// <summary>A folder that looks like the root of a Linux machine to <see cref="MemoryProbe"/>.</summary>
public sealed class FakeMachine : IDisposable
{
    public const long MiB = 1024 * 1024;
    public const long GiB = 1024 * MiB;

    private readonly string _root = Directory.CreateTempSubdirectory("sluice-machine-").FullName;
    private readonly List<string> _groups = [];
    private readonly List<string> _mounts = ["22 1 0:21 / / rw,relatime - overlay overlay rw"];

    public string Root => _root;

    /// <summary>Sets the machine's memory in GiB.</summary>
    public FakeMachine Host(double total = 16, double available = 12, double swapTotal = 0, double swapFree = 0) => File("/proc/meminfo",
        $"MemTotal:       {total * GiB / 1024:F0} kB\nMemFree:        1 kB\nMemAvailable:   {available * GiB / 1024:F0} kB\nSwapTotal: {swapTotal * GiB / 1024:F0} kB\nSwapFree: {swapFree * GiB / 1024:F0} kB\n");

    /// <summary>Adds a line of /proc/self/cgroup.</summary>
    public FakeMachine Group(string line)
    {
        _groups.Add(line);
        return File("/proc/self/cgroup", string.Join('\n', _groups) + "\n");
    }

    /// <summary>Mounts a hierarchy; the point is as the kernel writes it, escapes included.</summary>
    public FakeMachine Mount(string type, string point = "/sys/fs/cgroup", string root = "/", string options = "rw", string optional = "shared:9 master:1")
    {
        _mounts.Add($"{30 + _mounts.Count} 22 0:{26 + _mounts.Count} {root} {point} rw,nosuid {optional}{(optional.Length > 0 ? " " : "")}- {type} {type} {options}");
        return File("/proc/self/mountinfo", string.Join('\n', _mounts) + "\n");
    }

    /// <summary>Adds a group of version 2; sizes in MiB, null leaves a file out, a negative limit is none.</summary>
    public FakeMachine V2(string folder, long? max = -1, long? current = 0, long? high = -1, long? inactive = 0, long dirty = 0, long writeback = 0, long? kills = null)
    {
        File(folder + "/cgroup.controllers", "cpuset cpu io memory pids\n");
        Number(folder + "/memory.max", max, "max");
        Number(folder + "/memory.high", high, "max");
        Number(folder + "/memory.current", current, "");
        if (inactive is not null)
        {
            File(folder + "/memory.stat", $"anon 1\nfile 2\ninactive_anon 999999999999\nfile_dirty {dirty * MiB}\nfile_writeback {writeback * MiB}\ninactive_file {inactive * MiB}\nactive_file 999999999999\nslab_reclaimable 999999999999\n");
        }

        return kills is null ? this : File(folder + "/memory.events", $"low 0\nhigh 3\nmax 4\noom 2\noom_kill {kills}\noom_group_kill 0\n");
    }

    /// <summary>Adds a group of version 1; sizes in MiB, limit null is the kernel's "unlimited" for pages of 4 KiB.</summary>
    public FakeMachine V1(string folder, long? limit = null, long usage = 0, long inactive = 0, long dirty = 0, long writeback = 0, string? hierarchical = null, string? useHierarchy = "1", long kills = 0)
    {
        File(folder + "/memory.limit_in_bytes", $"{(limit is null ? 9223372036854771712 : limit * MiB)}\n");
        File(folder + "/memory.usage_in_bytes", $"{usage * MiB}\n");
        File(folder + "/memory.oom_control", $"oom_kill_disable 0\nunder_oom 0\noom_kill {kills}\n");
        File(folder + "/memory.use_hierarchy", $"{useHierarchy}\n");
        return File(folder + "/memory.stat", $"cache 1\ninactive_file 999999999999\n{(hierarchical is null ? "" : $"hierarchical_memory_limit {hierarchical}\n")}total_dirty {dirty * MiB}\ntotal_writeback {writeback * MiB}\ntotal_inactive_file {inactive * MiB}\n");
    }

    public FakeMachine File(string path, string content)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(_root + path)!);
        System.IO.File.WriteAllText(_root + path, content);
        return this;
    }

    public FakeMachine Delete(string path)
    {
        System.IO.File.Delete(_root + path);
        return this;
    }

    /// <summary>Puts a folder where a file should be: opening it fails the way a file without permission does, also for root.</summary>
    public FakeMachine Forbid(string path)
    {
        Delete(path);
        Directory.CreateDirectory(_root + path);
        return this;
    }

    public MemorySample Sample() => new MemoryProbe(_root).Sample();

    public void Dispose() => Directory.Delete(_root, recursive: true);

    private void Number(string path, long? value, string none)
    {
        if (value is not null)
        {
            File(path, value < 0 ? none + "\n" : $"{value * MiB}\n");
        }
    }
}
