using Microsoft.Extensions.Time.Testing;
using Sluice.Caching;
using Sluice.Requests;
using Sluice.Testing;
using Sluice.Tests.Caching.Redis;

namespace Sluice.Tests.Caching;

/// <summary>A store that is away when it is to be synced: that it could not be asked is no answer.</summary>
public sealed class OutageSyncTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-sync-").FullName;
    private readonly Remarks _remarks = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_sync_waits_until_the_store_is_back()
    {
        var time = new FakeTimeProvider(new(2026, 11, 27, 12, 0, 0, TimeSpan.Zero));
        var store = new FlakyStore(new SqliteResponseCache(Path.Combine(_folder, "cache.db"), time));
        await using var cache = new OutageBufferedCache(store, Path.Combine(_folder, "away"), _remarks.Add, time);
        await cache.PutAsync([Entry(1)], cancellationToken: Token);
        var before = cache.Interruptions;
        store.IsAway = true;

        Task synced = cache.SyncAsync(Token).AsTask();
        await _remarks.SaidAsync("is away");
        Assert.False(synced.IsCompleted);

        store.IsAway = false;
        while (!synced.IsCompleted)
        {
            Token.ThrowIfCancellationRequested();
            time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        await synced;
        Assert.NotEqual(before, cache.Interruptions);
        // Whoever stands before it says the same.
        Assert.Equal(cache.Interruptions, new WatchedResponseCache(cache, default).Interruptions);
        Assert.Equal(cache.Interruptions, new TieredResponseCache(new MemoryResponseCache(1024, time), cache).Interruptions);
        Assert.Equal(cache.Interruptions, new ShadowResponseCache(cache, cache, _remarks.Add).Interruptions);
    }

    [Fact]
    public async Task What_the_store_itself_has_noticed_counts_as_well()
    {
        var store = new FlakyStore(new SqliteResponseCache(Path.Combine(_folder, "cache.db"), TimeProvider.System));
        await using var cache = new OutageBufferedCache(store, Path.Combine(_folder, "away"), _remarks.Add, TimeProvider.System);
        long before = cache.Interruptions;

        store.Interruptions++;

        Assert.Equal(before + 1, cache.Interruptions);
    }

    [Fact]
    public async Task A_wait_for_the_store_to_be_synced_can_be_given_up()
    {
        var store = new FlakyStore(new SqliteResponseCache(Path.Combine(_folder, "cache.db"), TimeProvider.System)) { IsAway = true };
        await using var cache = new OutageBufferedCache(store, Path.Combine(_folder, "away"), _remarks.Add, TimeProvider.System);
        using var stop = new CancellationTokenSource();

        Task synced = cache.SyncAsync(stop.Token).AsTask();
        await _remarks.SaidAsync("is away");
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => synced);
    }

    [Fact]
    public async Task A_Redis_that_was_started_anew_counts_as_interrupted_even_when_nobody_asked_it_meanwhile()
    {
        // What it had is gone: it keeps no file.
        using RedisServer server = RedisServers.Start("--appendonly", "no");
        var store = new RedisResponseCache(new RedisOptions(server.Url), _remarks.Add, TimeProvider.System);
        await using var cache = new OutageBufferedCache(store, Path.Combine(_folder, "away"), _remarks.Add, TimeProvider.System);
        await cache.PutAsync([Entry(1)], cancellationToken: Token);
        var before = cache.Interruptions;
        await cache.SyncAsync(Token);
        Assert.Equal(before, cache.Interruptions);

        server.Kill();
        server.Start();
        while (store.Interruptions == 0)
        {
            // The client notices by itself; nobody asks it anything.
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Token);
        }

        await cache.SyncAsync(Token);
        Assert.NotEqual(before, cache.Interruptions);
        var found = new CachedResponse?[1];
        await cache.GetAsync(new[] { Key(1) }, found, cancellationToken: Token);
        Assert.Null(found[0]);
    }

    private static CacheEntry Entry(int number) => new(Key(number), "{}"u8.ToArray(), new TokenUsage(1, 1)) { Origin = new ResponseOrigin("openai", "m", "batch-1") };

    private static RequestKey Key(int number)
    {
        byte[] bytes = new byte[RequestKey.Length];
        new Random(number).NextBytes(bytes);
        return new RequestKey(bytes);
    }
}
