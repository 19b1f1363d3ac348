namespace Sluice.Journeys;

/// <summary>A cache that is empty although live answers were paid for: nothing is paid for again before people decide.</summary>
public sealed class EmptyCacheJourneys : Journey
{
    private const int N = 12;

    [Theory]
    [InlineData("sqlite", true)]
    [InlineData("sqlite", false)]
    [InlineData("jsonl", true)]
    [InlineData("jsonl", false)]
    public async Task Live_answers_that_are_gone_wait_for_a_decision(string backend, bool isPruned)
    {
        await PaidAsync($"cache: {{ backend: {backend} }}");
        await EmptyAsync(isPruned);

        foreach (var command in (string[])["run", "submit"])
        {
            (await RunAsync(command, "configs", "--sweep", "s")).Explains(3, "the cache is empty", $"{N} live answers that were paid for", "sluice adopt --results", "sluice doctor --forget");
        }

        (await RunAsync("plan", "configs")).Says("warning:", $"{N} live answers");
        (await RunAsync("status")).Says("warning:", $"{N} live answers");
        (await RunAsync("doctor")).Is(1).Says($"{N} live answers", "sluice doctor --forget");
        Assert.Equal((N, 0), (OpenAI.LiveCalls, OpenAI.RepeatedBodies));

        (await RunAsync("doctor", "--forget")).Is(0).Says($"{N} forgotten");
        (await RunAsync("doctor")).Is(0);
        Assert.Equal(N, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
        Assert.Equal(N, OpenAI.RepeatedBodies);
    }

    [Fact]
    public async Task The_results_bring_live_answers_back()
    {
        await PaidAsync();
        await EmptyAsync(isPruned: false);
        (await RunAsync("run", "configs", "--sweep", "s")).Explains(3, "sluice adopt --results");

        (await RunAsync("adopt", "--results", "s")).Is(0).Says($"{N} of them new here");

        Assert.Equal(0, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
        Assert.Equal((N, 0), (OpenAI.LiveCalls, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task Batches_and_live_answers_are_both_named()
    {
        await ProviderAsync();
        Dataset(N);
        Config();
        (await RunAsync("run", "configs", "--sweep", "s")).Is(0);
        (await RunAsync("run", "configs", "--sweep", "s", "model.params.max_tokens=63", "batch_mode=false")).Is(0);
        await EmptyAsync(isPruned: true);

        (await RunAsync("run", "configs", "--sweep", "s")).Explains(3, "1 batch", $"{N} live answers", "`sluice adopt` fetches", "sluice adopt --results", "sluice doctor --forget");
    }

    [Fact]
    public async Task Who_asks_for_new_answers_misses_no_old_ones()
    {
        await PaidAsync();
        await EmptyAsync(isPruned: true);

        Assert.Equal(N, (await RunAsync("run", "configs", "--sweep", "s", "--refresh", "--json")).Is(0).Sent);
        Assert.Equal(0, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
    }

    [Theory]
    [InlineData("cache: { write: false }")]
    [InlineData("cache: { backend: memory }")]
    public async Task What_was_never_kept_is_not_lost(string cache)
    {
        await PaidAsync(cache);
        Assert.Equal(N, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
        (await RunAsync("doctor")).Is(0);

        Config(more: "batch_mode: false");
        Assert.Equal(N, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
    }

    [Fact]
    public async Task A_cache_in_memory_begins_empty_and_has_lost_nothing()
    {
        await PaidAsync();

        (await RunAsync("plan", "configs", "cache.backend=memory")).Is(0);
        var run = (await RunAsync("run", "configs", "--sweep", "memory", "cache.backend=memory", "--json")).Is(0);

        Assert.Equal(N, run.Sent);
        Assert.DoesNotContain("the cache is empty", run.Errors, StringComparison.Ordinal);
    }

    /// <summary>Pays for live answers.</summary>
    private async Task PaidAsync(string more = "")
    {
        await ProviderAsync();
        Dataset(N);
        Config(more: $"batch_mode: false\n{more}");
        Assert.Equal(N, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
    }

    private async Task EmptyAsync(bool isPruned)
    {
        if (isPruned)
        {
            (await RunAsync("cache", "prune", "--all", "--yes")).Is(0).Says("an empty cache is taken for a lost one", "sluice doctor --forget");
            return;
        }

        var state = Path.Combine(Folder, ".sluice");
        foreach (var file in Directory.GetFiles(state, "cache.db*"))
        {
            File.Delete(file);
        }

        if (Directory.Exists(Path.Combine(state, "cache")))
        {
            Directory.Delete(Path.Combine(state, "cache"), recursive: true);
        }
    }
}
