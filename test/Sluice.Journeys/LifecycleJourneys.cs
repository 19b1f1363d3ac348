namespace Sluice.Journeys;

/// <summary>Submit, look, collect, cancel: the same sweep over several commands.</summary>
public sealed class LifecycleJourneys : Journey
{
    [Theory]
    [InlineData("openai")]
    [InlineData("anthropic")]
    public async Task A_sweep_that_is_submitted_is_collected_by_another_command(string provider)
    {
        await ProviderAsync(batchDelay: 3600);
        Dataset(20);
        Config(provider: provider);

        var submitted = (await RunAsync("submit", "configs", "--json")).Is(8);
        Assert.Equal(20, submitted.Sent);
        Assert.Equal("pending", (string?)submitted.Json["state"]);
        submitted.Says("sluice retrieve --wait");

        var status = (await RunAsync("status", "--json")).Is(8);
        var batch = Assert.Single(status.Json["batches"]!.AsArray())!;
        Assert.Equal("submitted", (string?)batch["state"]);
        Assert.Equal(20, batch["requests"]!.GetValue<int>());
        (await RunAsync("status")).Is(8).Says((string)batch["batch"]!, "20");

        var early = (await RunAsync("retrieve", "--json")).Is(8);
        Assert.Equal(20, early.Json["totals"]!["pending"]!.GetValue<int>());
        Assert.Equal(0, early.Sent);

        await RestartProviderAsync();
        var late = (await RunAsync("retrieve", "--wait", "--json")).Is(0);
        Assert.Equal(20, late.Json["totals"]!["done"]!.GetValue<int>());
        Assert.Equal(20, Count("done"));
        (await RunAsync("status")).Is(0).Says("20 of 20 samples done");
        Assert.Equal(await UndisturbedAsync(), Results());
    }

    [Theory]
    [InlineData("openai")]
    [InlineData("anthropic")]
    public async Task A_cancelled_batch_is_finished_by_the_next_run(string provider)
    {
        await ProviderAsync(batchDelay: 3600);
        Dataset(10);
        Config(provider: provider);
        (await RunAsync("submit", "configs", "-q")).Is(8);
        var batch = (string)(await RunAsync("status", "--json")).Json["batches"]![0]!["batch"]!;

        (await RunAsync("cancel", batch)).Is(0).Says(batch, "cancelling");
        var retrieved = (await RunAsync("retrieve", "--wait", "--json")).Is(1);
        Assert.Equal(10, retrieved.Json["totals"]!["pending"]!.GetValue<int>());
        retrieved.Says("not sent yet", "sluice run");

        // The provider is the same one, only quick again.
        await RestartProviderAsync();
        var run = (await SweepAsync()).Is(0);
        Assert.Equal(10, run.Sent);
        Assert.Equal(10, Count("done"));
    }

    [Fact]
    public async Task A_batch_sent_with_an_older_key_is_collected_with_the_new_one()
    {
        await ProviderAsync(batchDelay: 1);
        Dataset(5);
        Config();
        (await RunAsync("submit", "configs", "-q")).Is(8);
        Set("OPENAI_API_KEY", "sk-rotated");
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(1, OpenAI.BatchesCreated);
    }

    [Fact]
    public async Task Cancel_refuses_ids_it_does_not_know_and_to_guess()
    {
        await ProviderAsync(batchDelay: 3600);
        Dataset(3);
        Config();
        (await RunAsync("cancel", "batch_nope")).Explains(2, "batch_nope", "sluice status");
        Assert.False(Directory.Exists(Path.Combine(Folder, ".sluice")), "looking must not make a workspace");
        (await RunAsync("submit", "configs", "-q")).Is(8);
        (await RunAsync("cancel", "batch_nope")).Explains(2, "batch_nope", "sluice status");
        (await RunAsync("cancel")).Explains(2, "--all");
        var all = (await RunAsync("cancel", "--all", "--json")).Is(0);
        Assert.Single(all.Json["batches"]!.AsArray());
    }

    [Fact]
    public async Task Retrieve_and_status_of_an_empty_folder_say_how_to_start()
    {
        (await RunAsync("retrieve")).Explains(2, "sluice run");
        (await RunAsync("status")).Is(0).Says("sluice run");
        Assert.Empty((await RunAsync("status", "--json")).Is(0).Json["sweeps"]!.AsArray());
        Assert.Empty(Directory.EnumerateFileSystemEntries(Folder));
    }

    [Fact]
    public async Task Retrieve_names_the_sweeps_it_knows_when_asked_for_another()
    {
        await ProviderAsync();
        Dataset(3);
        Config();
        (await SweepAsync("--sweep", "first")).Is(0);
        (await RunAsync("retrieve", "--sweep", "fist")).Explains(2, "fist", "first");
    }

    [Fact]
    public async Task A_sweep_begun_as_batches_is_finished_live()
    {
        await ProviderAsync();
        Dataset(10);
        Config();
        (await SweepAsync("dataset.limit=4")).Is(0);
        var run = (await SweepAsync("batch_mode=false")).Is(0);
        Assert.Equal((6, 6), (run.Sent, (int)OpenAI.LiveCalls));
        Assert.Equal(await UndisturbedAsync(), Results());
    }

    [Fact]
    public async Task A_plan_is_free_offline_needs_no_key_and_leaves_no_trace()
    {
        Dataset(10);
        Config();
        Config("two", "anthropic");
        Config("three", "openai", model: "nobody-knows-me");
        var plan = (await RunAsync("plan", "configs", "--json")).Is(0);
        var first = plan.Json["experiments"]!.AsArray().Single(e => (string?)e!["name"] == "one")!;
        Assert.Equal(10, first["to_send"]!.GetValue<int>());
        var batch = first["batch_usd"]!.GetValue<double>();
        Assert.Equal(2 * batch, first["live_usd"]!.GetValue<double>(), 6);
        Assert.True(batch > 0);
        Assert.Null(plan.Json["experiments"]!.AsArray().Single(e => (string?)e!["name"] == "three")!["batch_usd"]);
        Assert.Null(plan.Json["totals"]!["batch_usd"]);
        (await RunAsync("plan", "configs")).Is(0).Says("unknown", "to send: 30 requests in 3 batches");
        Assert.False(Directory.Exists(Path.Combine(Folder, ".sluice")));
        Assert.False(Directory.Exists(Path.Combine(Folder, "runs")));
    }
}
