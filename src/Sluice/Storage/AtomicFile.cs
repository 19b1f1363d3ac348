using System.Text;

namespace Sluice.Storage;

/// <summary>Replaces a file as a whole: temporary file beside it, written, synced, renamed, and the folder synced. A reader sees the old or the new one; after <see cref="Commit"/>, a power cut leaves the new one.</summary>
internal sealed class AtomicFile : IDisposable
{
    private const string Suffix = ".tmp";

    private static int _count;

    private readonly string _path;
    private readonly string _temporary;
    private bool _synced;
    private bool _committed;

    /// <summary>Starts a new version of a file.</summary>
    public AtomicFile(string path)
    {
        _path = path;
        _temporary = TemporaryOf(path);
        PrivateFiles.CreateFolder(Path.GetDirectoryName(path)!);
        Stream = PrivateFiles.Create(_temporary);
        CrashPoint.Hit("file.create.after");
    }

    /// <summary>Gets the stream of the new version.</summary>
    public FileStream Stream { get; }

    /// <summary>Returns a name beside a file that nobody else uses, and that tells whose it is.</summary>
    public static string TemporaryOf(string path) => $"{path}.{Owner.Self.Replace(':', '-').Replace('@', '-')}-{Interlocked.Increment(ref _count)}{Suffix}";

    /// <summary>Replaces a file by a text.</summary>
    public static void WriteText(string path, string text)
    {
        using var file = new AtomicFile(path);
        file.Stream.Write(Encoding.UTF8.GetBytes(text));
        file.Commit();
    }

    /// <summary>Deletes what killed processes left unfinished in a folder; of processes that cannot be looked at, what is a day old.</summary>
    public static void DropLeftovers(string folder, TimeProvider time)
    {
        foreach (var path in Leftovers(folder, time))
        {
            File.Delete(path);
        }
    }

    /// <summary>Returns what <see cref="DropLeftovers"/> would delete.</summary>
    public static IEnumerable<string> Leftovers(string folder, TimeProvider time)
    {
        return Directory.Exists(folder) ? Directory.EnumerateFiles(folder, "*" + Suffix).Where(IsLeft) : [];

        bool IsLeft(string path) => Path.GetFileNameWithoutExtension(path).Split('.')[^1].Split('-') is [var pid, var start, var host, _]
            && !(Owner.IsAlive($"{pid}:{start}@{host}") ?? IsFresh(path));

        bool IsFresh(string path) => time.GetUtcNow() - File.GetLastWriteTimeUtc(path) < TimeSpan.FromDays(1);
    }

    /// <summary>Writes the new version to disk, which may take long; it is not the file yet.</summary>
    public void Sync()
    {
        if (!_synced)
        {
            CrashPoint.Hit("file.sync.before");
            Stream.Flush(flushToDisk: true);
            Stream.Dispose();
            _synced = true;
        }
    }

    /// <summary>Makes the new version the file.</summary>
    public void Commit()
    {
        Sync();
        CrashPoint.Hit("file.rename.before");
        File.Move(_temporary, _path, overwrite: true);
        _committed = true;
        CrashPoint.Hit("file.rename.after");
        FolderSync.SyncAround(_path);
        CrashPoint.Hit("file.folder.after");
    }

    /// <summary>Drops the new version unless it was committed.</summary>
    public void Dispose()
    {
        if (_committed)
        {
            return;
        }

        // What went wrong has been thrown already: that a full disk does not take the rest either is no news, and must not hide it.
        try
        {
            Stream.Dispose();
        }
        catch (IOException)
        {
        }

        try
        {
            File.Delete(_temporary);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // The next command drops it.
        }
    }
}
