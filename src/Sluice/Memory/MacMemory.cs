using System.Runtime.InteropServices;

namespace Sluice.Memory;

/// <summary>The machine's memory on macOS.</summary>
internal static partial class MacMemory
{
    private const int VmInfo64 = 4;

    // struct vm_statistics64, counted in 32-bit words: free, active, inactive and wired pages, nine 64-bit counters, purgeable pages, and so on.
    private const int Words = 38;
    private const int FreeWord = 0;
    private const int InactiveWord = 2;
    private const int PurgeableWord = 22;

    /// <summary>Returns the machine's memory and what can be had of it at once; null when macOS does not tell.</summary>
    public static (long Total, long Available)? Read()
    {
        if (Number("hw.memsize") is not { } total || Number("hw.pagesize") is not { } page)
        {
            return null;
        }

        var words = new uint[Words];
        uint count = Words;
        if (Statistics(Host(), VmInfo64, words, ref count) != 0 || count <= PurgeableWord)
        {
            return null;
        }

        return (total, Math.Min(total, ((long)words[FreeWord] + words[InactiveWord] + words[PurgeableWord]) * page));
    }

    // Some numbers have 32 bits, some 64: the rest stays 0, for these machines are little-endian.
    private static long? Number(string name)
    {
        long value = 0;
        nuint size = sizeof(long);
        return Ask(name, ref value, ref size, 0, 0) == 0 ? value : null;
    }

    [LibraryImport("libSystem.dylib", EntryPoint = "sysctlbyname", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Ask(string name, ref long value, ref nuint size, nint newValue, nuint newSize);

    [LibraryImport("libSystem.dylib", EntryPoint = "mach_host_self")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial uint Host();

    [LibraryImport("libSystem.dylib", EntryPoint = "host_statistics64")]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Statistics(uint host, int flavor, [In, Out] uint[] words, ref uint count);
}
