using Sluice.Caching;
using Sluice.Sweeps;

namespace Sluice.Cli;

/// <summary>Opens the stores that the <c>cache</c> commands look into.</summary>
internal sealed class CacheStores(Workspace workspace, TimeProvider time)
{
    /// <summary>Opens a store that is there: looking must not make one.</summary>
    /// <param name="location">Where it is, or null for the workspace's own.</param>
    /// <exception cref="SluiceException">There is none, or the location is none.</exception>
    public ICacheStore Existing(string? location)
    {
        var place = Place(location);
        return !IsThere(place)
            ? throw new SluiceException(
                ErrorKind.Usage,
                location is null ? $"the workspace {workspace.Root} has no cache yet" : $"there is no cache at {place}",
                location is null ? "the first `sluice run` makes one; --workspace names another folder, --cache another store" : "check the location; nothing was made")
            : Open(place);
    }

    /// <summary>Opens a store, or makes it.</summary>
    /// <param name="location">Where it is, or null for the workspace's own.</param>
    /// <exception cref="SluiceException">The location is none.</exception>
    public ICacheStore Open(string? location)
    {
        if (location is null)
        {
            workspace.Prepare();
        }

        return Open(Place(location));
    }

    /// <summary>Tells whether two locations are one and the same.</summary>
    public bool AreSame(string? one, string? other) => Place(one) == Place(other);

    private CacheLocation Place(string? location)
    {
        var place = location is null ? Own() : CacheLocation.Parse(location);
        return place.Kind switch
        {
            CacheSettings.Sqlite => place with { Place = Path.GetFullPath(place.Place ?? workspace.CachePath) },
            CacheSettings.Jsonl => place with { Place = Path.TrimEndingDirectorySeparator(Path.GetFullPath(place.Place ?? workspace.CacheFolder)) },
            _ => place,
        };
    }

    /// <summary>Returns where the workspace has its answers.</summary>
    private CacheLocation Own() => CacheRecord.Read(workspace.CacheRecordPath) is { } record ? new(record.Backend!, record.RedisUrl) : new(CacheSettings.Sqlite, null);

    private static bool IsThere(CacheLocation place) => place.Kind switch
    {
        CacheSettings.Sqlite => File.Exists(place.Place),
        CacheSettings.Jsonl => Directory.Exists(place.Place) && Directory.EnumerateFiles(place.Place, "*.jsonl").Any(),
        _ => true,
    };

    private ICacheStore Open(CacheLocation place) => place.Kind switch
    {
        CacheSettings.Sqlite => new SqliteResponseCache(place.Place!, time),
        CacheSettings.Jsonl => new JsonlResponseCache(place.Place!, time, Terminal.Warning),
        _ => throw new SluiceException(ErrorKind.Usage, $"{place}: this build has no such store", "it has: sqlite, jsonl"),
    };
}
