using System.Runtime.InteropServices;

namespace Sluice.Cli;

/// <summary>Keeps the native heap, which holds SQLite's page caches, in one piece.</summary>
internal static partial class NativeHeap
{
    /// <summary>glibc's M_ARENA_MAX (malloc.h).</summary>
    private const int ArenaMax = -8;

    /// <summary>Lets all threads share two heaps. With one per thread, glibc's default, freed pages stay scattered over them: 90 MB instead of 83 to 85 in one sweep of 600,000 requests.</summary>
    public static void Compact()
    {
        if (!OperatingSystem.IsLinux())
        {
            return;
        }

        try
        {
            _ = SetOption(ArenaMax, 2);
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException)
        {
            // Another C library (musl), which has no such heaps.
        }
    }

    [LibraryImport("libc.so.6", EntryPoint = "mallopt")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int SetOption(int option, int value);
}
