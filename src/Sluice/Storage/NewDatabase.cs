namespace Sluice.Storage;

/// <summary>A SQLite file that has another name, beside its place, until it is complete: nobody ever takes a part of it for the whole.</summary>
internal sealed class NewDatabase : IDisposable
{
    private static readonly string[] Parts = ["-wal", "-shm", ""];

    private readonly string _target;
    private bool _isPlaced;

    /// <summary>Chooses the name; what killed processes have left of the same kind is deleted.</summary>
    /// <param name="target">Where it is to be.</param>
    /// <param name="time">Tells how old the remains of processes are that cannot be looked at.</param>
    public NewDatabase(string target, TimeProvider time)
    {
        _target = target;
        foreach (var left in LeftoversOf(target, time).ToList())
        {
            Drop(left);
        }

        Path = AtomicFile.TemporaryOf(target);
    }

    /// <summary>Gets its name until then.</summary>
    public string Path { get; }

    /// <summary>Returns what killed processes have left of unfinished ones.</summary>
    public static IEnumerable<string> LeftoversOf(string target, TimeProvider time)
    {
        var beginning = System.IO.Path.GetFileName(target) + ".";
        return AtomicFile.Leftovers(System.IO.Path.GetDirectoryName(target)!, time).Where(f => System.IO.Path.GetFileName(f).StartsWith(beginning, StringComparison.Ordinal));
    }

    /// <summary>Deletes a database with the files beside it.</summary>
    public static void Drop(string path)
    {
        foreach (var part in Parts)
        {
            File.Delete(path + part);
        }
    }

    /// <summary>Makes sure, once it is closed, that everything is in the file itself and on the disk.</summary>
    /// <exception cref="SluiceException">It could not be finished.</exception>
    public void Complete()
    {
        if (new FileInfo(Path + "-wal") is { Exists: true, Length: > 0 })
        {
            throw new SluiceException(ErrorKind.Environment, $"{Path} could not be finished", "check the disk, then run the same command again");
        }

        using var file = File.OpenHandle(Path, FileMode.Open, FileAccess.ReadWrite);
        RandomAccess.FlushToDisk(file);
    }

    /// <summary>Gives it its name, which nothing may have yet.</summary>
    public void Place()
    {
        File.Move(Path, _target);
        _isPlaced = true;
        FolderSync.SyncAround(_target);
    }

    /// <summary>Gives it its name in place of a database that is kept under another one, and returns that.</summary>
    public string Replace()
    {
        var kept = SqliteStore.Replace(_target, Path);
        _isPlaced = true;
        return kept;
    }

    /// <summary>Deletes it unless it was placed.</summary>
    public void Dispose()
    {
        if (!_isPlaced)
        {
            Drop(Path);
        }
    }
}
