using Sluice.Storage;

namespace Sluice.Caching.Exchange;

/// <summary>Copies a whole cache into a new SQLite file, which is there when it is complete: until then it has another name beside it.</summary>
/// <param name="cache">The cache.</param>
/// <param name="time">The clock.</param>
public sealed class CacheBackup(ICacheStore cache, TimeProvider time)
{
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
        using var copy = new NewDatabase(target, time);
        await CopyAsync(copy.Path, cancellationToken).ConfigureAwait(false);
        copy.Complete();
        CrashPoint.Hit("backup.rename.before");
        RequireNew(target);
        copy.Place();
    }

    private static void RequireNew(string target)
    {
        if (Path.Exists(target))
        {
            throw new SluiceException(ErrorKind.Usage, $"{target} exists already", "name a file that does not exist");
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
