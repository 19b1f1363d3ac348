using System.Globalization;

namespace Sluice.Journeys;

/// <summary>Live calls that fail by themselves: how often each is made, when the rest of a step is not made at all, and who is to blame.</summary>
public sealed class LiveFailureJourneys : Journey
{
    private const string Refusal = "refused by the simulator's fault script";
    private const int N = 20;
    private const int Many = 300;

    private Simulator.ProviderStats StatsOf(string provider) => provider == "anthropic" ? Anthropic : OpenAI;

    [Theory]
    [InlineData("openai", """{ "type": "delay", "seconds": 60 }""", 1)]
    [InlineData("openai", """{ "type": "delay", "seconds": 60 }""", 0)]
    [InlineData("openai", """{ "type": "garbage" }""", 1)]
    [InlineData("anthropic", """{ "type": "garbage" }""", 2)]
    [InlineData("anthropic", """{ "type": "drop", "after": true }""", 1)]
    public async Task A_call_without_a_known_outcome_is_made_again_as_often_as_allowed_and_its_cost_is_told_as_not_known(string provider, string fault, int again)
    {
        const int Calls = 4;
        await FaultyAsync(fault, """{ "operation": "live" }""", "\"times\": -1,");
        Dataset(Calls);
        // One more is the default, which is not written down here.
        Config(provider: provider, more: $"batch_mode: false\nlive: {{ timeout_seconds: 3{(again == 1 ? "" : $", resend_unknown: {again}")} }}");

        var result = await SweepAsync();

        var made = Calls * (again + 1);
        Assert.Equal(made, StatsOf(provider).HttpRequests["live"]);
        var totals = result.Is(1).Says($"sent {again + 1} times without a known outcome").Json["totals"]!;
        Assert.Equal((made, made, Calls), ((int)totals["sent"]!, (int)totals["unknown_calls"]!, (int)totals["failed"]!));
        Assert.True((double)totals["unknown_usd"]! > 0 && (double)totals["spent_usd"]! == 0);

        (await RunAsync("run", "configs", "--retry-failed")).Is(1).Says("paid by this command: at least $", $"the outcome of {made} live calls");
        Assert.Equal(2 * made, StatsOf(provider).HttpRequests["live"]);
    }

    [Fact]
    public async Task What_calls_without_a_known_outcome_may_have_cost_stays_out_of_the_budget()
    {
        await FaultyAsync("""{ "type": "garbage" }""", """{ "operation": "live" }""", "\"times\": -1,");
        Dataset(N);
        Config(more: "batch_mode: false\nlive: { concurrency: 1, stop_after: 0 }");
        var estimate = (double)(await RunAsync("plan", "configs", "--json")).Is(0).Json["totals"]!["live_usd"]! / N;

        // Room for each request once, and each is sent twice before it is given up.
        var result = await SweepAsync($"budget.usd={((N + 0.5) * estimate).ToString("R", CultureInfo.InvariantCulture)}");

        Assert.InRange(OpenAI.HttpRequests["live"], N - 2, N + 1);
        Assert.True((double)result.Json["totals"]!["unknown_usd"]! > 0, result.Output);
        Assert.True((int)result.Json["totals"]!["held"]! > 0);
    }

    [Theory]
    [InlineData("openai")]
    [InlineData("anthropic")]
    public async Task After_twenty_equal_failures_no_more_of_a_step_is_sent_and_the_rest_stays_pending(string provider)
    {
        await FaultyAsync("""{ "type": "http-status", "status": 400 }""", """{ "operation": "live" }""", "\"times\": -1,");
        Dataset(Many);
        Config(provider: provider, more: "batch_mode: false\nlive: { concurrency: 4 }");

        var result = await SweepAsync();

        var made = (int)StatsOf(provider).HttpRequests["live"];
        Assert.InRange(made, 20, 24);
        result.Is(1).Says("are the same failure", "step `answer`", "invalid_request_error", Refusal);
        Assert.Equal((made, Many - made), (Count("failed"), Count("pending")));
        Assert.Equal(Many - made, (int)result.Json["totals"]!["stopped"]!);
        Assert.Equal("incomplete", (string?)result.Json["state"]);

        // What is pending goes on when the cause is gone.
        await RestartProviderAsync();
        Assert.Equal(Many - made, (await SweepAsync()).Is(1).Sent);
        Assert.Equal((made, Many - made), (Count("failed"), Count("done")));
        Assert.Equal(made, (await SweepAsync("--retry-failed")).Is(0).Sent);
    }

    [Fact]
    public async Task The_number_of_equal_failures_that_stops_a_step_is_the_users_and_0_stops_none()
    {
        await FaultyAsync("""{ "type": "http-status", "status": 400 }""", """{ "operation": "live" }""", "\"times\": -1,");
        Dataset(Many);
        Config(more: "batch_mode: false\nlive: { concurrency: 4, stop_after: 3 }");

        (await SweepAsync()).Is(1).Says("are the same failure");
        var made = (int)OpenAI.HttpRequests["live"];
        Assert.InRange(made, 3, 7);

        var all = (await SweepAsync("live.stop_after=0")).Is(1);
        Assert.DoesNotContain("are the same failure", all.Errors, StringComparison.Ordinal);
        Assert.Equal((Many - made, 0), ((int)all.Sent, (int)all.Json["totals"]!["stopped"]!));
        Assert.Equal((Many, Many), ((int)OpenAI.HttpRequests["live"], Count("failed")));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Failures_that_differ_and_an_answer_among_them_stop_nothing(bool isAnswered)
    {
        await ProviderAsync();
        await using var relay = Between();
        var calls = 0;
        relay.Instead = call => call != "POST /v1/chat/completions" ? null : (Interlocked.Increment(ref calls), isAnswered) switch
        {
            (1, true) => null,
            ( > 1, true) => Refused("max_tokens is too large"),
            var (n, _) => Refused(n % 2 == 0 ? "max_tokens is too large" : "the prompt has no end"),
        };
        Dataset(3 * N);
        Config(more: "batch_mode: false\nlive: { concurrency: 1 }");

        var result = (await SweepAsync()).Is(1);

        Assert.Equal((3 * N, 0), (calls, (int)result.Json["totals"]!["stopped"]!));
        Assert.Equal((3 * N) - (isAnswered ? 1 : 0), Count("failed"));

        static RelayAnswer Refused(string message) =>
            new(400, $$$"""{"error":{"message":"{{{message}}}","type":"invalid_request_error","code":"invalid_request_error"}}""");
    }

    [Theory]
    [InlineData("openai", 401, 1)]
    [InlineData("openai", 403, 1)]
    [InlineData("openai", 403, 8)]
    [InlineData("anthropic", 401, 8)]
    [InlineData("anthropic", 403, 1)]
    public async Task A_refusal_of_one_request_among_answers_is_that_requests_failure(string provider, int status, int concurrency)
    {
        await FaultyAsync($$"""{ "type": "http-status", "status": {{status}} }""", """{ "operation": "live", "match": "Question 7 " }""");
        Dataset(N);
        Config(provider: provider, more: $"batch_mode: false\nlive: {{ concurrency: {concurrency} }}");

        (await SweepAsync()).Is(1).Says(Refusal);

        Assert.Equal((1, N - 1, N), (Count("failed"), Count("done"), StatsOf(provider).HttpRequests["live"]));
        Assert.Equal("s7", (string?)Rows().Single(row => (string?)row["status"] == "failed")["sample"]);
        Assert.Equal(0, (await SweepAsync()).Is(1).Sent);
        Assert.Equal(1, (await SweepAsync("--retry-failed")).Is(0).Sent);
        Assert.Equal(await UndisturbedAsync(), Results());
    }

    [Theory]
    [InlineData(401)]
    [InlineData(403)]
    public async Task A_key_that_is_refused_from_some_request_on_ends_the_command_and_fails_nothing(int status)
    {
        await ProviderAsync($$"""[{ "when": { "operation": "live" }, "skip": 6, "times": -1, "fault": { "type": "http-status", "status": {{status}} } }]""");
        Dataset(Many);
        Config(more: "batch_mode: false\nlive: { concurrency: 4 }");

        (await RunAsync("run", "configs")).Explains(4, "refused the API key", "OPENAI_API_KEY");

        Assert.Equal((6, 0, Many - 6), (Count("done"), Count("failed"), Count("pending")));
        Assert.InRange(OpenAI.HttpRequests["live"], 7, 6 + 4 + 5);
        await RestartProviderAsync();
        Assert.Equal(Many - 6, (await SweepAsync()).Is(0).Sent);
    }

    [Fact]
    public async Task A_retry_of_failures_makes_each_failing_call_once_however_many_samples_share_it()
    {
        await FaultyAsync("""{ "type": "http-status", "status": 400 }""", """{ "operation": "live" }""", "\"times\": -1,");
        Write("data.jsonl", string.Concat(Enumerable.Range(0, 1280).Select(n => $$"""{"id":"s{{n}}","question":"The same","answer":{{n}}}""" + "\n")));
        Config(more: "batch_mode: false");

        (await SweepAsync()).Is(1);
        Assert.Equal((1, 1280), (OpenAI.HttpRequests["live"], Count("failed")));
        Assert.Equal(1, (await SweepAsync("--retry-failed")).Is(1).Sent);
        Assert.Equal((2, 1280), (OpenAI.HttpRequests["live"], Count("failed")));
    }
}
