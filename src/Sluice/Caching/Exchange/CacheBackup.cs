using Sluice.Storage;

namespace Sluice.Caching.Exchange;

/// <summary>Copies a whole cache into a new SQLite file, which is there when it is complete: until then it has another name beside it.</summary>
/// <param name="cache">The cache.</param>
/// <param name="time">The clock.</param>
public sealed class CacheBackup(ICacheStore cache, TimeProvider time)
{
    private static readonly string[] Parts = ["-wal", "-shm", ""];

    /// <summary>Gets or sets what is told how many have been copied.</summary>
    public Action<long>? Progress { get; init; }

    /// <summary>Gets or sets what is told of each damaged entry; it is left out.</summary>
    public Action<StoredResponse>? Damaged { get; init; }

    /// <summary>Writes the file; what a killed backup has left beside it is deleted.</summary>
    /// <exception cref="SluiceException">There is such a file already, or it cannot be written.</exception>
    public async Task WriteAsync(string path, CancellationToken cancellationToken = default)
    {
        var target = Path.GetFullPath(path);
        RequireNew(target);
        DropLeftovers(target);
        var temporary = AtomicFile.TemporaryOf(target);
        try
        {
            await CopyAsync(temporary, cancellationToken).ConfigureAwait(false);
            RequireWhole(temporary);
            using (var file = File.OpenHandle(temporary, FileMode.Open, FileAccess.ReadWrite))
            {
                RandomAccess.FlushToDisk(file);
            }

            CrashPoint.Hit("backup.rename.before");
            RequireNew(target);
            File.Move(temporary, target);
        }
        catch
        {
            Drop(temporary);
            throw;
        }
    }

    private static void RequireNew(string target)
    {
        if (Path.Exists(target))
        {
            throw new SluiceException(ErrorKind.Usage, $"{target} exists already", "name a file that does not exist");
        }
    }

    /// <summary>Makes sure that everything is in the file itself, which alone is renamed.</summary>
    private static void RequireWhole(string temporary)
    {
        if (new FileInfo(temporary + "-wal") is { Exists: true, Length: > 0 })
        {
            throw new SluiceException(ErrorKind.Environment, $"the backup in {temporary} could not be finished", "check the disk, then run the same command again");
        }
    }

    private static void Drop(string file)
    {
        foreach (var part in Parts)
        {
            File.Delete(file + part);
        }
    }

    private void DropLeftovers(string target)
    {
        var beginning = Path.GetFileName(target) + ".";
        foreach (var left in AtomicFile.Leftovers(Path.GetDirectoryName(target)!, time).Where(f => Path.GetFileName(f).StartsWith(beginning, StringComparison.Ordinal)).ToList())
        {
            Drop(left);
        }
    }

    private async Task CopyAsync(string file, CancellationToken cancellationToken)
    {
        if (cache is SqliteResponseCache sqlite)
        {
            sqlite.BackUp(file);
            return;
        }

        var backup = new SqliteResponseCache(file, time);
        await using var _ = backup.ConfigureAwait(false);
        await new CacheCopy(cache, backup) { Progress = Progress, Damaged = Damaged }.RunAsync(CacheFilter.All, cancellationToken).ConfigureAwait(false);
    }
}
