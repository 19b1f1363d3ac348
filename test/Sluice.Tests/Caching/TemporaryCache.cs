using System.Text;
using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Tests.Caching;

/// <summary>A SQLite cache in a folder of its own.</summary>
internal sealed class TemporaryCache : IAsyncDisposable
{
    private readonly List<SqliteResponseCache> _caches = [];

    public TemporaryCache() => Cache = Another("cache.db");

    public string Folder { get; } = Directory.CreateTempSubdirectory("sluice-cache-").FullName;

    public SqliteResponseCache Cache { get; }

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public static RequestKey Key(int number)
    {
        byte[] bytes = new byte[RequestKey.Length];
        new Random(number).NextBytes(bytes);
        return new RequestKey(bytes);
    }

    public static CacheEntry Entry(int key, string body, string model = "m", string source = "batch_1", DateTimeOffset? made = null) =>
        new(Key(key), Encoding.UTF8.GetBytes(body), new TokenUsage(key, 1)) { Origin = new ResponseOrigin("openai", model, source), CreatedAt = made };

    public SqliteResponseCache Another(string name)
    {
        var cache = new SqliteResponseCache(Path.Combine(Folder, name), TimeProvider.System);
        _caches.Add(cache);
        return cache;
    }

    public string Write(string name, string text)
    {
        string path = Path.Combine(Folder, name);
        File.WriteAllText(path, text);
        return path;
    }

    public Task PutAsync(params CacheEntry[] entries) => Cache.PutAsync(entries, cancellationToken: Token).AsTask();

    public static async Task<List<StoredResponse>> ListAsync(ICacheStore cache)
    {
        var found = new List<StoredResponse>();
        await foreach (StoredResponse entry in cache.ListAsync(CacheFilter.All, withBodies: true, Token))
        {
            found.Add(entry);
        }

        return found;
    }

    /// <summary>Everything that a copy keeps, so that two caches can be compared.</summary>
    public static async Task<string[]> FactsAsync(ICacheStore cache) => [.. (await ListAsync(cache))
        .Select(e => $"{e.Key} {e.Origin} {e.CreatedAt:O} {e.Usage} {e.Size} {Text(e.Body)} {Text(e.Request)} {e.Problem}").Order(StringComparer.Ordinal)];

    public async ValueTask DisposeAsync()
    {
        foreach (SqliteResponseCache cache in _caches)
        {
            await cache.DisposeAsync();
        }

        Directory.Delete(Folder, recursive: true);
    }

    private static string Text(byte[]? bytes) => bytes is null ? "-" : Convert.ToHexString(bytes);
}
