using System.Collections.Concurrent;
using System.Diagnostics;

namespace Sluice.Journeys;

/// <summary>The libraries in test/faultfs, which stand between a child and the disk; each is compiled when it is first asked for.</summary>
internal static class FaultLibrary
{
    private static readonly ConcurrentDictionary<string, Lazy<(string? Path, string Reason)>> Built = new();

    /// <summary>Returns the variables that let a child's calls to the disk fail, for what lies below a folder; skips the test where that cannot be done.</summary>
    public static Dictionary<string, string> Over(string folder, string log) =>
        new() { ["LD_PRELOAD"] = PathOf("faultfs"), ["FAULTFS_ROOT"] = folder, ["FAULTFS_LOG"] = log };

    /// <summary>Returns a library's path; skips the test where it cannot be made.</summary>
    public static string PathOf(string name)
    {
        var (path, reason) = Built.GetOrAdd(name, _ => new(() => Build(name))).Value;
        Assert.SkipWhen(path is null, reason);
        return path;
    }

    private static (string? Path, string Reason) Build(string name)
    {
        if (!OperatingSystem.IsLinux())
        {
            return (null, "calls to the disk are met with LD_PRELOAD, on Linux only");
        }

        var library = Path.Combine(AppContext.BaseDirectory, "faultfs", name + ".so");
        var fresh = $"{library}.{Environment.ProcessId}";
        var start = new ProcessStartInfo("cc", ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-o", fresh, Path.ChangeExtension(library, ".c"), "-ldl", "-lpthread"])
        {
            RedirectStandardError = true,
        };
        try
        {
            using var compiler = Process.Start(start)!;
            var said = compiler.StandardError.ReadToEnd();
            compiler.WaitForExit();
            Assert.True(compiler.ExitCode == 0, said);
            // Whole or not at all: other tests may be loading it.
            File.Move(fresh, library, overwrite: true);
            return (library, "");
        }
        catch (System.ComponentModel.Win32Exception error)
        {
            return (null, $"it needs a C compiler, `cc`: {error.Message}");
        }
    }
}
