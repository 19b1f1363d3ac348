namespace Sluice.Journeys;

/// <summary>What Anthropic's Message Batches do on a bad day, and what the program makes of it.</summary>
public sealed class AnthropicFaultJourneys : Journey
{
    private const int N = 20;

    [Theory]
    [InlineData("""{ "type": "line-error", "status": 500, "error_type": "api_error", "attempts": 1 }""", -1)]
    [InlineData("""{ "type": "line-error", "status": 529, "error_type": "overloaded_error", "attempts": 1 }""", -1)]
    [InlineData("""{ "type": "row-missing" }""", 4)]
    public async Task Lines_that_a_retry_can_cure_are_sent_again_alone(string fault, int times)
    {
        await ProviderAsync($$"""[{ "when": { "operation": "line", "share": 0.4 }, "times": {{times}}, "fault": {{fault}} }]""");
        await FinishesAsync(repeated: times < 0 ? 0 : times);
        Assert.InRange(Anthropic.LinesExecuted, N + 1, 2 * N);
    }

    [Fact]
    public async Task A_request_that_fails_for_good_is_reported_and_sent_again_only_on_demand()
    {
        await ProviderAsync("""[{ "when": { "operation": "line", "match": "Question 3 " }, "times": 1, "fault": { "type": "line-error", "status": 400, "error_type": "invalid_request_error", "message": "max_tokens: too much." } }]""");
        Make();
        (await SweepAsync()).Is(1).Says("max_tokens: too much.", "--retry-failed");
        Assert.Equal(1, Count("failed"));
        Assert.Equal(0, (await SweepAsync()).Is(1).Sent);
        Assert.Equal(1, (await SweepAsync("--retry-failed")).Is(0).Sent);
    }

    [Theory]
    [InlineData("expired")]
    [InlineData("cancelled")]
    public async Task Of_a_batch_that_was_cut_short_only_the_rest_is_sent_again(string how)
    {
        await FaultyAsync($$"""{ "type": "{{how}}", "fraction": 0.4 }""");
        await FinishesAsync();
        Assert.Equal(2, Anthropic.BatchesCreated);
    }

    [Fact]
    public async Task Oddities_of_batches_change_nothing()
    {
        string[] oddities =
        [
            """{ "type": "rows-shuffled" }""", """{ "type": "no-final-newline" }""", """{ "type": "blank-lines" }""", """{ "type": "crlf" }""", """{ "type": "bom" }""",
            """{ "type": "output-id-null", "gets": 2 }""", """{ "type": "not-found", "gets": 3 }""", """{ "type": "show-state", "state": "resting", "gets": 3 }""",
            """{ "type": "upper-case-states" }""", """{ "type": "counters-backwards" }""", """{ "type": "null-counts" }""",
        ];
        await ProviderAsync($"[{string.Join(",", oddities.Select((fault, n) => $$"""{ "when": { "operation": "create" }, "skip": {{n}}, "times": 1, "fault": {{fault}} }"""))}]");
        await FinishesAsync("batch: { max_requests: 2 }", samples: 2 * oddities.Length);
        Assert.Equal((oddities.Length, 2 * oddities.Length), (Anthropic.BatchesCreated, Anthropic.LinesExecuted));
        Assert.Equal(oddities.Length, Anthropic.FaultsInjected);
    }

    [Theory]
    [InlineData("get", """{ "type": "http-status", "status": 502, "html": true }""", """{ "type": "garbage" }""", """{ "type": "drop" }""")]
    [InlineData("results", """{ "type": "truncate", "fraction": 0.5 }""", """{ "type": "truncate", "fraction": 0.5, "content_length": false }""", """{ "type": "http-status", "status": 500 }""")]
    [InlineData("create", """{ "type": "http-status", "status": 529, "error_type": "overloaded_error" }""", """{ "type": "http-status", "status": 429, "retry_after": 1 }""", """{ "type": "drop" }""")]
    [InlineData("create", """{ "type": "drop", "after": true }""", """{ "type": "garbage" }""", """{ "type": "http-status", "status": 504, "html": true, "after": true }""")]
    public async Task Calls_that_go_wrong_are_made_again_and_never_make_a_second_batch(string operation, string first, string second, string third)
    {
        await ProviderAsync($"[{string.Join(",", ((string[])[first, second, third]).Select((fault, n) => $$"""{ "when": { "operation": "{{operation}}" }, "skip": {{n}}, "times": 1, "fault": {{fault}} }"""))}]");
        await FinishesAsync("batch: { max_requests: 5 }");
        Assert.Equal((4, N), (Anthropic.BatchesCreated, Anthropic.LinesExecuted));
    }

    [Fact]
    public async Task Two_creates_with_lost_answers_find_each_its_own_batch()
    {
        await FaultyAsync("""{ "type": "drop", "after": true }""", """{ "operation": "create" }""", "\"times\": 2,");
        await FinishesAsync("batch: { max_requests: 10 }");
        Assert.Equal((2, N), (Anthropic.BatchesCreated, Anthropic.LinesExecuted));
    }

    [Theory]
    [InlineData("""{ "type": "http-status", "status": 429, "retry_after": 1 }""")]
    [InlineData("""{ "type": "http-status", "status": 529, "error_type": "overloaded_error" }""")]
    [InlineData("""{ "type": "drop" }""")]
    public async Task Live_calls_that_go_wrong_are_made_again(string fault)
    {
        await FaultyAsync(fault, """{ "operation": "live" }""", "\"times\": 3,");
        // Calls without a known outcome are perhaps paid for, so each is counted.
        Assert.Equal(fault.Contains("http-status", StringComparison.Ordinal) ? N : N + 3, (await FinishesAsync("batch_mode: false\nlive: { resend_unknown: 3 }")).Sent);
    }

    private void Make(string more = "", int samples = N)
    {
        Dataset(samples);
        Config(provider: "anthropic", more: more);
    }

    private async Task<CliResult> FinishesAsync(string more = "", int samples = N, int repeated = 0)
    {
        Make(more, samples);
        var run = (await SweepAsync()).Is(0);
        Assert.Equal((samples, repeated), (Anthropic.DistinctBodies, Anthropic.RepeatedBodies));
        Assert.Equal(await UndisturbedAsync(), Results());
        Assert.Empty(Simulator.Stats.InternalErrors);
        Assert.Empty(Spools());
        return run;
    }
}
