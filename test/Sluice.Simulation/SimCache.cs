using System.Security.Cryptography;
using System.Text;
using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Simulation;

/// <summary>What has been answered, in memory, for all processes of a seed.</summary>
internal sealed class SimCache(World world)
{
    private readonly Dictionary<RequestKey, CachedResponse> _answers = [];

    /// <summary>Gets the answers that somebody was told to be safe, by a hash of each.</summary>
    public Dictionary<RequestKey, string> Acknowledged { get; } = [];

    public IReadOnlyDictionary<RequestKey, CachedResponse> All => _answers;

    public static string HashOf(CachedResponse response) => Convert.ToHexString(SHA256.HashData(response.Body.Span));

    public CachedResponse? Find(RequestKey key) => _answers.GetValueOrDefault(key);

    /// <summary>Returns the cache as a process uses it.</summary>
    public IResponseCache For(SimProcess process) => new View(world, this, process);

    private int Put(IReadOnlyList<CacheEntry> entries)
    {
        var added = 0;
        foreach (var entry in entries)
        {
            if (!Encoding.UTF8.GetString(entry.Body.Span).Contains(entry.Key.ToString(), StringComparison.Ordinal))
            {
                world.Violate($"the answer to another request is stored under {entry.Key}");
            }

            added += _answers.TryAdd(entry.Key, new CachedResponse(entry.Body.ToArray(), entry.Usage, entry.Origin.IsBatch)) ? 1 : 0;
        }

        return added;
    }

    private sealed class View(World world, SimCache cache, SimProcess process) : IResponseCache
    {
        public async ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default)
        {
            await process.TurnAsync(world.Plan.SlowCache / 4);
            for (var i = 0; i < keys.Length; i++)
            {
                responses.Span[i] = cache.Find(keys.Span[i]);
            }

            await process.TurnAsync(world.Plan.SlowCache / 4);
        }

        public async ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default)
        {
            process.RequireAlive();
            if (entries.Count == 0)
            {
                return 0;
            }

            await process.TurnAsync(world.Plan.SlowCache);
            var added = cache.Put(entries);
            await process.TurnAsync(world.Plan.SlowCache);
            foreach (var entry in entries)
            {
                cache.Acknowledged.TryAdd(entry.Key, HashOf(cache._answers[entry.Key]));
            }

            return added;
        }

        public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => ValueTask.FromResult(cache._answers.Count == 0);

        public async ValueTask SyncAsync(CancellationToken cancellationToken = default)
        {
            process.RequireAlive();
            await process.TurnAsync(world.Plan.SlowCache);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
