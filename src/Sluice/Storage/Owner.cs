using System.Globalization;
using System.Runtime.InteropServices;

namespace Sluice.Storage;

/// <summary>Names a process on disk so that others can tell whether it still lives: <c>pid:start@host</c>.</summary>
/// <remarks>
/// The host is the boot and the process namespace: in another container of the same machine the same pid is another process.
/// </remarks>
internal static partial class Owner
{
    private const int NotPermitted = 1;

    private static readonly string Host = HostOfThis();

    /// <summary>Gets this process.</summary>
    public static string Self { get; } = $"{Environment.ProcessId}:{StartOf(Environment.ProcessId)}@{Host}";

    /// <summary>Tells whether a process runs; null when it belongs to another host, or to another user whose processes are hidden, where we cannot look.</summary>
    public static bool? IsAlive(string owner)
    {
        var colon = owner.IndexOf(':', StringComparison.Ordinal);
        var at = owner.IndexOf('@', StringComparison.Ordinal);
        if (colon <= 0 || at <= colon)
        {
            return false;
        }

        if (!owner.AsSpan(at + 1).SequenceEqual(Host))
        {
            return null;
        }

        if (!int.TryParse(owner.AsSpan(0, colon), NumberStyles.None, CultureInfo.InvariantCulture, out var pid))
        {
            return false;
        }

        return StartOf(pid) is { Length: > 0 } start ? owner.AsSpan(colon + 1, at - colon - 1).SequenceEqual(start)
            : IsHidden(pid) ? null
            : false;
    }

    /// <summary>Tells whether there is a process of another user that /proc does not show us (mounted with hidepid, proc(5)).</summary>
    private static bool IsHidden(int pid) => OperatingSystem.IsLinux() && Signal(pid, 0) != 0 && Marshal.GetLastPInvokeError() == NotPermitted;

    [LibraryImport("libc", EntryPoint = "kill", SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Signal(int process, int signal);

    /// <summary>Tells whether two processes run on the same boot of the same machine: then they share its clocks.</summary>
    public static bool AreOfOneBoot(string left, string right)
    {
        return Boot(left).SequenceEqual(Boot(right));

        static ReadOnlySpan<char> Boot(string owner)
        {
            var host = owner.AsSpan(owner.IndexOf('@', StringComparison.Ordinal) + 1);
            var end = host.IndexOf('_');
            return end < 0 ? host : host[..end];
        }
    }

    /// <summary>Returns when a process started, in a form that is only compared; empty when there is no such process.</summary>
    private static string StartOf(int pid)
    {
        try
        {
            // Field 22 counts from after the last ')': the name before it may hold anything (proc(5)).
            var stat = File.ReadAllText($"/proc/{pid}/stat");
            var fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
            // A process that was killed and not yet buried by its parent is dead: in containers without an init it stays so for ever.
            return fields[0] is "Z" or "X" ? "" : fields[19];
        }
        catch (IOException) when (!OperatingSystem.IsLinux())
        {
            return StartFromSystem(pid);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return "";
        }
    }

    private static string StartFromSystem(int pid)
    {
        try
        {
            using var process = System.Diagnostics.Process.GetProcessById(pid);
            return process.StartTime.Ticks.ToString(CultureInfo.InvariantCulture);
        }
        catch (Exception error) when (error is ArgumentException or InvalidOperationException)
        {
            return "";
        }
    }

    private static string HostOfThis()
    {
        try
        {
            var boot = File.ReadAllText("/proc/sys/kernel/random/boot_id").Trim();
            var space = File.ResolveLinkTarget("/proc/self/ns/pid", returnFinalTarget: false)?.Name ?? "";
            return $"{boot[..8]}_{string.Concat(space.Where(char.IsAsciiDigit))}";
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return Environment.MachineName;
        }
    }
}
