namespace Sluice.Storage;

/// <summary>Makes files and folders that only their owner can read, whatever the umask; in a folder that a group shares, the group as the umask lets it.</summary>
/// <remarks>A folder is shared when it is group-writable or has the setgid bit. One with the sticky bit, such as /tmp, is everybody's place for private files.</remarks>
internal static class PrivateFiles
{
    private const UnixFileMode FileMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;
    private const UnixFileMode FolderMode = FileMode | UnixFileMode.UserExecute;
    private const UnixFileMode GroupMode = UnixFileMode.GroupRead | UnixFileMode.GroupWrite;

    /// <summary>Makes a folder and its parents, each of which survives a power cut; existing ones are left as they are.</summary>
    public static void CreateFolder(string path)
    {
        if (Directory.Exists(path))
        {
            return;
        }

        // The mode given to CreateDirectory holds for the last folder only, so parents are made one by one.
        if (Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(path)) is { Length: > 0 } parent)
        {
            CreateFolder(parent);
        }

        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            Directory.CreateDirectory(path, IsShared(path) ? FolderMode | GroupMode | UnixFileMode.GroupExecute : FolderMode);
        }

        FolderSync.SyncAround(path);
    }

    /// <summary>Returns this process's umask when it keeps a group out of what is made in a folder that the group shares; else null, also where the system does not tell.</summary>
    public static string? UmaskAgainstGroup(string folder)
    {
        const string Field = "Umask:";
        if (!OperatingSystem.IsLinux() || !IsShared(Path.Combine(folder, "any")))
        {
            return null;
        }

        // E.g. "Umask:	0022" (proc(5)).
        var umask = File.ReadLines("/proc/self/status").FirstOrDefault(line => line.StartsWith(Field, StringComparison.Ordinal))?[Field.Length..].Trim();
        return umask is not null && (Convert.ToInt32(umask, 8) & (int)GroupMode) != 0 ? umask : null;
    }

    /// <summary>Makes an empty file when there is none.</summary>
    public static void Touch(string path)
    {
        if (!File.Exists(path))
        {
            using var _ = new FileStream(path, Options(path, System.IO.FileMode.OpenOrCreate, 1));
        }
    }

    /// <summary>Opens a file for writing, emptied.</summary>
    public static FileStream Create(string path, int bufferSize = 64 * 1024) => new(path, Options(path, System.IO.FileMode.Create, bufferSize));

    /// <summary>Makes a file without a buffer that is gone when it is closed.</summary>
    public static FileStream CreatePassing(string path) => new(path, Options(path, System.IO.FileMode.CreateNew, 0, FileOptions.DeleteOnClose));

    /// <summary>Makes a file that is written and read at any place, without a buffer.</summary>
    public static Microsoft.Win32.SafeHandles.SafeFileHandle OpenScratch(string path)
    {
        var options = Options(path, System.IO.FileMode.CreateNew, 0);
        options.Access = FileAccess.ReadWrite;
        options.Share = FileShare.ReadWrite | FileShare.Delete;
        // The handle outlives the stream, which has nothing of its own to give back.
        return new FileStream(path, options).SafeFileHandle;
    }

    private static FileStreamOptions Options(string path, FileMode mode, int bufferSize, FileOptions more = FileOptions.None)
    {
        var options = new FileStreamOptions { Mode = mode, Access = FileAccess.Write, Share = FileShare.Read, BufferSize = bufferSize, Options = more };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = IsShared(path) ? FileMode | GroupMode : FileMode;
        }

        return options;
    }

    /// <summary>Tells whether a group shares the folder that something is made in.</summary>
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    private static bool IsShared(string path)
    {
        var folder = Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path)));
        if (folder is null || !Directory.Exists(folder))
        {
            return false;
        }

        var mode = File.GetUnixFileMode(folder);
        return (mode & (UnixFileMode.GroupWrite | UnixFileMode.SetGroup)) != 0 && (mode & UnixFileMode.StickyBit) == 0;
    }
}
