using Sluice.Caching;
using Sluice.Sweeps;

namespace Sluice.Cli;

/// <summary>Opens stores by their location: the workspace's own, and those that the <c>cache</c> commands name.</summary>
internal sealed class CacheStores(Workspace workspace, TimeProvider time)
{
    /// <summary>Opens a store that is there: looking must not make one.</summary>
    /// <param name="location">Where it is, or null for the workspace's own.</param>
    /// <exception cref="SluiceException">There is none, or the location is none.</exception>
    public ICacheStore Existing(string? location)
    {
        var place = Place(location);
        RequireFile(place);
        return !IsThere(place)
            ? throw new SluiceException(
                ErrorKind.Usage,
                location is null ? $"the workspace {workspace.Root} has no cache yet" : $"there is no cache at {place}",
                location is null ? "the first `sluice run` makes one; --workspace names another folder, --cache another store" : "check the location; nothing was made")
            : Open(location);
    }

    /// <summary>Opens a store, or makes it.</summary>
    /// <param name="location">Where it is, or null for the workspace's own.</param>
    /// <exception cref="SluiceException">The location is none.</exception>
    public ICacheStore Open(string? location) => Open(location, waits: true);

    /// <summary>Opens the workspace's own store for a look, which does not wait where it is away.</summary>
    public ICacheStore Peek() => Open(location: null, waits: false);

    /// <summary>Names a store that is opened, or made, when the first answer comes.</summary>
    /// <param name="location">Where it is, or null for the workspace's own.</param>
    /// <exception cref="SluiceException">The location is none.</exception>
    public LateStore Late(string? location)
    {
        RequireFile(Place(location));
        return new LateStore(() => Open(location));
    }

    /// <summary>Puts before the workspace's store what keeps answers while it is away.</summary>
    public OutageBufferedCache Buffered(ICacheStore store, bool waits = true) =>
        new(store, workspace.CacheAwayFolder, Terminal.Warning, time, workspace.SecondCacheAwayFolder) { Waits = waits };

    /// <summary>Opens a store, or makes it.</summary>
    /// <param name="place">Where it is.</param>
    /// <param name="compress">Whether SQLite compresses new bodies.</param>
    /// <param name="expiry">After how long Redis may forget new answers; null: never.</param>
    /// <param name="lockWait">How long a put waits for another process's lock; null: a minute.</param>
    public ICacheStore Open(CacheLocation place, bool compress = false, TimeSpan? expiry = null, TimeSpan? lockWait = null)
    {
        var full = Full(place);
        if (full.Place == workspace.CachePath || full.Place == workspace.CacheFolder)
        {
            workspace.Prepare();
        }

        return full.Kind switch
        {
            CacheSettings.Sqlite => new SqliteResponseCache(full.Place!, time, compress, lockWait),
            CacheSettings.Jsonl => new JsonlResponseCache(full.Place!, time, Terminal.Warning, lockWait: lockWait),
            _ => new RedisResponseCache(RedisAccess.Options(full.Place!, full.Prefix!, expiry), Terminal.Warning, time),
        };
    }

    /// <summary>Returns how a Redis lets answers go when it is full, or null: it is none, it does not, or it does not tell.</summary>
    public static async ValueTask<string?> FindEvictionAsync(ICacheStore store, CancellationToken cancellationToken) =>
        store is RedisResponseCache redis ? await redis.FindEvictionAsync(cancellationToken).ConfigureAwait(false) : null;

    /// <summary>Tells whether two locations are one and the same.</summary>
    public bool AreSame(string? one, string? other) => Place(one) == Place(other);

    /// <summary>Tells whether there is a store, without making one; a server is taken to be there.</summary>
    public bool IsThere(CacheLocation place) => Full(place) switch
    {
        // A file without a byte is what a kill leaves that came right at the beginning.
        { Kind: CacheSettings.Sqlite, Place: var file } => new FileInfo(file!) is { Exists: true, Length: > 0 },
        { Kind: CacheSettings.Jsonl, Place: var folder } => JsonlResponseCache.IsStore(folder!),
        _ => true,
    };

    /// <summary>Returns how a location is to be written so that every command finds it, in any workspace that has such a store.</summary>
    public string Spell(CacheLocation place) => place.Kind == CacheSettings.Redis ? $"'{Full(place)}'" : place.ToString();

    /// <summary>Returns what the workspace remembers of its store, or null.</summary>
    public CacheSettings? Record() => CacheRecord.Read(workspace.CacheRecordPath);

    /// <summary>Returns the stores on the workspace's disk that have entries, or may have some: one that cannot be looked at is not taken for an empty one.</summary>
    public IReadOnlyList<CacheSettings> Filled() =>
    [
        .. SqliteResponseCache.MayHaveEntries(workspace.CachePath) ? (CacheSettings[])[new() { Backend = CacheSettings.Sqlite }] : [],
        .. JsonlResponseCache.MayHaveEntries(workspace.CacheFolder) ? (CacheSettings[])[new() { Backend = CacheSettings.Jsonl }] : [],
    ];

    /// <summary>Returns the store of the workspace where nobody names one: the one it remembers, else the only one that has entries; null when there is none yet.</summary>
    /// <exception cref="SluiceException">Two have entries, and nothing says which of them is meant.</exception>
    public CacheSettings? Own() => Record() ?? Filled() switch
    {
        [] => null,
        [var only] => only,
        _ => throw new SluiceException(
            ErrorKind.Usage,
            $"this workspace has answers in sqlite ({workspace.CachePath}) and in jsonl ({workspace.CacheFolder}), and nothing says which of them it uses",
            "say it once, with `sluice run ... cache.backend=sqlite` or `cache.backend=jsonl`; `sluice cache` commands take --cache. `sluice cache copy --from jsonl --to sqlite` brings both together"),
    };

    /// <summary>Gets whether answers wait for the workspace's store.</summary>
    private bool HasKept => ((string[])[workspace.CacheAwayFolder, workspace.SecondCacheAwayFolder]).Any(f => Directory.Exists(f) && Directory.EnumerateDirectories(f).Any());

    /// <summary>Tells a folder that stands where the file is to be, or the other way round, from a cache that is not there yet.</summary>
    private static void RequireFile(CacheLocation place)
    {
        if (place.Kind == CacheSettings.Sqlite && Directory.Exists(place.Place))
        {
            throw new SluiceException(ErrorKind.Usage, $"{place.Place} is a folder, and a SQLite cache is a file", $"move the folder away, or name another store; jsonl:{place.Place} would be one of text files");
        }

        if (place.Kind == CacheSettings.Jsonl && File.Exists(place.Place))
        {
            throw new SluiceException(ErrorKind.Usage, $"{place.Place} is a file, and a JSONL cache is a folder", "move the file away, or name another store; `sluice cache import` takes exported files in");
        }
    }

    private ICacheStore Open(string? location, bool waits)
    {
        var place = Place(location);
        RequireFile(place);
        var store = Open(place);
        // Answers that were kept while it could not take them belong to it.
        return HasKept && place == Full(CacheLocation.Of(location is null ? Own() : Record())) ? Buffered(store, waits) : store;
    }

    private CacheLocation Place(string? location) => Full(location is null ? CacheLocation.Of(Own()) : CacheLocation.Parse(location));

    private CacheLocation Full(CacheLocation place) => place.Kind switch
    {
        CacheSettings.Sqlite => place with { Place = Path.GetFullPath(place.Place ?? workspace.CachePath) },
        CacheSettings.Jsonl => place with { Place = Path.TrimEndingDirectorySeparator(Path.GetFullPath(place.Place ?? workspace.CacheFolder)) },
        _ => place with { Place = place.Place ?? RedisAccess.UsualUrl, Prefix = place.Prefix ?? Record()?.RedisPrefix ?? CacheSettings.UsualRedisPrefix },
    };
}
