using System.Text.Json.Nodes;

namespace Sluice.Journeys;

/// <summary>What <c>cancel</c> does, leaves alone and warns of.</summary>
public sealed class CancelJourneys : Journey
{
    private const int N = 6;

    [Fact]
    public async Task A_batch_that_is_only_perhaps_ours_is_left_alone()
    {
        // The colleague's batch is created; ours never comes about, and its answer is lost: the colleague's has the same size.
        await ProviderAsync("""[{ "when": { "operation": "create" }, "skip": 1, "times": 1, "fault": { "type": "drop" } }]""", batchDelay: 60);
        Dataset(N);
        Config(provider: "anthropic");
        (await RunAsync("submit", "configs", "--workspace", "colleague")).Is(8);
        await using (var run = Start("run", "configs", "--workspace", "ours"))
        {
            // The list has named it, and the first look at it has come: it is in the ledger.
            var looks = Anthropic.HttpRequests.GetValueOrDefault("get");
            await Poll.UntilAsync(() => Anthropic.HttpRequests.GetValueOrDefault("list") > 0 && Anthropic.HttpRequests.GetValueOrDefault("get") > looks, () => run.Text);
            await run.KillAsync();
        }

        JsonNode batch = (await RunAsync("status", "--json", "--workspace", "ours")).Is(8).Json["batches"]![0]!;
        var told = (await RunAsync("status", "--workspace", "ours")).Is(8);
        var cancelled = await RunAsync("cancel", "--all", "--json", "--workspace", "ours");

        Assert.Equal((1, 0), (Anthropic.BatchesCreated, Anthropic.HttpRequests.GetValueOrDefault("cancel")));
        Assert.Equal(("submitted", true), ((string?)batch["state"], (bool?)batch["perhaps_ours"]));
        told.Says("perhaps ours");
        batch = cancelled.Is(1).Json["batches"]![0]!;
        Assert.False((bool)batch["cancelled"]!);
        Assert.Contains("not proven to be ours", (string)batch["result"]!, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_batch_that_was_adopted_may_be_another_workspace_s_and_is_cancelled_only_by_name()
    {
        await ProviderAsync(batchDelay: 60);
        Dataset(N);
        Config();
        (await RunAsync("submit", "configs", "--workspace", "colleague")).Is(8);
        (await RunAsync("adopt", "--provider", "openai", "--workspace", "ours")).Is(0).Says("1 batch of ours still under way");

        var batch = (await RunAsync("cancel", "--all", "--json", "--workspace", "ours")).Is(1).Json["batches"]![0]!;

        Assert.Contains("another workspace may wait for it", (string)batch["result"]!, StringComparison.Ordinal);
        Assert.Equal(0, OpenAI.HttpRequests.GetValueOrDefault("cancel"));
        (await RunAsync("cancel", (string)batch["batch"]!, "--workspace", "ours")).Is(0).Says("cancelling");
        Assert.Equal(1, OpenAI.HttpRequests.GetValueOrDefault("cancel"));
    }

    [Fact]
    public async Task What_was_not_cancelled_is_told_by_the_exit_code()
    {
        await ProviderAsync("""[{ "when": { "operation": "cancel" }, "times": 1, "fault": { "type": "http-status", "status": 500 } }]""", batchDelay: 60);
        Dataset(N);
        Config(more: "batch: { max_requests: 3 }");
        (await RunAsync("submit", "configs")).Is(8);

        var cancelled = (await RunAsync("cancel", "--all", "--json")).Is(1).Json;
        Assert.Equal([false, true], cancelled["batches"]!.AsArray().Select(b => (bool)b!["cancelled"]!));
        Assert.Empty(cancelled["at_work"]!.AsArray());
        (await RunAsync("cancel", (string)cancelled["batches"]![0]!["batch"]!)).Is(0).Says("cancelling");
    }

    [Fact]
    public async Task A_run_at_work_is_named_because_it_sends_the_requests_again()
    {
        await ProviderAsync(batchDelay: 12);
        Dataset(N);
        Config();
        await using var run = Start("run", "configs");
        await Poll.UntilAsync(() => OpenAI.HttpRequests.GetValueOrDefault("get") > 0, () => run.Text);

        (await RunAsync("cancel", "--all")).Is(0).Says($"process {run.Id} is at work", "sends the cancelled requests again");

        (await run.EndAsync()).Is(0);
        Assert.Equal(2, OpenAI.BatchesCreated);
        (await RunAsync("cancel", "--all")).Is(0).Says("no open batches");
    }
}
