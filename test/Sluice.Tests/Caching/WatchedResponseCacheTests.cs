using System.Security.Cryptography;
using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Tests.Caching;

public sealed class WatchedResponseCacheTests
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task An_answer_that_was_put_and_is_gone_stops_whoever_asks_for_it()
    {
        await using var store = new TemporaryCache();
        await using var watched = new WatchedResponseCache(store.Cache, s_start);
        await watched.PutAsync([TemporaryCache.Entry(1, "a"), TemporaryCache.Entry(2, "b")], cancellationToken: Token);
        Assert.NotNull(await GetAsync(watched, 1));

        await store.Cache.DeleteAsync(CacheFilter.All, Token);

        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => GetAsync(watched, 1));
        Assert.Equal(ErrorKind.Environment, error.Kind);
        Assert.Contains(store.Cache.Name, error.Message, StringComparison.Ordinal);
        Assert.Contains("noeviction", error.Hint, StringComparison.Ordinal);
        Assert.Null(await GetAsync(watched, 3));
    }

    [Fact]
    public async Task What_others_have_stored_may_go()
    {
        await using var store = new TemporaryCache();
        await using var watched = new WatchedResponseCache(store.Cache, s_start);
        await store.PutAsync(TemporaryCache.Entry(1, "theirs", made: s_start.AddDays(-1)));
        // It is not stored: theirs stays.
        Assert.Equal(0, await watched.PutAsync([TemporaryCache.Entry(1, "ours")], cancellationToken: Token));

        Assert.Null(await GetAsync(watched, 1, s_start));
        await store.Cache.DeleteAsync(CacheFilter.All, Token);
        Assert.Null(await GetAsync(watched, 1));
    }

    [Fact]
    public async Task An_answer_to_a_refresh_counts_and_one_that_is_asked_for_even_younger_does_not()
    {
        await using var store = new TemporaryCache();
        await using var watched = new WatchedResponseCache(store.Cache, s_start);
        await store.PutAsync(TemporaryCache.Entry(1, "old", made: s_start.AddDays(-1)));
        Assert.Null(await GetAsync(watched, 1, s_start));

        await watched.PutAsync([TemporaryCache.Entry(1, "new", made: s_start)], s_start, Token);

        Assert.NotNull(await GetAsync(watched, 1, s_start));
        Assert.Null(await GetAsync(watched, 1, s_start.AddSeconds(1)));
        await store.Cache.DeleteAsync(CacheFilter.All, Token);
        await Assert.ThrowsAsync<SluiceException>(() => GetAsync(watched, 1, s_start));
    }

    [Fact]
    public async Task Keys_that_were_never_put_are_never_taken_for_lost_ones()
    {
        const int Count = 100_000;
        await using var watched = new WatchedResponseCache(new Forgetful(), s_start);
        foreach (int[] chunk in Enumerable.Range(0, Count).Chunk(4096))
        {
            await watched.PutAsync([.. chunk.Select(i => new CacheEntry(Key(i), "{}"u8.ToArray(), default) { Origin = new ResponseOrigin("p", "m", "live") })], cancellationToken: Token);
        }

        foreach (int[] chunk in Enumerable.Range(Count, Count).Chunk(4096))
        {
            await watched.GetAsync(chunk.Select(Key).ToArray(), new CachedResponse?[chunk.Length], cancellationToken: Token);
        }

        await Assert.ThrowsAsync<SluiceException>(async () => await watched.GetAsync(new[] { Key(7) }, new CachedResponse?[1], cancellationToken: Token));
    }

    private static RequestKey Key(int number) => new(SHA256.HashData(BitConverter.GetBytes(number)));

    private static async Task<CachedResponse?> GetAsync(WatchedResponseCache cache, int key, DateTimeOffset notBefore = default)
    {
        var found = new CachedResponse?[1];
        await cache.GetAsync(new[] { TemporaryCache.Key(key) }, found, notBefore, Token);
        return found[0];
    }

    /// <summary>Takes everything and has nothing.</summary>
    private sealed class Forgetful : IResponseCache
    {
        public ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

        public ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default) => ValueTask.FromResult(entries.Count);

        public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => ValueTask.FromResult(true);

        public ValueTask SyncAsync(CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
