using System.Text.Json.Nodes;

namespace Sluice.Journeys;

/// <summary>Batches that never come: <c>status</c> says so, and <c>resend</c> gives them up when people want it.</summary>
public sealed class StuckBatchJourneys : Journey
{
    private const int N = 6;

    private const string Unlisted = """, { "when": { "operation": "create" }, "fault": { "type": "list-lag", "seconds": 100000 } }""";

    [Fact]
    public async Task A_batch_that_stays_in_cancelling_is_given_up_only_when_people_insist()
    {
        await SubmitAsync("""[{ "when": { "operation": "create" }, "fault": { "type": "show-state", "state": "cancelling", "gets": 1000000 } }]""");
        (await RunAsync("retrieve")).Is(8);
        var stuck = await StuckAsync("the provider is cancelling it");

        (await RunAsync("resend", stuck)).Is(1).Says("left alone: the provider has it as `cancelling`", "--yes");
        Assert.Equal(stuck, await StuckAsync("cancelling"));
        var resent = (await RunAsync("resend", stuck, "--yes", "--json")).Is(0).Json;
        Assert.Equal((1, 0), (resent["resent"]!.AsArray().Count, resent["left_alone"]!.AsArray().Count));

        await FinishesLiveAsync();
        (await RunAsync("resend", stuck, "--yes")).Explains(2, $"no open batch is called `{stuck}`");
    }

    [Theory]
    [InlineData("get", 404, "")]
    [InlineData("get", 410, "")]
    [InlineData("get", 404, "and lists it as `completed` all the same")]
    [InlineData("content", 404, "it has ended as `completed`, and the provider says that its results are gone")]
    public async Task A_batch_that_the_provider_no_longer_has_is_given_up_at_once_and_one_that_it_lists_when_people_insist(string operation, int status, string listed)
    {
        await SubmitAsync($$"""[{ "when": { "operation": "{{operation}}" }, "times": -1, "fault": { "type": "http-status", "status": {{status}} } }{{(listed.Length > 0 ? "" : Unlisted)}}]""");
        if (listed.Length > 0)
        {
            await UntilEndedAsync();
        }

        (await RunAsync("retrieve")).Is(8).Says("`sluice status` says since when");
        var stuck = await StuckAsync($"answers {status}");

        if (listed.Length > 0)
        {
            (await RunAsync("resend", stuck)).Is(1).Says("left alone: ", listed, "--yes");
        }

        (await RunAsync(["resend", stuck, .. (string[])(listed.Length > 0 ? ["--yes"] : [])])).Is(0).Says($"given up: its {N} requests can be asked again");

        await FinishesLiveAsync();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_batch_of_another_key_is_not_taken_for_one_that_is_gone(bool isLookedAt)
    {
        // To the keys of another project a batch under way is a 404.
        await SubmitAsync("""[{ "when": { "operation": "get" }, "times": -1, "fault": { "type": "http-status", "status": 404 } }, { "when": { "operation": "cancel" }, "times": -1, "fault": { "type": "http-status", "status": 404 } }""" + Unlisted + "]");
        var batch = Simulator.Batches().Single().Id;
        Set("OPENAI_API_KEY", "sk-other");
        if (isLookedAt)
        {
            (await RunAsync("retrieve")).Is(8);
            Assert.Equal(batch, await StuckAsync("made with another key or address"));
        }

        (await RunAsync("resend", batch)).Is(1).Says("left alone: it was made with another key or address", "`--yes`");
        (await RunAsync("cancel", batch)).Is(1).Says("not cancelled", "made with another key or address");

        Set("OPENAI_API_KEY", "sk-journey");
        (await RunAsync("resend", batch)).Is(0).Says($"given up: its {N} requests can be asked again");
    }

    [Theory]
    [InlineData("get", 404)]
    [InlineData("get", 410)]
    [InlineData("content", 404)]
    public async Task A_page_of_a_proxy_does_not_say_that_a_batch_is_gone(string operation, int status)
    {
        await SubmitAsync($$"""[{ "when": { "operation": "{{operation}}" }, "times": -1, "fault": { "type": "http-status", "status": {{status}}, "html": true } }]""");
        await UntilEndedAsync();
        (await RunAsync("retrieve")).Is(8);
        var stuck = await StuckAsync("something else answers in place of the provider");

        (await RunAsync("resend", stuck)).Explains(3, "base_url");
        (await RunAsync("retrieve")).Is(8);

        await RestartProviderAsync();
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal((N, 0), (Count("done"), OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task A_result_file_that_is_gone_costs_no_answer_of_the_other_and_frees_nothing_by_itself()
    {
        await SubmitAsync("""[{ "when": { "operation": "line", "match": "Question 2" }, "times": -1, "fault": { "type": "line-error" } }]""");
        var errors = (string)(await UntilEndedAsync())["data"]![0]!["error_file_id"]!;
        using var client = Client();
        (await client.DeleteAsync(new Uri(Simulator.Address, $"/v1/files/{errors}"), Cancel)).EnsureSuccessStatusCode();

        (await RunAsync("retrieve")).Is(8);

        Assert.Equal(N - 1, Count("done"));
        var stuck = await StuckAsync("answers 404");
        (await RunAsync("resend", stuck)).Is(1).Says("only a part of its results is gone", "`sluice retrieve`", "`--yes`");
        (await RunAsync("resend", stuck, "--yes")).Is(0);
        Assert.Equal(1, (await SweepAsync("batch_mode=false")).Is(0).Sent);
    }

    [Fact]
    public async Task Results_of_a_batch_that_was_given_up_still_count_when_they_turn_up()
    {
        await SubmitAsync("""[{ "when": { "operation": "get" }, "times": -1, "fault": { "type": "http-status", "status": 404 } }]""");
        (await RunAsync("retrieve")).Is(8);
        (await RunAsync("resend", await StuckAsync("answers 404"), "--yes")).Is(0);
        await UntilEndedAsync();

        (await RunAsync("adopt", "--provider", "openai")).Is(0).Says($"{N} answers, {N} of them new here");

        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal((N, 0), (OpenAI.LinesExecuted, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task A_run_that_waits_for_a_batch_goes_on_when_it_is_given_up()
    {
        await ProviderAsync("""[{ "when": { "operation": "create" }, "times": 1, "fault": { "type": "show-state", "state": "cancelling", "gets": 1000000 } }]""");
        Dataset(N);
        Config();
        await using var run = Start("run", "configs", "--json");
        await Poll.UntilAsync(() => OpenAI.HttpRequests.GetValueOrDefault("get") > 0, () => run.Text);

        (await RunAsync("resend", await StuckAsync("cancelling"), "--yes")).Is(0);

        (await run.EndAsync()).Is(0);
        Assert.Equal((2, N), (OpenAI.BatchesCreated, Count("done")));
        Assert.Empty(Spools());
    }

    [Fact]
    public async Task Nothing_is_given_up_while_it_cannot_be_told_or_is_ready_to_be_collected()
    {
        await SubmitAsync("""[{ "when": { "operation": "get" }, "times": -1, "fault": { "type": "http-status", "status": 503 } }]""");
        await UntilEndedAsync();
        var batch = Simulator.Batches().Single().Id;

        (await RunAsync("resend", batch)).Explains(3, "whether the provider still has batch", "--yes");
        await RestartProviderAsync();
        (await RunAsync("resend", batch)).Is(1).Says("`sluice retrieve` collects it");
        (await RunAsync("resend", batch, "nonsense")).Explains(2, "no open batch is called `nonsense`");
        Set("OPENAI_API_KEY", null);
        (await RunAsync("resend", batch)).Is(4);
        Set("OPENAI_API_KEY", "sk-journey");

        (await RunAsync("retrieve")).Is(0);
        Assert.Equal(N, Count("done"));
    }

    private async Task SubmitAsync(string faults)
    {
        await ProviderAsync(faults);
        Dataset(N);
        Config();
        (await RunAsync("submit", "configs")).Is(8);
    }

    /// <summary>Waits until the provider's list shows the batch as completed.</summary>
    private async Task<JsonNode> UntilEndedAsync()
    {
        using var client = Client();
        var list = "";
        for (; !list.Contains("\"completed\"", StringComparison.Ordinal); await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, Cancel))
        {
            list = await client.GetStringAsync(new Uri(Simulator.Address, "/v1/batches"), Cancel);
        }

        return JsonNode.Parse(list)!;
    }

    private static HttpClient Client() => new() { DefaultRequestHeaders = { { "Authorization", "Bearer sk-journey" } } };

    /// <summary>Asks <c>status</c> for the one batch that is stuck, with a reason and since when.</summary>
    private async Task<string> StuckAsync(string reason)
    {
        JsonNode batch = Assert.Single((await RunAsync("status", "--json")).Is(8).Json["batches"]!.AsArray())!;
        Assert.Contains(reason, (string?)batch["note"], StringComparison.Ordinal);
        Assert.NotNull((string?)batch["trouble_since"]);
        var id = (string)batch["batch"]!;
        (await RunAsync("status")).Is(8).Says(reason, "(since ", $"`sluice resend {id}` gives it up");
        return id;
    }

    private async Task FinishesLiveAsync()
    {
        Assert.Empty((await RunAsync("status", "--json")).Is(0).Json["batches"]!.AsArray());
        Assert.Empty(Spools());
        Assert.Equal(N, (await SweepAsync("batch_mode=false")).Is(0).Sent);
        Assert.Equal(N, Count("done"));
    }
}
