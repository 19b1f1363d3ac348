namespace Sluice.Journeys;

/// <summary>The same request is paid for once, whoever asks.</summary>
public sealed class SharingJourneys : Journey
{
    [Theory]
    [InlineData("openai", "true")]
    [InlineData("openai", "false")]
    [InlineData("anthropic", "true")]
    public async Task Twenty_configs_that_share_requests_send_each_distinct_one_once(string provider, string batchMode)
    {
        await ProviderAsync();
        Dataset(40);
        for (var n = 0; n < 20; n++)
        {
            Config($"c{n}", provider, more: $"batch_mode: {batchMode}\n");
            var path = Path.Combine(Folder, $"configs/c{n}.yaml");
            await File.WriteAllTextAsync(path, (await File.ReadAllTextAsync(path, Cancel)).Replace("max_tokens: 64", $"max_tokens: {64 + (n % 4)}", StringComparison.Ordinal), Cancel);
        }

        var run = (await SweepAsync()).Is(0);

        var stats = provider == "openai" ? OpenAI : Anthropic;
        Assert.Equal(4 * 40, run.Sent);
        // Each answer is accounted for once: found, sent for, or got from a neighbour.
        var totals = run.Json["totals"]!;
        Assert.Equal(16 * 40, totals["joined"]!.GetValue<int>() + totals["cached"]!.GetValue<int>());
        Assert.Equal((4 * 40, 0), (stats.DistinctBodies, stats.RepeatedBodies));
        Assert.Equal(4 * 40, stats.LinesExecuted + stats.LiveCalls);
        Assert.Equal(20 * 40, run.Json["totals"]!["done"]!.GetValue<int>());
        Assert.Equal(Results("c0"), Results("c4"));
    }

    [Fact]
    public async Task Two_processes_at_once_share_the_work_and_pay_once()
    {
        await ProviderAsync(batchDelay: 0.5);
        Dataset(50);
        Config();
        var one = Start("run", "configs", "--json", "--sweep", "left");
        var two = Start("run", "configs", "--json", "--sweep", "right");
        var sent = (await one.EndAsync()).Is(0).Sent + (await two.EndAsync()).Is(0).Sent;
        Assert.Equal(50, sent);
        Assert.Equal((50, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
        Assert.Equal(
            await File.ReadAllTextAsync(Path.Combine(Folder, "runs/left/one/results.jsonl"), Cancel),
            await File.ReadAllTextAsync(Path.Combine(Folder, "runs/right/one/results.jsonl"), Cancel));
    }

    [Fact]
    public async Task A_larger_dataset_another_step_and_more_epochs_send_only_what_is_new()
    {
        await ProviderAsync();
        Dataset(10);
        Config();
        Assert.Equal(10, (await SweepAsync()).Is(0).Sent);
        Dataset(15);
        Assert.Equal(5, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(30, (await SweepAsync("epochs=3")).Is(0).Sent);
        Assert.Equal(45, Rows().Length);
        Assert.Equal(0, (await SweepAsync("epochs=2", "batch_mode=false")).Is(0).Sent);
    }
}
