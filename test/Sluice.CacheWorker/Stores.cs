using Sluice.Caching;

namespace Sluice.CacheWorker;

/// <summary>Opens the store that a test is about.</summary>
public static class Stores
{
    /// <summary>Opens <c>sqlite:FILE</c> <c>jsonl:FOLDER</c> or <c>redis://HOST:PORT/DATABASE</c>.</summary>
    public static ICacheStore Open(string store, Action<string> warn)
    {
        ArgumentNullException.ThrowIfNull(store);
        return store.Split(':', 2) switch
        {
            ["sqlite", var file] => new SqliteResponseCache(file, TimeProvider.System),
            ["jsonl", var folder] => new JsonlResponseCache(folder, TimeProvider.System, warn, maxFileBytes: 4 * 1024 * 1024),
            ["redis", _] => new RedisResponseCache(new RedisOptions(store), warn, TimeProvider.System),
            _ => throw new ArgumentException($"no store: {store}"),
        };
    }
}
