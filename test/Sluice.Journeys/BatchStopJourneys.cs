namespace Sluice.Journeys;

/// <summary>Batches whose first results say that the others are not worth their money: all the same failure, or no credit.</summary>
public sealed class BatchStopJourneys : Journey
{
    private const int N = 300;
    private const int PerBatch = 50;

    private Simulator.ProviderStats StatsOf(string provider) => provider == "anthropic" ? Anthropic : OpenAI;

    [Theory]
    [InlineData("openai", "/v1/batches")]
    [InlineData("anthropic", "/v1/messages/batches")]
    public async Task After_a_first_batch_of_nothing_but_the_same_failure_no_other_is_created(string provider, string path)
    {
        await FaultyAsync("""{ "type": "all-errors", "status": 400, "message": "`temperature` is not supported." }""", """{ "operation": "create" }""", "\"times\": -1,");
        // The second create call takes until the first batch's results were read.
        await using var relay = Between();
        using var isRead = new ManualResetEventSlim();
        relay.Instead = call =>
        {
            if (call == "POST " + path && relay.CountOf(call) == 2)
            {
                isRead.Wait(Cancel);
            }

            return null;
        };
        Dataset(N);
        Config(provider: provider, more: $"batch: {{ max_requests: {PerBatch} }}");

        var run = Start("run", "configs", "--json");
        await run.SaysAsync("are the same failure");
        isRead.Set();
        var stopped = (await run.EndAsync()).Is(1).Says("the first 50 answers of its batches", "`temperature` is not supported.", "live.stop_after");

        Assert.Equal((2, 2 * PerBatch, N - (2 * PerBatch)), (StatsOf(provider).BatchesCreated, Count("failed"), Count("pending")));
        Assert.Equal(("incomplete", N - (2 * PerBatch)), ((string?)stopped.Json["state"], (int)stopped.Json["totals"]!["stopped"]!));
        Assert.Empty(Spools());

        // With 0 nothing stops: what was not sent is sent, and fails too.
        (await SweepAsync("live.stop_after=0")).Is(1);
        Assert.Equal((N / PerBatch, N), (StatsOf(provider).BatchesCreated, Count("failed")));
    }

    [Fact]
    public async Task A_first_batch_of_one_line_stops_nothing()
    {
        await FaultyAsync("""{ "type": "line-error", "status": 400, "message": "Never." }""", """{ "operation": "line", "match": "Question 0 " }""", "\"times\": -1,");
        await using var relay = Between();
        using var isRead = new ManualResetEventSlim();
        relay.Instead = call =>
        {
            if (call == "POST /v1/batches" && relay.CountOf(call) == 2)
            {
                isRead.Wait(Cancel);
            }

            return null;
        };
        Dataset(1, "first.jsonl");
        Dataset(40);
        Config("a", more: "");
        Write("configs/a.yaml", (await File.ReadAllTextAsync(Path.Combine(Folder, "configs/a.yaml"), Cancel)).Replace("data.jsonl", "first.jsonl", StringComparison.Ordinal));
        (await RunAsync("submit", "configs", "--sweep", "s")).Is(8);
        Config("b", more: "batch: { max_requests: 20 }");

        var run = Start("run", "configs", "--sweep", "s", "--json");
        await Poll.UntilAsync(() => relay.Calls.Any(c => c.EndsWith("/content", StringComparison.Ordinal)), () => run.Text);
        isRead.Set();
        (await run.EndAsync()).Is(1);

        Assert.Equal((1, 39, 1), (Count("failed", "a"), Count("done", "b"), Count("failed", "b")));
    }

    [Theory]
    [InlineData("openai", """{ "type": "all-errors", "status": 429, "code": "insufficient_quota" }""")]
    [InlineData("openai", """{ "type": "all-errors", "status": 402 }""")]
    [InlineData("anthropic", """{ "type": "all-errors", "status": 400, "error_type": "invalid_request_error", "message": "Your credit balance is too low to access the Anthropic API." }""")]
    public async Task Lines_that_say_that_the_credit_is_spent_end_the_command_and_are_nobodys_failed_try(string provider, string fault)
    {
        await FaultyAsync(fault, """{ "operation": "create" }""", "\"times\": 1,");
        Dataset(60);
        // One failed try would be one too many.
        Config(provider: provider, more: "batch: { max_requests: 20, max_attempts: 1 }");

        (await SweepAsync()).Explains(4, "has no quota left");

        var before = StatsOf(provider).BatchesCreated;
        Assert.InRange(before, 1, 3);
        Assert.Equal(0, Count("failed"));

        var again = (await SweepAsync()).Is(0);
        Assert.Equal(60, Count("done"));
        Assert.Equal((60, 0), (StatsOf(provider).DistinctBodies, StatsOf(provider).RepeatedBodies));
        Assert.True(StatsOf(provider).BatchesCreated > before, again.Output);
    }
}
