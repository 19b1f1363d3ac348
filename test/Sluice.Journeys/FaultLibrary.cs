using System.Diagnostics;

namespace Sluice.Journeys;

/// <summary>The library in test/faultfs, which makes a child's calls to the disk fail; compiled when it is first asked for.</summary>
internal static class FaultLibrary
{
    private static readonly Lazy<(string? Path, string Reason)> Built = new(Build);

    /// <summary>Returns the variables that load it into a child for what lies below a folder; skips the test where it cannot be made.</summary>
    public static Dictionary<string, string> Over(string folder, string log)
    {
        var (path, reason) = Built.Value;
        Assert.SkipWhen(path is null, reason);
        return new() { ["LD_PRELOAD"] = path, ["FAULTFS_ROOT"] = folder, ["FAULTFS_LOG"] = log };
    }

    private static (string? Path, string Reason) Build()
    {
        if (!OperatingSystem.IsLinux())
        {
            return (null, "disk faults are injected with LD_PRELOAD, on Linux only");
        }

        var library = Path.Combine(AppContext.BaseDirectory, "faultfs", "faultfs.so");
        var fresh = $"{library}.{Environment.ProcessId}";
        var start = new ProcessStartInfo("cc", ["-shared", "-fPIC", "-O2", "-Wall", "-Wextra", "-o", fresh, Path.ChangeExtension(library, ".c"), "-ldl"])
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
            return (null, $"disk faults need a C compiler, `cc`: {error.Message}");
        }
    }
}
