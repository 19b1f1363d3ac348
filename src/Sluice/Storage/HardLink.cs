using System.Runtime.InteropServices;

namespace Sluice.Storage;

/// <summary>Gives a file a second name, so that the first one can be given to another file in one step.</summary>
internal static partial class HardLink
{
    /// <summary>Makes the second name; false where the file system has none, or the system cannot be asked.</summary>
    public static bool TryCreate(string path, string secondName) => !OperatingSystem.IsWindows() && Link(path, secondName) == 0;

    [LibraryImport("libc", EntryPoint = "link", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Link(string path, string secondName);
}
