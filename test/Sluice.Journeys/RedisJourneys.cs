using System.Text.RegularExpressions;
using Sluice.Testing;

namespace Sluice.Journeys;

/// <summary>Servers and addresses that would cost money, or answers, if nobody looked.</summary>
public sealed class RedisJourneys : Journey
{
    [Fact]
    public async Task A_Redis_that_throws_answers_away_is_refused_before_anything_is_sent()
    {
        using var redis = Redis("--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru");
        await ProviderAsync();
        Dataset(5);
        Config(more: $"cache: {{ backend: redis, redis: {{ url: \"{redis.Url}\" }} }}\n");

        (await SweepAsync()).Explains(3, "allkeys-lru", "noeviction");
        (await RunAsync("submit", "configs")).Explains(3, "allkeys-lru");
        Assert.Equal(0, OpenAI.LinesExecuted);
        (await RunAsync("cache", "stats", "--cache", redis.Url)).Is(0).Says("there is no answer in redis://", "?prefix=", "allkeys-lru", "noeviction");
    }

    [Theory]
    [InlineData("true")]
    [InlineData("false")]
    public async Task A_cache_that_loses_answers_ends_the_command_before_they_are_bought_again(string batchMode)
    {
        // It does not tell its settings.
        using var redis = Redis("--maxmemory", "4mb", "--maxmemory-policy", "allkeys-lru", "--rename-command", "INFO", "");
        await ProviderAsync();
        Dataset(4000);
        // Every question stands there twice, for live calls: the second time its answer is gone.
        var data = await File.ReadAllTextAsync(Path.Combine(Folder, "data.jsonl"), Cancel);
        Write("data.jsonl", data + data.Replace("\"id\":\"s", "\"id\":\"t", StringComparison.Ordinal));
        Config(more: $"batch_mode: {batchMode}\ncache: {{ backend: redis, store_requests: true, redis: {{ url: \"{redis.Url}\" }} }}\nlive: {{ concurrency: 20 }}\n");

        (await SweepAsync()).Explains(3, "loses answers", redis.Url, "noeviction");

        Assert.Equal(0, OpenAI.RepeatedBodies);
        Assert.InRange(OpenAI.DistinctBodies ?? 0, 3000, 4000);
    }

    [Fact]
    public async Task A_database_that_is_not_there_is_never_another_one()
    {
        using var redis = Redis();
        await ProviderAsync();
        Dataset(5);
        Config(more: $"cache: {{ backend: redis, redis: {{ url: \"{redis.Url}\" }} }}\n");
        (await SweepAsync()).Is(0);
        var wrong = redis.Url[..^1] + "77";

        (await RunAsync("cache", "prune", "--all", "--yes", "--cache", wrong)).Explains(2, "no database 77");
        (await RunAsync("cache", "stats", "--cache", wrong)).Explains(2, "no database 77");
        (await RunAsync("run", "configs", "--workspace", "other", $"cache.redis.url={wrong}")).Explains(2, "no database 77");

        Assert.Equal(5, (await RunAsync("cache", "stats", "--json")).Is(0).Json["responses"]!.GetValue<int>());
        Assert.Equal(5, OpenAI.LinesExecuted);
    }

    [Fact]
    public async Task Another_prefix_is_another_store_and_the_hint_brings_the_answers_there()
    {
        using var redis = Redis();
        Set("SLUICE_REDIS_URL", redis.Url);
        await ProviderAsync();
        Dataset(5);
        Config();
        (await SweepAsync("cache.backend=redis", "cache.redis.prefix=first")).Is(0);
        // What is left open is what the workspace has used.
        Assert.Equal(0, (await SweepAsync("cache.backend=redis")).Is(0).Sent);

        var refused = (await SweepAsync("cache.redis.prefix=other")).Explains(2, $"{redis.Url}?prefix=first", $"{redis.Url}?prefix=other");
        var places = Regex.Match(refused.Errors.ReplaceLineEndings(" "), @"--from\s+'([^']+)'\s+--to\s+'([^']+)'");
        Assert.True(places.Success, refused.Errors);
        (await RunAsync("cache", "copy", "--from", places.Groups[1].Value, "--to", places.Groups[2].Value)).Is(0).Says("5 responses");

        Assert.Equal(0, (await SweepAsync("cache.redis.prefix=other")).Is(0).Sent);
        Assert.Equal(5, (await RunAsync("cache", "stats", "--json")).Is(0).Json["responses"]!.GetValue<int>());
        Assert.Equal(5, OpenAI.LinesExecuted);
    }

    private static RedisServer Redis(params string[] settings)
    {
        Assert.SkipUnless(RedisServer.IsInstalled, RedisServer.Advice);
        return new RedisServer(settings);
    }
}
