using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Sluice.Storage;

/// <summary>Brings a folder's list of names onto the disk. Without it a power cut may take back that a file in it was made, renamed or deleted, however well the file itself is synced.</summary>
internal static partial class FolderSync
{
    // errno; Linux and macOS have the same numbers.
    private const int Interrupted = 4;
    private const int AccessDenied = 13;
    private static readonly int s_closeOnExec = OperatingSystem.IsMacOS() ? 0x1000000 : 0x80000;

    /// <summary>Syncs a folder. Does nothing where folders cannot be synced: on Windows, on some network file systems, and in a folder that may not be read.</summary>
    /// <exception cref="IOException">The disk is full or fails, or the folder is gone.</exception>
    public static void Sync(string folder)
    {
        if (OperatingSystem.IsWindows())
        {
            return;
        }

        // .NET opens files only.
        int descriptor;
        do
        {
            descriptor = Open(folder, s_closeOnExec);
        }
        while (descriptor < 0 && Marshal.GetLastPInvokeError() == Interrupted);
        if (descriptor < 0)
        {
            var error = Marshal.GetLastPInvokeError();
            if (error != AccessDenied)
            {
                throw Failed(folder, Marshal.GetPInvokeErrorMessage(error), error);
            }

            return;
        }

        using var handle = new SafeFileHandle(descriptor, ownsHandle: true);
        try
        {
            RandomAccess.FlushToDisk(handle);
        }
        catch (IOException error)
        {
            throw Failed(folder, error.Message, error.HResult);
        }
    }

    /// <summary>Syncs the folder that a file or folder lies in.</summary>
    /// <exception cref="IOException">The disk is full or fails.</exception>
    public static void SyncAround(string path) => Sync(Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(path)) is { Length: > 0 } parent ? parent : ".");

    // In the words of .NET, so that DiskTrouble reads it like any other error of the disk.
    private static IOException Failed(string folder, string reason, int error) => new($"{reason} : '{folder}'", error);

    [LibraryImport("libc", EntryPoint = "open", StringMarshalling = StringMarshalling.Utf8, SetLastError = true)]
    [DefaultDllImportSearchPaths(DllImportSearchPath.SafeDirectories)]
    private static partial int Open(string path, int flags);
}
