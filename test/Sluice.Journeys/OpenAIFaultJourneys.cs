namespace Sluice.Journeys;

/// <summary>What OpenAI's Batch API does on a bad day, and what the program makes of it.</summary>
public sealed class OpenAIFaultJourneys : Journey
{
    private const int N = 20;

    [Theory]
    [InlineData("""{ "type": "line-error", "status": 500, "attempts": 1 }""")]
    [InlineData("""{ "type": "line-error", "status": 429, "code": "rate_limit_exceeded", "attempts": 2 }""")]
    public async Task Lines_that_a_retry_can_cure_are_sent_again_alone(string fault)
    {
        await ProviderAsync($$"""[{ "when": { "operation": "line", "share": 0.4 }, "times": -1, "fault": {{fault}} }]""");
        await FinishesAsync();
        Assert.InRange(OpenAI.LinesExecuted, N + 1, (2 * N) + 5);
        Assert.True(OpenAI.BatchesCreated >= 2);
    }

    [Theory]
    [InlineData("""{ "type": "row-status-zero" }""", 0)]
    [InlineData("""{ "type": "row-missing" }""", 4)]
    public async Task Rows_that_are_missing_or_empty_are_asked_for_again(string fault, int repeated)
    {
        await ProviderAsync($$"""[{ "when": { "operation": "line", "share": 0.4 }, "times": 4, "fault": {{fault}} }]""");
        await FinishesAsync(repeated: repeated);
        Assert.Equal((2, N + 4), (OpenAI.BatchesCreated, OpenAI.LinesExecuted));
    }

    [Fact]
    public async Task A_request_that_fails_for_good_is_reported_and_sent_again_only_on_demand()
    {
        await ProviderAsync("""[{ "when": { "operation": "line", "match": "Question 3 " }, "times": 1, "fault": { "type": "line-error", "status": 400, "code": "invalid_prompt", "message": "This prompt was flagged." } }]""");
        Make();
        var run = (await SweepAsync()).Is(1).Says("This prompt was flagged.", "--retry-failed");
        Assert.Equal(1, run.Json["totals"]!["failed"]!.GetValue<int>());
        Assert.Equal(N - 1, run.Json["experiments"]![0]!["scores"]!["accuracy"]!["n"]!.GetValue<int>());
        var row = Rows().Single(r => (string?)r["status"] == "failed");
        Assert.Equal("s3", (string?)row["sample"]);
        Assert.Contains("This prompt was flagged.", (string)row["error"]!, StringComparison.Ordinal);

        Assert.Equal(0, (await SweepAsync()).Is(1).Sent);
        Assert.Equal(1, (await SweepAsync("--retry-failed")).Is(0).Sent);
        Assert.Equal(N, Count("done"));
        Assert.Equal(await UndisturbedAsync(), Results());
    }

    [Fact]
    public async Task Lines_that_never_succeed_are_given_up_after_the_attempts_of_the_config()
    {
        await ProviderAsync("""[{ "when": { "operation": "line", "match": "Question 3 " }, "times": -1, "fault": { "type": "line-error", "status": 500, "message": "no luck" } }]""");
        Make("batch: { max_attempts: 2 }");
        (await SweepAsync()).Is(1).Says("no luck");
        Assert.Equal(2, OpenAI.BatchesCreated);
        Assert.Equal(1, Count("failed"));
        Assert.Equal(0, (await SweepAsync()).Is(1).Sent);
    }

    [Fact]
    public async Task Who_waits_for_a_batch_of_another_is_given_the_tries_that_it_may_have()
    {
        await ProviderAsync("""[{ "when": { "operation": "line", "match": "Question 3 " }, "times": 1, "fault": { "type": "line-error", "status": 500, "message": "no luck" } }]""", batchDelay: 8);
        Make("batch: { max_attempts: 1 }");
        (await RunAsync("submit", "configs", "--sweep", "s")).Is(8);
        Make("batch: { max_attempts: 3 }");

        (await RunAsync("run", "configs", "--sweep", "t")).Is(0);

        Assert.Equal(2, OpenAI.BatchesCreated);
    }

    [Fact]
    public async Task A_batch_refused_for_a_bad_line_is_explained()
    {
        await FaultyAsync("""{ "type": "failed", "code": "invalid_json_line", "message": "This line is not parseable as valid JSON.", "line": 3 }""");
        Make();
        (await SweepAsync()).Is(1).Says("the provider refused the batch", "invalid_json_line", "This line is not parseable as valid JSON.", "line 3");
        Assert.Equal(N, Count("failed"));
        Assert.Equal(0, (await SweepAsync()).Is(1).Sent);
        (await SweepAsync("--retry-failed")).Is(0);
        Assert.Equal(N, OpenAI.DistinctBodies);
    }

    [Fact]
    public async Task A_full_queue_of_tokens_is_waited_for()
    {
        await FaultyAsync("""{ "type": "failed", "code": "token_limit_exceeded", "message": "Enqueued token limit reached." }""", more: "\"times\": 2,");
        var run = await FinishesAsync();
        run.Says("token_limit_exceeded", "waiting");
        Assert.Equal(3, OpenAI.BatchesCreated);
        Assert.Equal(N, OpenAI.LinesExecuted);
    }

    [Fact]
    public async Task A_batch_that_keeps_failing_for_unknown_reasons_is_given_up()
    {
        await FaultyAsync("""{ "type": "failed", "code": "something_new", "message": "Nobody knows." }""", more: "\"times\": -1,");
        Make();
        (await SweepAsync()).Is(1).Says("Nobody knows.");
        Assert.Equal(N, Count("failed"));
        Assert.InRange(OpenAI.BatchesCreated, 2, 10);
    }

    [Fact]
    public async Task A_batch_that_completed_with_nothing_but_errors_is_tried_again()
    {
        await FaultyAsync("""{ "type": "all-errors", "status": 500 }""");
        await FinishesAsync();
        Assert.Equal(2, OpenAI.BatchesCreated);
    }

    [Theory]
    [InlineData("expired")]
    [InlineData("cancelled")]
    public async Task Of_a_batch_that_was_cut_short_only_the_rest_is_sent_again(string how)
    {
        await FaultyAsync($$"""{ "type": "{{how}}", "fraction": 0.4 }""");
        await FinishesAsync();
        Assert.Equal(2, OpenAI.BatchesCreated);
        Assert.Equal(N, OpenAI.DistinctBodies);
    }

    [Fact]
    public async Task Oddities_of_batches_change_nothing()
    {
        string[] oddities =
        [
            """{ "type": "rows-shuffled" }""", """{ "type": "no-final-newline" }""", """{ "type": "blank-lines" }""", """{ "type": "crlf" }""", """{ "type": "bom" }""",
            """{ "type": "output-id-null", "gets": 2 }""", """{ "type": "error-id-empty" }""", """{ "type": "error-file-empty" }""", """{ "type": "not-found", "gets": 3 }""",
            """{ "type": "show-state", "state": "paused", "gets": 3 }""", """{ "type": "upper-case-states" }""", """{ "type": "counters-backwards" }""",
            """{ "type": "null-counts" }""", """{ "type": "null-counts", "members": true }""", """{ "type": "iso-times" }""",
        ];
        // Each batch has an oddity of its own.
        await ProviderAsync($"[{string.Join(",", oddities.Select((fault, n) => $$"""{ "when": { "operation": "create" }, "skip": {{n}}, "times": 1, "fault": {{fault}} }"""))}]");
        await FinishesAsync("batch: { max_requests: 2 }", samples: 2 * oddities.Length);
        Assert.Equal((oddities.Length, 2 * oddities.Length), (OpenAI.BatchesCreated, OpenAI.LinesExecuted));
        Assert.Equal(oddities.Length, OpenAI.FaultsInjected);
    }

    [Theory]
    [InlineData("""{ "type": "row-twice" }""")]
    [InlineData("""{ "type": "row-unknown-id" }""")]
    public async Task Surplus_rows_change_nothing(string fault)
    {
        await ProviderAsync($$"""[{ "when": { "operation": "line", "share": 0.5 }, "times": -1, "fault": {{fault}} }]""");
        await FinishesAsync();
        Assert.Equal((1, N), (OpenAI.BatchesCreated, OpenAI.LinesExecuted));
    }

    [Theory]
    [InlineData("get", """{ "type": "http-status", "status": 502, "html": true }""", """{ "type": "garbage" }""", """{ "type": "drop" }""")]
    [InlineData("content", """{ "type": "truncate", "fraction": 0.5 }""", """{ "type": "truncate", "fraction": 0.5, "content_length": false }""", """{ "type": "http-status", "status": 500 }""")]
    [InlineData("upload", """{ "type": "http-status", "status": 503 }""", """{ "type": "drop", "after": true }""", """{ "type": "garbage" }""")]
    [InlineData("create", """{ "type": "http-status", "status": 429, "retry_after": 1 }""", """{ "type": "http-status", "status": 500 }""", """{ "type": "drop" }""")]
    [InlineData("create", """{ "type": "drop", "after": true }""", """{ "type": "garbage" }""", """{ "type": "http-status", "status": 504, "html": true, "after": true }""")]
    public async Task Calls_that_go_wrong_are_made_again_and_never_make_a_second_batch(string operation, string first, string second, string third)
    {
        await ProviderAsync($"[{string.Join(",", ((string[])[first, second, third]).Select((fault, n) => $$"""{ "when": { "operation": "{{operation}}" }, "skip": {{n}}, "times": 1, "fault": {{fault}} }"""))}]");
        await FinishesAsync("batch: { max_requests: 5 }");
        Assert.Equal((4, N), (OpenAI.BatchesCreated, OpenAI.LinesExecuted));
    }

    [Theory]
    [InlineData("""{ "type": "http-status", "status": 429, "retry_after": 1 }""")]
    [InlineData("""{ "type": "http-status", "status": 500 }""")]
    [InlineData("""{ "type": "http-status", "status": 503, "html": true }""")]
    [InlineData("""{ "type": "drop" }""")]
    [InlineData("""{ "type": "garbage" }""")]
    public async Task Live_calls_that_go_wrong_are_made_again(string fault)
    {
        await FaultyAsync(fault, """{ "operation": "live" }""", "\"times\": 3,");
        var run = await FinishesAsync("batch_mode: false\nlive: { resend_unknown: 3 }", repeated: fault.Contains("garbage", StringComparison.Ordinal) ? 3 : 0);
        // Calls without a known outcome are perhaps paid for, so each is counted.
        Assert.Equal(fault.Contains("http-status", StringComparison.Ordinal) ? N : N + 3, run.Sent);
    }

    [Fact]
    public async Task A_live_call_that_fails_for_good_is_reported_once()
    {
        await FaultyAsync("""{ "type": "http-status", "status": 400, "message": "Not like this." }""", """{ "operation": "live", "match": "Question 3 " }""");
        Make("batch_mode: false");
        (await SweepAsync()).Is(1).Says("Not like this.");
        Assert.Equal(N - 1, Count("done"));
        Assert.Equal(0, (await SweepAsync()).Is(1).Sent);
        Assert.Equal(1, (await SweepAsync("--retry-failed")).Is(0).Sent);
    }

    [Fact]
    public async Task An_exhausted_quota_stops_the_run_and_a_later_one_goes_on()
    {
        await FaultyAsync("""{ "type": "http-status", "status": 429, "code": "insufficient_quota", "error_type": "insufficient_quota", "message": "You exceeded your current quota." }""", """{ "operation": "create" }""");
        Make();
        (await SweepAsync()).Explains(4, "quota");
        (await SweepAsync()).Is(0);
        Assert.Equal((1, N), (OpenAI.BatchesCreated, OpenAI.LinesExecuted));
    }

    private void Make(string more = "", int samples = N)
    {
        Dataset(samples);
        Config(more: more);
    }

    private async Task<CliResult> FinishesAsync(string more = "", int samples = N, int repeated = 0)
    {
        Make(more, samples);
        var run = (await SweepAsync()).Is(0);
        Assert.Equal((samples, repeated), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
        Assert.Equal(await UndisturbedAsync(), Results());
        Assert.Empty(Simulator.Stats.InternalErrors);
        Assert.Empty(Spools());
        return run;
    }
}
