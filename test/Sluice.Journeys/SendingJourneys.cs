using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace Sluice.Journeys;

/// <summary>Batches on their way to the provider: commands that stop, proxies that lose answers, lists in odd orders, files that vanish.</summary>
public sealed class SendingJourneys : Journey
{
    private const int N = 20;

    private Simulator.ProviderStats StatsOf(string provider) => provider == "anthropic" ? Anthropic : OpenAI;

    private HttpClient Client()
    {
        var client = new HttpClient { BaseAddress = Simulator.Address };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "sk-journey");
        client.DefaultRequestHeaders.Add("x-api-key", "sk-journey");
        client.DefaultRequestHeaders.Add("anthropic-version", "2023-06-01");
        return client;
    }

    private async Task<string[]> FilesAsync()
    {
        using var client = Client();
        return [.. JsonNode.Parse(await client.GetStringAsync("/v1/files", Cancel))!["data"]!.AsArray().Select(f => (string)f!["id"]!)];
    }

    private async Task<string[]> StatesAsync() =>
        [.. (await RunAsync("status", "--json")).Is(8).Json["batches"]!.AsArray().Select(b => (string)b!["state"]!)];

    [Theory]
    [InlineData("openai")]
    [InlineData("anthropic")]
    public async Task A_signal_waits_for_the_answer_to_a_create_call_and_the_batch_is_known(string provider)
    {
        await FaultyAsync("""{ "type": "delay", "seconds": 3, "after": true }""", """{ "operation": "create" }""");
        Dataset(N);
        Config(provider: provider);
        var run = Start("run", "configs", "--json");
        await Poll.UntilAsync(() => StatsOf(provider).BatchesCreated == 1, () => run.Text);
        run.Signal(CliRun.Terminate);
        (await run.EndAsync()).Is(143).Says("waiting for the answer to the create call", "run the same command again");

        Assert.Equal(["submitted"], await StatesAsync());
        (await SweepAsync()).Is(0);
        Assert.Equal((1, 0, N), (StatsOf(provider).BatchesCreated, StatsOf(provider).RepeatedBodies, Count("done")));
    }

    [Fact]
    public async Task A_second_signal_does_not_wait_for_the_create_call_and_its_batch_is_found()
    {
        await FaultyAsync("""{ "type": "delay", "seconds": 60, "after": true }""", """{ "operation": "create" }""");
        Dataset(N);
        Config();
        var run = Start("run", "configs", "--json");
        await Poll.UntilAsync(() => OpenAI.BatchesCreated == 1, () => run.Text);
        run.Signal(CliRun.Terminate);
        await run.SaysAsync("waiting for the answer to the create call");
        await Poll.UntilAsync(
            () =>
            {
                run.TrySignal(CliRun.Terminate);
                return run.HasExited;
            },
            () => run.Text);

        (await SweepAsync()).Is(0);
        Assert.Equal((1, 0, N), (OpenAI.BatchesCreated, OpenAI.RepeatedBodies, Count("done")));
    }

    [Fact]
    public async Task An_address_on_this_machine_is_no_simulator_and_a_lost_batch_is_waited_for()
    {
        await FaultyAsync("""{ "type": "list-lag", "seconds": 6 }""", """{ "operation": "create" }""");
        await using var relay = Between();
        relay.KeepsMark = false;
        relay.After = (call, answer) => call == "POST /v1/batches" ? null : answer;
        Dataset(N);
        Config();

        (await SweepAsync()).Is(0);

        Assert.Equal((1, 0, N), (OpenAI.BatchesCreated, OpenAI.RepeatedBodies, Count("done")));
        Assert.InRange(relay.Calls.Count(c => c.StartsWith("GET ", StringComparison.Ordinal)), 3, 8);
    }

    [Fact]
    public async Task The_impatience_of_one_experiment_does_not_make_anothers_batch_again()
    {
        // The second create is carried out, its answer is lost, and lists do not show its batch for two seconds.
        await ProviderAsync("""
            [ { "when": { "operation": "create" }, "skip": 1, "times": 1, "fault": { "type": "drop", "after": true } },
              { "when": { "operation": "create" }, "skip": 1, "times": 1, "fault": { "type": "list-lag", "seconds": 2 } } ]
            """);
        Dataset(N);
        Config("a", more: "batch: { lost_after_seconds: 1 }");
        Config("b", model: "gpt-4.1-mini");

        (await SweepAsync()).Is(0);

        Assert.Equal((2, 0), (OpenAI.BatchesCreated, OpenAI.RepeatedBodies));
        Assert.Equal((N, N), (Count("done", "a"), Count("done", "b")));
    }

    [Theory]
    [InlineData("openai", "/v1/batches", """{"id":"batch_old","object":"batch","status":"completed","created_at":1700000000}""")]
    [InlineData("anthropic", "/v1/messages/batches", """{"id":"msgbatch_old","processing_status":"ended","created_at":"2023-11-14T22:13:20Z","request_counts":{"processing":0,"succeeded":20}}""")]
    public async Task A_list_that_begins_with_the_oldest_does_not_hide_the_lost_batch(string provider, string path, string old)
    {
        await ProviderAsync();
        await using var relay = Between();
        var creates = 0;
        relay.After = (call, answer) =>
        {
            if (call == "POST " + path && ++creates == 1)
            {
                return null;
            }

            if (call == "GET " + path)
            {
                var list = JsonNode.Parse(answer.Body)!;
                list["data"]!.AsArray().Insert(0, JsonNode.Parse(old));
                return answer with { Body = list.ToJsonString() };
            }

            return answer;
        };
        Dataset(N);
        Config(provider: provider);

        (await SweepAsync()).Is(0);

        Assert.Equal((1, 0, N), (StatsOf(provider).BatchesCreated, StatsOf(provider).RepeatedBodies, Count("done")));
    }

    [Fact]
    public async Task An_uploaded_file_that_was_deleted_while_the_batch_waited_is_uploaded_again()
    {
        await FaultyAsync("""{ "type": "http-status", "status": 429, "retry_after": "2" }""", """{ "operation": "create" }""", "\"times\": 1,");
        Dataset(N);
        Config();
        var run = Start("run", "configs", "--json");
        await run.SaysAsync("trying again in");
        using (var client = Client())
        {
            (await client.DeleteAsync("/v1/files/" + Assert.Single(await FilesAsync()), Cancel)).EnsureSuccessStatusCode();
        }

        (await run.EndAsync()).Is(0).Says("is gone at the provider; it is uploaded again");
        Assert.Equal((0, N), (OpenAI.RepeatedBodies, Count("done")));
        Assert.Empty(Spools());
    }

    [Fact]
    public async Task A_doubt_names_the_commands_that_settle_it_while_the_list_answers_500_and_resend_settles_it()
    {
        await ProviderAsync("""
            [ { "when": { "operation": "create" }, "times": 1, "fault": { "type": "drop" } },
              { "when": { "operation": "list" }, "times": 1000, "fault": { "type": "http-status", "status": 500 } } ]
            """);
        Dataset(N);
        Config();
        var run = Start("run", "configs", "--json");
        await run.SaysAsync("sluice resend ");
        run.Signal(CliRun.Terminate);
        (await run.EndAsync()).Is(143).Says("is in doubt", "sluice adopt --intent ");

        var doubt = (await RunAsync("status", "--json")).Is(8).Json["batches"]![0]!;
        Assert.Equal("unknown", (string?)doubt["state"]);
        Assert.Contains($"sluice resend {doubt["intent"]}", (string?)doubt["note"], StringComparison.Ordinal);
        (await RunAsync("resend", (string)doubt["intent"]!)).Is(0);
        // It is made again because people said that there is none.
        await RestartProviderAsync();
        (await SweepAsync()).Is(0);
        Assert.Equal((1, 0, N), (OpenAI.BatchesCreated, OpenAI.RepeatedBodies, Count("done")));
    }

    [Theory]
    [InlineData("openai", "POST /v1/files", 302, "")]
    [InlineData("openai", "POST /v1/files", 413, "<html><body>Request Entity Too Large</body></html>")]
    [InlineData("openai", "POST /v1/batches", 301, "")]
    [InlineData("openai", "POST /v1/batches", 308, "")]
    [InlineData("openai", "POST /v1/batches", 400, "<html><body>The plain HTTP request was sent to HTTPS port</body></html>")]
    [InlineData("openai", "POST /v1/batches", 405, "<html><body>Method Not Allowed</body></html>")]
    [InlineData("anthropic", "POST /v1/messages/batches", 307, "")]
    public async Task What_a_proxy_says_is_the_addresss_trouble_and_no_request_fails(string provider, string call, int status, string page)
    {
        await ProviderAsync();
        await using var relay = Between();
        relay.Instead = c => c == call ? new RelayAnswer(status, page, "text/html", status < 400 ? "http://elsewhere.invalid/" : null) : null;
        Dataset(N);
        Config(provider: provider, more: "batch: { max_attempts: 1 }");

        (await RunAsync("run", "configs")).Explains(3, "base_url");

        Assert.Equal((1, 0), (relay.CountOf(call), Count("failed")));
        relay.Instead = _ => null;
        (await SweepAsync()).Is(0);
        Assert.Equal((1, 0, N), (StatsOf(provider).BatchesCreated, StatsOf(provider).RepeatedBodies, Count("done")));
    }

    [Theory]
    [InlineData("openai", 403, true)]
    [InlineData("anthropic", 403, true)]
    [InlineData("anthropic", 451, false)]
    public async Task A_filter_may_have_let_the_create_call_pass_and_blocked_its_answer(string provider, int status, bool isMade)
    {
        await FaultyAsync($$"""{ "type": "http-status", "status": {{status}}, "html": true, "after": {{(isMade ? "true" : "false")}} }""", """{ "operation": "create" }""", "\"times\": 1,");
        Dataset(N);
        Config(provider: provider, more: "batch: { max_attempts: 1, lost_after_seconds: 1 }");

        (await RunAsync("run", "configs")).Explains(3, "base_url");
        Assert.Equal(0, Count("failed"));

        (await SweepAsync()).Is(0);
        Assert.Equal((1, 0, N), (StatsOf(provider).BatchesCreated, StatsOf(provider).RepeatedBodies, Count("done")));
    }
}
