using Sluice.Caching;
using Sluice.Requests;
using Sluice.Testing;

namespace Sluice.Tests.Caching.Redis;

/// <summary>A real server that dies, or stands still, under a cache that waits for it.</summary>
public sealed class RedisAwayTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-away-").FullName;
    private readonly Remarks _remarks = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_server_that_was_killed_is_waited_for_and_nothing_is_lost()
    {
        using var server = RedisServers.Start();
        await AwayAsync(server, server.Kill, server.Start);
    }

    [Fact]
    public async Task A_server_that_stands_still_is_waited_for_and_nothing_is_lost()
    {
        using var server = RedisServers.Start();
        await AwayAsync(server, server.Pause, server.Resume);
    }

    [Fact]
    public async Task A_server_that_is_full_is_waited_for_and_nothing_is_lost()
    {
        using var server = RedisServers.Start();
        using var client = await StackExchange.Redis.ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{server.Port},allowAdmin=true");
        StackExchange.Redis.IServer admin = client.GetServers()[0];
        await AwayAsync(server, () => admin.ConfigSet("maxmemory", "1"), () => admin.ConfigSet("maxmemory", "0"));
    }

    [Fact]
    public async Task A_server_that_is_not_there_yet_is_waited_for()
    {
        using var server = RedisServers.Start();
        server.Kill();
        await using OutageBufferedCache cache = Buffered(server);

        Task<CachedResponse?> found = GetAsync(cache, 1);
        await _remarks.SaidAsync("is away");
        Assert.False(found.IsCompleted);
        server.Start();

        Assert.Null(await found);
    }

    private async Task AwayAsync(RedisServer server, Action goAway, Action comeBack)
    {
        await using OutageBufferedCache cache = Buffered(server);
        await cache.PutAsync([.. Enumerable.Range(0, 500).Select(Entry)], cancellationToken: Token);
        goAway();

        await cache.PutAsync([.. Enumerable.Range(500, 500).Select(Entry)], cancellationToken: Token);
        Assert.NotNull(await GetAsync(cache, 999));
        Task synced = cache.SyncAsync(Token).AsTask();
        Task<CachedResponse?> known = GetAsync(cache, 3);
        await _remarks.SaidAsync("is away");
        comeBack();

        Assert.NotNull(await known);
        await synced;
        await _remarks.SaidAsync("500 answers that were kept meanwhile are in it now");
        Assert.Empty(Directory.GetDirectories(_folder));
        // With the usual patience: a busy machine is no server that is away.
        await using var direct = new RedisResponseCache(new RedisOptions(server.Url), _remarks.Add, TimeProvider.System);
        for (int i = 0; i < 1000; i++)
        {
            CachedResponse? found = await GetAsync(direct, i);
            Assert.True(found is not null, $"{i} is lost");
            Assert.Equal(i, found.Usage.Input);
        }
    }

    private OutageBufferedCache Buffered(RedisServer server) => new(Redis(server), _folder, _remarks.Add, TimeProvider.System);

    private RedisResponseCache Redis(RedisServer server) =>
        new(new RedisOptions(server.Url) { Timeout = TimeSpan.FromSeconds(1) }, _remarks.Add, TimeProvider.System);

    private static CacheEntry Entry(int number) => new(Key(number), "{}"u8.ToArray(), new TokenUsage(number, 1)) { Origin = new ResponseOrigin("openai", "m", "live") };

    private static RequestKey Key(int number)
    {
        byte[] bytes = new byte[RequestKey.Length];
        new Random(number).NextBytes(bytes);
        return new RequestKey(bytes);
    }

    private static async Task<CachedResponse?> GetAsync(IResponseCache cache, int number)
    {
        var found = new CachedResponse?[1];
        await cache.GetAsync(new[] { Key(number) }, found, cancellationToken: Token);
        return found[0];
    }
}
