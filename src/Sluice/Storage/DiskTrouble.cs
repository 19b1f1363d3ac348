namespace Sluice.Storage;

/// <summary>Words what a disk can do to any write, the same for every file: databases, spools, results.</summary>
public static class DiskTrouble
{
    // errno, which .NET hands on as it is; Linux and macOS have the same numbers.
    private const int NoSpaceLeft = 28;
    private const int ReadOnlyFileSystem = 30;

    /// <summary>Turns a full or read-only disk into an error for people; null for any other trouble.</summary>
    public static SluiceException? Explain(Exception error) => error is not IOException ? null : error.HResult switch
    {
        NoSpaceLeft => Full(PathIn(error), error),
        ReadOnlyFileSystem => ReadOnly(PathIn(error), error),
        _ => null,
    };

    /// <summary>The disk is full.</summary>
    internal static SluiceException Full(string path, Exception error) =>
        new(ErrorKind.Environment, $"the disk is full while writing {path}", "free some space and run the same command again: it goes on from what is stored", error);

    /// <summary>A database cannot be written, or not even opened.</summary>
    internal static SluiceException CannotWrite(string path, Exception error) => Probe(path, error) ?? Denied(path, error.Message, error);

    /// <summary>SQLite does not say why it cannot write: tries to write a file beside the database, and says what is in the way of that; null when nothing is.</summary>
    internal static SluiceException? Probe(string path, Exception error)
    {
        var probe = $"{path}.{Guid.NewGuid():N}.tmp";
        try
        {
            // Bytes, down to the device: a full disk often has room for an empty file, and may notice only then.
            using var file = PrivateFiles.CreatePassing(probe);
            file.Write(new byte[4096]);
            file.Flush(flushToDisk: true);
            return null;
        }
        catch (Exception reason) when (reason is IOException or UnauthorizedAccessException)
        {
            return reason switch
            {
                { HResult: ReadOnlyFileSystem } => ReadOnly(path, error),
                { HResult: NoSpaceLeft } => Full(path, error),
                UnauthorizedAccessException => Denied(path, $"the folder {Path.GetDirectoryName(path)} is not writable", error),
                _ => null,
            };
        }
    }

    /// <summary>A file may not be written.</summary>
    internal static SluiceException Denied(string path, string reason, Exception error) =>
        new(ErrorKind.Environment, $"cannot write {path}: {reason}", "check the folder's permissions, or choose another with --workspace", error);

    private static SluiceException ReadOnly(string path, Exception error) =>
        new(ErrorKind.Environment, $"cannot write {path}: it is on a read-only file system", "make the file system writable, or choose another folder with --workspace", error);

    /// <summary>Finds the file in a message of .NET: <c>No space left on device : '/path'</c>.</summary>
    private static string PathIn(Exception error) => error.Message.Split(" : '") is [_, var path] ? path.TrimEnd('\'') : $"a file ({error.Message})";
}
