using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Sluice.Testing;

namespace Sluice.Journeys;

/// <summary>Where answers are kept, and which of them count, as the config says it.</summary>
public sealed class CacheJourneys : Journey
{
    [Theory]
    [InlineData("cache.backend=sqlite")]
    [InlineData("cache.backend=sqlite", "cache.compress=true")]
    [InlineData("cache.backend=jsonl")]
    [InlineData("cache.tiers=[memory,jsonl]", "cache.memory_mb=1")]
    [InlineData("cache.backend=jsonl", "cache.shadow=sqlite", "batch_mode=false")]
    public async Task Every_store_gives_the_same_results(params string[] changes)
    {
        await ProviderAsync();
        Dataset(300);
        Config();

        var first = (await SweepAsync(changes)).Is(0);

        Assert.Equal(300, first.Sent);
        var expected = await UndisturbedAsync();
        Assert.Equal(expected, Results());
        var second = (await SweepAsync(changes)).Is(0);
        Assert.Equal(0, second.Sent);
        Assert.Equal(expected, Results());
        // What the config leaves open is what the workspace has used.
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        if (second.Json["shadow"] is { } shadow)
        {
            // The command looks some of the first up before it begins, too.
            Assert.InRange((int)shadow["compared"]!, 300, 304);
            Assert.Equal(("0", "0"), ($"{shadow["differ"]}", $"{shadow["missing"]}"));
        }
    }

    [Fact]
    public async Task Redis_gives_the_same_results_and_serves_other_workspaces()
    {
        Assert.SkipUnless(RedisServer.IsInstalled, RedisServer.Advice);
        using var redis = new RedisServer("--requirepass", "redis-secret");
        Set("SLUICE_REDIS_URL", redis.Url);
        Set("SLUICE_REDIS_PASSWORD", "redis-secret");
        await ProviderAsync();
        Dataset(300);
        Config(more: "cache: { backend: redis, redis: { prefix: team }, shadow: sqlite }\n");

        Assert.Equal(300, (await SweepAsync()).Is(0).Sent);

        var expected = await UndisturbedAsync();
        Assert.Equal(expected, Results());
        var second = (await SweepAsync()).Is(0);
        Assert.Equal((0, 0), (second.Sent, second.Json["shadow"]!["differ"]!.GetValue<int>() + second.Json["shadow"]!["missing"]!.GetValue<int>()));
        Assert.Equal(0, (await RunAsync("run", "configs", "--json", "--workspace", "other")).Is(0).Sent);
        Assert.Equal(expected, await File.ReadAllTextAsync(Assert.Single(Directory.GetFiles(Path.Combine(Folder, "other"), "results.jsonl", SearchOption.AllDirectories)), Cancel));
        Assert.Equal(300, (await RunAsync("cache", "stats", "--json")).Is(0).Json["responses"]!.GetValue<int>());
        (await RunAsync("doctor")).Is(0).Says("300 responses");
        (await RunAsync("status")).Is(0);
        foreach (var file in Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories))
        {
            Assert.DoesNotContain("redis-secret", await File.ReadAllTextAsync(file, Cancel), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("true")]
    [InlineData("false")]
    public async Task While_Redis_is_away_a_run_waits_and_loses_nothing(string batchMode)
    {
        Assert.SkipUnless(RedisServer.IsInstalled, RedisServer.Advice);
        using var redis = new RedisServer();
        Set("SLUICE_REDIS_URL", redis.Url);
        await ProviderAsync(batchDelay: 1);
        Dataset(200);
        Config(more: $"batch_mode: {batchMode}\ncache: {{ backend: redis }}\nlive: {{ concurrency: 2 }}\n");
        (await RunAsync("run", "configs", "dataset.limit=5")).Is(0);

        var run = Start("run", "configs", "--json");
        await Poll.UntilAsync(() => OpenAI.LinesExecuted + OpenAI.LiveCalls > 10);
        redis.Kill();
        await run.SaysAsync("away");
        if (batchMode == "true")
        {
            // It looks and does not wait.
            (await RunAsync("status")).Says("warning");
        }

        redis.Start();
        (await run.EndAsync()).Is(0);

        Assert.Equal(await UndisturbedAsync(), Results());
        Assert.Equal((200, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
        Assert.Equal(200, (await RunAsync("cache", "stats", "--json")).Is(0).Json["responses"]!.GetValue<int>());
    }

    [Fact]
    public async Task From_one_store_to_another_nothing_is_paid_twice()
    {
        await ProviderAsync();
        Dataset(50);
        Config(more: "cache: { store_requests: true }\n");
        (await SweepAsync()).Is(0);
        var expected = Results();
        (await SweepAsync("cache.backend=jsonl")).Explains(2, "sluice cache copy --from sqlite --to jsonl");

        (await RunAsync("cache", "copy", "--from", "sqlite", "--to", "jsonl")).Is(0).Says("50 responses, 50 of them new there");

        Assert.Equal(0, (await SweepAsync("cache.backend=jsonl")).Is(0).Sent);
        Assert.Equal(expected, Results());
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(50, OpenAI.LinesExecuted);
    }

    [Fact]
    public async Task A_compacted_cache_is_sound_and_smaller_and_gives_the_same_results()
    {
        await ProviderAsync();
        Dataset(3000);
        Config();
        (await SweepAsync()).Is(0);
        var expected = Results();
        var path = Path.Combine(Folder, ".sluice/cache.db");
        var before = new FileInfo(path).Length;

        (await RunAsync("cache", "compact")).Is(0);

        Assert.True(new FileInfo(path).Length < before / 2, $"{before} to {new FileInfo(path).Length} bytes");
        (await RunAsync("doctor")).Is(0).Says("3,000 responses");
        (await RunAsync("cache", "verify")).Is(0);
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(expected, Results());
    }

    [Fact]
    public async Task A_cache_in_memory_serves_one_command()
    {
        await ProviderAsync();
        Dataset(50);
        Config();
        Config("two");
        string[] live = ["batch_mode=false", "cache.backend=memory"];

        var run = (await SweepAsync(live)).Is(0);

        Assert.Equal((50, 50), (run.Sent, OpenAI.LiveCalls));
        Assert.Equal(Results("one"), Results("two"));
        Assert.Equal(50, (await SweepAsync(live)).Is(0).Sent);
        Assert.False(File.Exists(Path.Combine(Folder, ".sluice/cache.db")));
    }

    [Theory]
    [InlineData("true")]
    [InlineData("false")]
    public async Task A_refresh_asks_everything_again_once(string batchMode)
    {
        await ProviderAsync();
        Dataset(20);
        Config(more: $"batch_mode: {batchMode}\n");
        Assert.Equal(20, (await SweepAsync()).Is(0).Sent);

        var again = (await SweepAsync("--refresh")).Is(0);

        Assert.Equal((20, 0), (again.Sent, again.Json["totals"]!["cached"]!.GetValue<int>()));
        Assert.Equal(20, OpenAI.RepeatedBodies);
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
    }

    [Fact]
    public async Task A_refresh_that_was_submitted_is_what_retrieve_waits_for()
    {
        await ProviderAsync();
        Dataset(20);
        Config();
        (await SweepAsync()).Is(0);
        await RestartProviderAsync();

        var submitted = (await RunAsync("submit", "configs", "--refresh", "--json")).Is(8);
        Assert.Equal(20, submitted.Sent);
        Assert.StartsWith("hint: to go on with this refresh", submitted.Errors, StringComparison.Ordinal);
        var notBefore = Regex.Match(submitted.Errors, @"cache\.not_before=(\S+)").Groups[1].Value;
        Assert.Equal(20, (await RunAsync("plan", "configs", $"cache.not_before={notBefore}", "--json")).Is(0).Json["totals"]!["in_flight"]!.GetValue<int>());

        (await RunAsync("retrieve", "--wait", "--json")).Is(0);
        Assert.Equal(20, Count("done"));
        Assert.Equal(0, (await SweepAsync($"cache.not_before={notBefore}")).Is(0).Sent);
    }

    [Fact]
    public async Task Answers_that_have_expired_are_asked_again_and_give_way()
    {
        await ProviderAsync();
        Dataset(10);
        Config(more: "cache: { backend: jsonl, expiry: 30d }\n");
        (await SweepAsync()).Is(0);
        var file = Assert.Single(Directory.GetFiles(Path.Combine(Folder, ".sluice/cache"), "*.jsonl"));
        var year = $"\"created\":\"{TimeProvider.System.GetUtcNow().Year}";
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file, Cancel)).Replace(year, "\"created\":\"2001", StringComparison.Ordinal), Cancel);

        Assert.Equal(10, (await RunAsync("plan", "configs", "--json")).Is(0).Json["totals"]!["to_send"]!.GetValue<int>());
        Assert.Equal(0, (await SweepAsync("cache.expiry=5000w")).Is(0).Sent);
        Assert.Equal(10, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
    }

    [Fact]
    public async Task Studies_of_different_scopes_share_no_answers()
    {
        await ProviderAsync();
        Dataset(10);
        Config();

        Assert.Equal(10, (await SweepAsync("cache.scope=one")).Is(0).Sent);
        Assert.Equal(10, (await SweepAsync("cache.scope=two")).Is(0).Sent);
        Assert.Equal(10, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(0, (await SweepAsync("cache.scope=one")).Is(0).Sent);
    }

    [Fact]
    public async Task What_need_not_be_read_or_written_is_asked_each_time()
    {
        await ProviderAsync();
        Dataset(10);
        Config();

        Assert.Equal(10, (await SweepAsync("cache.read=false")).Is(0).Sent);
        Assert.Equal(10, (await SweepAsync("cache.read=false")).Is(0).Sent);
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        string[] unwritten = ["batch_mode=false", "cache.write=false", "cache.scope=unwritten"];
        Assert.Equal(10, (await SweepAsync(unwritten)).Is(0).Sent);
        Assert.Equal(10, (await SweepAsync(unwritten)).Is(0).Sent);
        Assert.Equal(10, Count("done"));
    }

    [Theory]
    [InlineData("openai", "true")]
    [InlineData("openai", "false")]
    [InlineData("anthropic", "true")]
    public async Task Requests_are_stored_where_that_is_asked_for(string provider, string batchMode)
    {
        await ProviderAsync();
        Dataset(10);
        Config(provider: provider, more: $"batch_mode: {batchMode}\ncache: {{ backend: jsonl, store_requests: true }}\n");

        (await SweepAsync()).Is(0);

        var lines = File.ReadLines(Assert.Single(Directory.GetFiles(Path.Combine(Folder, ".sluice/cache"), "*.jsonl"))).Select(l => JsonNode.Parse(l)!).ToList();
        Assert.Equal(Enumerable.Range(0, 10), lines.Select(l => int.Parse(((string)l["request"]!["messages"]![0]!["content"]!).Split(' ')[1], System.Globalization.CultureInfo.InvariantCulture)).Order());
        Assert.All(lines, l => Assert.Equal(batchMode == "true" ? "batch" : "live", ((string)l["source"]!).Contains("batch", StringComparison.Ordinal) ? "batch" : (string)l["source"]!));
        Assert.All(lines, l => Assert.NotNull(l["response"]));
    }

    [Fact]
    public async Task A_workspace_that_has_its_answers_elsewhere_does_not_pay_for_them_again()
    {
        await ProviderAsync();
        Dataset(10);
        Config();
        (await SweepAsync()).Is(0);

        (await SweepAsync("cache.backend=jsonl")).Explains(2, "the answers of this workspace are in sqlite", "sluice cache copy --from sqlite --to jsonl");

        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(10, OpenAI.LinesExecuted);
    }

    [Theory]
    [InlineData("copy")]
    [InlineData("import")]
    [InlineData("forgotten")]
    public async Task The_only_store_that_has_answers_is_the_one_of_the_workspace(string how)
    {
        await ProviderAsync();
        Dataset(20);
        Config();
        string[] there = how == "forgotten" ? [] : ["--workspace", "other"];
        (await SweepAsync(how == "forgotten" ? ["cache.backend=jsonl"] : [])).Is(0);
        var folder = Path.Combine(Folder, how == "forgotten" ? "" : "other", ".sluice");
        switch (how)
        {
            case "copy":
                (await RunAsync("cache", "copy", "--to", "jsonl:other/.sluice/cache")).Is(0);
                break;
            case "import":
                (await RunAsync("cache", "export", "answers.jsonl.gz")).Is(0);
                (await RunAsync(["cache", "import", "answers.jsonl.gz", "--cache", "jsonl", .. there])).Is(0);
                break;
            default:
                File.Delete(Path.Combine(folder, "cache.json"));
                break;
        }

        (await RunAsync(["cache", "stats", .. there])).Is(0).Says("20 responses");
        (await RunAsync(["doctor", .. there])).Is(0).Says("20 responses");
        (await RunAsync(["run", "configs", "cache.backend=sqlite", .. there])).Explains(2, "the answers of this workspace are in jsonl", "sluice cache copy --from jsonl --to sqlite");
        Assert.Equal(0, (await SweepAsync(there)).Is(0).Sent);
        Assert.Contains("\"jsonl\"", await File.ReadAllTextAsync(Path.Combine(folder, "cache.json"), Cancel), StringComparison.Ordinal);
        Assert.Equal((20, 0), (OpenAI.LinesExecuted, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task Two_stores_that_have_answers_are_not_chosen_between_by_chance()
    {
        await ProviderAsync();
        Dataset(20);
        Config();
        (await SweepAsync()).Is(0);
        (await RunAsync("cache", "copy", "--to", "jsonl")).Is(0);
        // What the workspace has used stays what it uses.
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        File.Delete(Path.Combine(Folder, ".sluice/cache.json"));

        (await SweepAsync()).Explains(2, "answers in sqlite (", "and in jsonl (", "cache.backend=sqlite", "cache.backend=jsonl");
        (await RunAsync("cache", "ls")).Explains(2, "nothing says which of them it uses", "--cache");
        (await RunAsync("cache", "ls", "--cache", "jsonl")).Is(0);
        (await RunAsync("doctor")).Is(1).Says("nothing says which of them it uses");

        Assert.Equal(0, (await SweepAsync("cache.backend=jsonl")).Is(0).Sent);
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(20, OpenAI.LinesExecuted);
    }

    [Fact]
    public async Task One_sweep_has_one_cache()
    {
        await ProviderAsync();
        Dataset(1);
        Config(more: "cache: { backend: jsonl }\n");
        Config("two");

        (await SweepAsync()).Explains(2, "one.yaml", "two.yaml", "want different caches");
    }
}
