using System.Globalization;

namespace Sluice.Journeys;

/// <summary><c>kill -9</c> at any moment, the same command again: the same results, nothing paid for twice.</summary>
public sealed class CrashJourneys : Journey
{
    [Theory]
    [InlineData("openai")]
    [InlineData("anthropic")]
    public async Task Killed_after_its_first_batch_was_sent_it_goes_on(string provider)
    {
        await ProviderAsync(batchDelay: 1);
        Dataset(60);
        Config(provider: provider, more: "batch: { max_requests: 20 }");
        await KillWhenItSaysAsync("requests to");
        await FinishAsync();
        Assert.Equal(3, OpenAI.BatchesCreated + Anthropic.BatchesCreated);
    }

    [Fact]
    public async Task Killed_while_it_takes_results_over_it_goes_on()
    {
        await ProviderAsync();
        Dataset(3000);
        Config(more: "batch: { max_requests: 500 }");
        await KillWhenItSaysAsync(" answers");
        await FinishAsync();
        Assert.Equal(6, OpenAI.BatchesCreated);
    }

    [Fact]
    public async Task Killed_while_it_plans_it_goes_on()
    {
        await ProviderAsync();
        Dataset(4000);
        Config();
        var spool = Path.Combine(Folder, ".sluice/spool");
        await using (var run = Start("run", "configs"))
        {
            await Poll.UntilAsync(() => Directory.Exists(spool) && Directory.EnumerateFiles(spool).Any());
            await run.KillAsync();
        }

        await FinishAsync();
        Assert.Equal(1, OpenAI.BatchesCreated);
        Assert.Empty(Spools());
    }

    [Theory]
    [InlineData("openai", """{ "type": "delay", "seconds": 2 }""")]
    [InlineData("anthropic", """{ "type": "delay", "seconds": 2 }""")]
    [InlineData("openai", """{ "type": "drop", "after": true }""")]
    [InlineData("anthropic", """{ "type": "drop", "after": true }""")]
    public async Task Killed_during_the_create_call_it_finds_out_whether_there_is_a_batch(string provider, string fault)
    {
        await FaultyAsync(fault, """{ "operation": "create" }""");
        Dataset(30);
        Config(provider: provider);
        await using (var run = Start("run", "configs"))
        {
            await Poll.UntilAsync(() => (OpenAI.HttpRequests.GetValueOrDefault("create") + Anthropic.HttpRequests.GetValueOrDefault("create")) > 0, () => run.Text);
            await run.KillAsync();
        }

        await FinishAsync();
    }

    [Fact]
    public async Task Killed_amid_live_calls_it_repeats_at_most_those_that_were_under_way()
    {
        await ProviderAsync(options: new Simulator.SimulatorOptions { Folder = Path.Combine(Folder, "provider"), LiveLatency = TimeSpan.FromMilliseconds(50) });
        Dataset(200);
        Config(more: "batch_mode: false\nlive: { concurrency: 4 }");
        await using (var run = Start("run", "configs"))
        {
            await Poll.UntilAsync(() => OpenAI.LiveCalls > 20, () => run.Text);
            await run.KillAsync();
        }

        var again = (await SweepAsync()).Is(0);
        Assert.InRange(again.Sent, 1, 199);
        Assert.InRange(OpenAI.RepeatedBodies!.Value, 0, 4);
        Assert.Equal(200, Count("done"));
        Assert.Equal(await UndisturbedAsync(), Results());
    }

    [Fact]
    public async Task Killed_and_not_buried_by_its_parent_it_does_not_hold_its_batches_for_ever()
    {
        await FaultyAsync("""{ "type": "delay", "seconds": 60 }""", """{ "operation": "upload" }""");
        Dataset(10);
        Config();
        // The shell becomes `sleep`, which never waits for the children it inherits: killed, ours stays a zombie.
        using var parent = StartUnburied("run", "configs");
        await Poll.UntilAsync(() => OpenAI.HttpRequests.GetValueOrDefault("upload") > 0);
        try
        {
            var child = int.Parse(await File.ReadAllTextAsync(Path.Combine(Folder, "pid"), Cancel), CultureInfo.InvariantCulture);
            CliRun.Kill(child);
            await Poll.UntilAsync(() => File.ReadAllText($"/proc/{child}/stat").Contains(") Z ", StringComparison.Ordinal));
            Assert.Equal(10, (await SweepAsync()).Is(0).Json["totals"]!["done"]!.GetValue<int>());
        }
        finally
        {
            parent.Kill();
            await parent.WaitForExitAsync(CancellationToken.None);
        }
    }

    [Fact]
    public async Task Killed_again_and_again_it_still_pays_once()
    {
        await ProviderAsync();
        Dataset(300);
        Config("a", more: "batch: { max_requests: 50 }");
        Config("b", "anthropic", more: "batch: { max_requests: 50 }");
        foreach (var moment in (string[])[".sluice/ledger.db", ".sluice/spool", "runs"])
        {
            await using var run = Start("run", "configs");
            await Poll.UntilAsync(() => Path.Exists(Path.Combine(Folder, moment)), () => run.Text);
            await run.KillAsync();
        }

        await KillWhenItSaysAsync("requests to");
        (await SweepAsync()).Is(0);
        Assert.Equal((300, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
        Assert.Equal((300, 0), (Anthropic.DistinctBodies, Anthropic.RepeatedBodies));
        Assert.Equal(300, Count("done", "a"));
        Assert.Equal(300, Count("done", "b"));
    }

    private async Task KillWhenItSaysAsync(string part)
    {
        await using var run = Start("run", "configs");
        await run.SaysAsync(part);
        await run.KillAsync();
    }

    private async Task FinishAsync()
    {
        (await SweepAsync()).Is(0);
        Assert.Equal(0, OpenAI.RepeatedBodies + Anthropic.RepeatedBodies);
        Assert.Equal(Rows().Length, OpenAI.DistinctBodies + Anthropic.DistinctBodies);
        Assert.Equal(await UndisturbedAsync(), Results());
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Folder, "runs"), "*.tmp", SearchOption.AllDirectories));
    }
}
