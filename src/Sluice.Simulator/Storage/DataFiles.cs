namespace Sluice.Simulator.Storage;

/// <summary>Opens and replaces files the one way this project does it: asynchronous, private to the user, or to the group that shares the folder, whole or not at all.</summary>
internal static class DataFiles
{
    public static FileStream OpenRead(string path) => new(path, new FileStreamOptions
    {
        Mode = FileMode.Open,
        Access = FileAccess.Read,
        Share = FileShare.ReadWrite | FileShare.Delete,
        Options = FileOptions.SequentialScan,
        BufferSize = 0,
    });

    public static FileStream Create(string path)
    {
        var options = new FileStreamOptions
        {
            Mode = FileMode.Create,
            Access = FileAccess.Write,
            Share = FileShare.Read | FileShare.Delete,
            BufferSize = 0,
        };
        if (!OperatingSystem.IsWindows())
        {
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite | (IsShared(path) ? UnixFileMode.GroupRead | UnixFileMode.GroupWrite : 0);
        }

        return new FileStream(path, options);
    }

    public static void CreateFolder(string path)
    {
        if (OperatingSystem.IsWindows())
        {
            Directory.CreateDirectory(path);
        }
        else
        {
            // One after the other: each takes after the folder that it is made in.
            if (Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(path))) is { } parent && !Directory.Exists(parent))
            {
                CreateFolder(parent);
            }

            Directory.CreateDirectory(
                path,
                UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute
                    | (IsShared(path) ? UnixFileMode.GroupRead | UnixFileMode.GroupWrite | UnixFileMode.GroupExecute : 0));
        }
    }

    /// <summary>Writes a small file so that a reader, or a process started after a crash, sees the old or the new one, never a part.</summary>
    public static void Replace(string path, ReadOnlySpan<byte> content)
    {
        var temporary = path + ".tmp";
        using (var stream = Create(temporary))
        {
            stream.Write(content);
        }

        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Tells whether a group shares the folder that something is made in: it is group-writable or has the setgid bit, and is no place like /tmp.</summary>
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
