using Sluice.Caching;
using Sluice.Requests;
using Sluice.Testing;
using StackExchange.Redis;

namespace Sluice.Tests.Caching.Redis;

/// <summary>Servers that are there and cannot be used as they are.</summary>
public sealed class RedisTroubleTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-trouble-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_database_that_the_server_does_not_have_is_an_error_and_no_other_one_is_touched()
    {
        using var server = RedisServers.Start("--databases", "4");
        await using RedisResponseCache first = Open(server.Url);
        await first.PutAsync([TemporaryCache.Entry(1, "one")], cancellationToken: Token);
        await using RedisResponseCache last = Open(server.Url[..^1] + "3");
        await last.PutAsync([TemporaryCache.Entry(2, "two")], cancellationToken: Token);
        await using RedisResponseCache none = Open(server.Url[..^1] + "77");

        foreach (Func<Task> use in (Func<Task>[])[
            () => none.DeleteAsync(CacheFilter.All, Token).AsTask(),
            () => none.PutAsync([TemporaryCache.Entry(3, "three")], cancellationToken: Token).AsTask(),
            () => GetAsync(none, 1)])
        {
            SluiceException error = await Assert.ThrowsAsync<SluiceException>(use);
            Assert.Equal(ErrorKind.Usage, error.Kind);
            Assert.Contains("no database 77", error.Message, StringComparison.Ordinal);
        }

        Assert.Equal(["one"], (await TemporaryCache.ListAsync(first)).Select(e => System.Text.Encoding.UTF8.GetString(e.Body!)));
        Assert.Equal(["two"], (await TemporaryCache.ListAsync(last)).Select(e => System.Text.Encoding.UTF8.GetString(e.Body!)));
    }

    [Theory]
    [InlineData("4mb", "allkeys-lru", false, true)]
    [InlineData("4mb", "noeviction", true, false)]
    [InlineData("0", "allkeys-lru", false, false)]
    [InlineData("4mb", "volatile-ttl", false, false)]
    [InlineData("4mb", "volatile-ttl", true, true)]
    public async Task A_server_that_throws_answers_away_when_it_is_full_is_noticed(string most, string policy, bool expires, bool isNoticed)
    {
        using var server = RedisServers.Start("--maxmemory", most, "--maxmemory-policy", policy);
        await using var cache = new RedisResponseCache(new RedisOptions(server.Url) { Expiry = expires ? TimeSpan.FromDays(1) : null }, _ => { }, TimeProvider.System);

        string? problem = await cache.FindEvictionAsync(Token);

        Assert.Equal(isNoticed, problem?.Contains(policy, StringComparison.Ordinal) ?? false);
    }

    [Fact]
    public async Task A_server_that_hides_its_settings_is_taken_as_it_is()
    {
        using var server = RedisServers.Start("--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru", "--rename-command", "INFO", "");
        await using RedisResponseCache cache = Open(server.Url);

        Assert.Null(await cache.FindEvictionAsync(Token));
    }

    [Fact]
    public async Task Something_else_under_the_name_of_an_answer_is_named_and_the_answer_is_kept()
    {
        using var server = RedisServers.Start();
        IDatabase client = (await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{server.Port}")).GetDatabase();
        string name = $"sluice:r:{TemporaryCache.Key(1)}";
        await client.ListRightPushAsync(name, "a");
        var remarks = new Remarks();
        await using var cache = new OutageBufferedCache(Open(server.Url), _folder, remarks.Add, TimeProvider.System);

        foreach (DateTimeOffset replacedBefore in (DateTimeOffset[])[default, DateTimeOffset.UnixEpoch.AddYears(60)])
        {
            SluiceException error = await Assert.ThrowsAsync<AnswersKeptException>(async () => await cache.PutAsync([TemporaryCache.Entry(1, "paid")], replacedBefore, Token));
            Assert.IsNotType<CacheAwayException>(error);
            Assert.Contains(name, error.Message, StringComparison.Ordinal);
            Assert.NotNull(error.Hint);
        }

        await Assert.ThrowsAsync<SluiceException>(async () => await Open(server.Url).FindAsync(TemporaryCache.Key(1), Token));
        Assert.NotNull(await GetAsync(cache, 1));
        await client.KeyDeleteAsync(name);
        Assert.Single(await TemporaryCache.ListAsync(cache));
    }

    [Fact]
    public async Task Something_else_under_the_name_of_an_answer_is_found_when_all_are_verified_and_never_deleted()
    {
        using var server = RedisServers.Start();
        await using RedisResponseCache cache = Open(server.Url);
        await cache.PutAsync([TemporaryCache.Entry(1, "one")], cancellationToken: Token);
        IDatabase client = (await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{server.Port}")).GetDatabase();
        string name = $"sluice:r:{TemporaryCache.Key(2)}";
        await client.ListRightPushAsync(name, "a");

        StoredResponse foreign = Assert.Single(await TemporaryCache.ListAsync(cache), e => e.Problem is not null);

        Assert.Equal(TemporaryCache.Key(2), foreign.Key);
        Assert.Contains("a list", foreign.Problem, StringComparison.Ordinal);
        Assert.Equal(1, await cache.DeleteAsync(new CacheFilter { Before = TimeProvider.System.GetUtcNow().AddDays(1) }, Token));
        Assert.True(await client.KeyExistsAsync(name));
    }

    [Fact]
    public async Task A_user_who_may_not_store_is_told_so_and_not_to_wait()
    {
        using var server = RedisServers.Start("--user", "default", "off", "--user", "team", "on", ">correct-horse", "~sluice:*", "+@read", "+@connection");
        var redis = new RedisResponseCache(new RedisOptions(server.Url) { User = "team", Password = "correct-horse" }, _ => { }, TimeProvider.System);
        await using var cache = new OutageBufferedCache(redis, _folder, _ => { }, TimeProvider.System);

        SluiceException error = await Assert.ThrowsAsync<AnswersKeptException>(async () => await cache.PutAsync([TemporaryCache.Entry(1, "paid")], cancellationToken: Token));

        Assert.IsNotType<CacheAwayException>(error);
        Assert.Contains("NOPERM", error.Message, StringComparison.Ordinal);
        Assert.Contains("docs/cache.md", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_value_that_is_no_response_is_counted_as_damaged()
    {
        using var server = RedisServers.Start();
        await using RedisResponseCache cache = Open(server.Url);
        await cache.PutAsync([TemporaryCache.Entry(1, "one")], cancellationToken: Token);
        await (await ConnectionMultiplexer.ConnectAsync($"127.0.0.1:{server.Port}")).GetDatabase().StringSetAsync($"sluice:r:{TemporaryCache.Key(2)}", "nonsense");

        CacheStatistics all = await CacheStatistics.CollectAsync(cache, CacheFilter.All, cancellationToken: Token);

        Assert.Equal((1L, 1L, "m"), (all.Total.Responses, all.Damaged, Assert.Single(all.Models).Model));
        Assert.True(all.Total.Oldest > DateTimeOffset.UnixEpoch);
    }

    private static RedisResponseCache Open(string url) => new(new RedisOptions(url), _ => { }, TimeProvider.System);

    private static async Task<CachedResponse?> GetAsync(IResponseCache cache, int key)
    {
        var found = new CachedResponse?[1];
        await cache.GetAsync(new[] { TemporaryCache.Key(key) }, found, cancellationToken: Token);
        return found[0];
    }
}
