using System.Diagnostics;
using System.Globalization;

namespace Sluice.Journeys;

/// <summary>A memory limit that only one program sees: in a mount namespace of its own, files of ours lie where the control group's were.</summary>
/// <remarks>The program and .NET's collector believe them; the kernel does not. So usage is what the test says, and it may change meanwhile.</remarks>
public sealed class FalseLimit
{
    private readonly string _root;
    private readonly string _mount;
    private readonly string _usage;

    /// <summary>Writes the files. Skips the test where there are no control groups or no mount namespaces.</summary>
    public FalseLimit(string folder, long limit)
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "control groups are Linux's");
        var (mount, path, isFirst) = Group();
        _mount = mount;
        _root = Path.Combine(folder, "group");
        var own = Path.Join(_root, path);
        Directory.CreateDirectory(own);
        _usage = Path.Combine(own, isFirst ? "memory.usage_in_bytes" : "memory.current");
        File.WriteAllText(Path.Combine(own, isFirst ? "memory.limit_in_bytes" : "memory.max"), limit.ToString(CultureInfo.InvariantCulture) + "\n");
        File.WriteAllText(Path.Combine(own, "memory.stat"), "total_inactive_file 0\ninactive_file 0\n");
        if (!isFirst)
        {
            File.WriteAllText(Path.Combine(_root, "cgroup.controllers"), "memory\n");
        }

        Use(0);
        using var attempt = Process.Start(new ProcessStartInfo(Way[0], [.. Way.Skip(1), "true"]) { RedirectStandardError = true })!;
        attempt.WaitForExit();
        Assert.SkipUnless(attempt.ExitCode == 0, "mount namespaces are refused here");
    }

    /// <summary>Gets the command that starts another one where the limit is seen.</summary>
    public IReadOnlyList<string> Way =>
        ["unshare", Environment.IsPrivilegedProcess ? "-m" : "-Urm", "sh", "-c", "mount --bind \"$0\" \"$1\" && shift && exec \"$@\"", _root, _mount];

    /// <summary>Says how much is used.</summary>
    public void Use(long bytes)
    {
        // Over the old bytes and with their length: a reader must find neither no file nor half a number.
        using var file = new FileStream(_usage, FileMode.OpenOrCreate, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        file.Write(System.Text.Encoding.ASCII.GetBytes(bytes.ToString(CultureInfo.InvariantCulture).PadLeft(20) + "\n"));
    }

    /// <summary>Returns where the memory controller is mounted, our group below it, and whether it is of the first version.</summary>
    private static (string Mount, string Path, bool IsFirst) Group()
    {
        var groups = File.ReadLines("/proc/self/cgroup").Select(line => line.Split(':', 3)).ToList();
        var first = groups.FirstOrDefault(group => group[1].Split(',').Contains("memory"));
        var second = groups.FirstOrDefault(group => group[1].Length == 0);
        var mount = File.ReadLines("/proc/self/mountinfo").Select(line => line.Split(" - ", 2)).FirstOrDefault(parts => parts[1].Split(' ') is var type
            && (first is null ? type[0] == "cgroup2" : type[0] == "cgroup" && type[2].Split(',').Contains("memory")));
        Assert.SkipWhen(mount is null || (first ?? second) is null, "there is no memory controller here");
        return (mount![0].Split(' ')[4], (first ?? second)![2], first is not null);
    }
}
