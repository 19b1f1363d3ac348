using System.Runtime.InteropServices;

namespace Sluice.Storage;

/// <summary>Tells folders in which nothing can be written, by whoever runs this.</summary>
internal static partial class FolderAccess
{
    private const int MayWrite = 2;

    /// <summary>Tells whether a folder is on a read-only file system, or belongs to somebody who does not let us write; false where the system cannot be asked.</summary>
    /// <remarks>It is asked, and not tried: a file that is made for a try is left behind by a kill.</remarks>
    public static bool IsReadOnly(string folder) => !OperatingSystem.IsWindows() && Access(folder, MayWrite) != 0;

    [LibraryImport("libc", EntryPoint = "access", StringMarshalling = StringMarshalling.Utf8)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Access(string path, int mode);
}
