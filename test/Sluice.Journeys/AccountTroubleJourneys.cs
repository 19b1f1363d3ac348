using System.Globalization;
using Sluice.Simulator;

namespace Sluice.Journeys;

/// <summary>What is the account's or the address's trouble: no request fails for it, no tries are used up, and the same command goes on.</summary>
public sealed class AccountTroubleJourneys : Journey
{
    private const int N = 20;

    private ProviderStats StatsOf(string provider) => provider == "anthropic" ? Anthropic : OpenAI;

    private static string LiveCall(string provider) => provider == "anthropic" ? "POST /v1/messages" : "POST /v1/chat/completions";

    private SimulatorOptions Slow => new() { Folder = Path.Combine(Folder, "provider0"), LiveLatency = TimeSpan.FromMilliseconds(100) };

    [Theory]
    [InlineData("openai", true)]
    [InlineData("anthropic", true)]
    [InlineData("openai", false)]
    public async Task A_run_goes_on_by_itself_when_its_server_is_back(string provider, bool hasAnswered)
    {
        await ProviderAsync(options: Slow);
        var address = Simulator.Address;
        Dataset(3 * N);
        // Two tries: those that were under way when the server went have used one.
        Config(provider: provider, more: "batch_mode: false\nlive: { concurrency: 4, max_attempts: 2 }");
        if (!hasAnswered)
        {
            await StopProviderAsync();
        }

        var run = Start("run", "configs", "--json");
        if (hasAnswered)
        {
            await Poll.UntilAsync(() => StatsOf(provider).LiveCalls >= 8, () => run.Text);
            await StopProviderAsync();
        }

        await run.SaysAsync("cannot be reached");
        await ProviderAgainAsync(address);

        (await run.EndAsync()).Is(0).Says("answers again, after");
        Assert.Equal(await UndisturbedAsync(), Results());
    }

    [Theory]
    [InlineData("openai", false, "trying again in")]
    [InlineData("anthropic", true, "3 times in a row); still trying")]
    public async Task Batches_of_a_server_that_is_away_go_on_when_it_is_back(string provider, bool isUnderWay, string said)
    {
        await ProviderAsync(batchDelay: 1);
        var address = Simulator.Address;
        Dataset(N);
        Config(provider: provider, more: "batch: { max_requests: 10, max_attempts: 1 }");
        if (!isUnderWay)
        {
            await StopProviderAsync();
        }

        var run = Start("run", "configs", "--json");
        if (isUnderWay)
        {
            await Poll.UntilAsync(() => StatsOf(provider).BatchesCreated == 2, () => run.Text);
            await StopProviderAsync();
        }

        await run.SaysAsync(said);
        await ProviderAgainAsync(address);

        (await run.EndAsync()).Is(0);
        Assert.Equal((2, N, 0), (Simulator.Batches().Count, StatsOf(provider).DistinctBodies, StatsOf(provider).RepeatedBodies));
        Assert.Equal(await UndisturbedAsync(), Results());
    }

    [Fact]
    public async Task A_gateway_without_its_server_uses_up_no_tries_however_often_it_says_so()
    {
        await ProviderAsync();
        await using var relay = Between();
        var refused = 0;
        relay.Instead = call => call == LiveCall("openai") && Interlocked.Increment(ref refused) <= 3 ? new RelayAnswer(502, "<html><body>Bad Gateway</body></html>", "text/html") : null;
        Dataset(N);
        Config(more: "batch_mode: false\nlive: { concurrency: 1, max_attempts: 1 }");

        Assert.Equal(N, (await SweepAsync()).Is(0).Says("cannot be reached").Sent);

        Assert.Equal(N + 3, relay.CountOf(LiveCall("openai")));
        Assert.Equal(await UndisturbedAsync(), Results());
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 2)]
    [InlineData(false, 0)]
    public async Task A_server_that_stays_away_ends_the_command_and_the_same_one_goes_on_later(bool hasAnswered, int patience)
    {
        await ProviderAsync(options: Slow);
        var address = Simulator.Address;
        Dataset(3 * N);
        Config(more: $"batch_mode: false\nlive: {{ concurrency: 4, max_attempts: 2, unreachable_seconds: {patience} }}");
        if (!hasAnswered)
        {
            await StopProviderAsync();
        }

        var run = Start("run", "configs");
        if (hasAnswered)
        {
            await Poll.UntilAsync(() => OpenAI.LiveCalls >= 8, () => run.Text);
            await StopProviderAsync();
        }

        (await run.EndAsync()).Explains(3, "provider `openai` cannot be reached", "run the same command again");
        var done = Count("done");
        Assert.Equal((0, 3 * N), (Count("failed"), done + Count("pending")));
        Assert.Equal(hasAnswered, done >= 4);

        await ProviderAgainAsync(address);
        Assert.Equal((3 * N) - done, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(await UndisturbedAsync(), Results());
    }

    [Theory]
    [InlineData("openai", "retry-after: 2", "{}")]
    [InlineData("openai", "retry-after-ms: 1500", "{}")]
    [InlineData("openai", "x-ratelimit-remaining-requests: 0|x-ratelimit-reset-requests: 2s", "{}")]
    [InlineData("openai", "x-ratelimit-remaining-tokens: 0|x-ratelimit-reset-tokens: 1500ms", "{}")]
    [InlineData("anthropic", "anthropic-ratelimit-requests-remaining: 0|anthropic-ratelimit-requests-reset: DATE", "{}")]
    [InlineData("anthropic", "anthropic-ratelimit-input-tokens-remaining: 0|anthropic-ratelimit-input-tokens-reset: DATE", "{}")]
    [InlineData("openai", "", """{"error":{"code":429,"message":"Resource has been exhausted","status":"RESOURCE_EXHAUSTED","details":[{"retryDelay":"2s"}]}}""")]
    [InlineData("openai", "", """{"error":{"message":"Rate limit reached for gpt-4o-mini. Please try again in 1.5s.","type":"requests","code":"rate_limit_exceeded"}}""")]
    public async Task A_closed_rate_window_is_waited_for_and_uses_up_no_tries_wherever_its_end_is_told(string provider, string headers, string body)
    {
        await ProviderAsync();
        await using var relay = Between();
        using var gate = new SemaphoreSlim(1);
        DateTimeOffset? opens = null;
        var refused = 0;
        relay.Instead = call =>
        {
            if (call != LiveCall(provider))
            {
                return null;
            }

            // The window opens no later than any of its answers says.
            gate.Wait(Cancel);
            var now = TimeProvider.System.GetUtcNow();
            opens ??= now.AddSeconds(1.5);
            var isClosed = now < opens;
            refused += isClosed ? 1 : 0;
            gate.Release();
            return !isClosed ? null : new RelayAnswer(429, body)
            {
                Headers = headers.Split('|', StringSplitOptions.RemoveEmptyEntries).Select(h => h.Split(": "))
                    .ToDictionary(h => h[0], h => h[1].Replace("DATE", now.AddSeconds(2).ToString("O", CultureInfo.InvariantCulture), StringComparison.Ordinal)),
            };
        };
        Dataset(N);
        Config(provider: provider, more: "batch_mode: false\nlive: { concurrency: 4, max_attempts: 1 }");

        Assert.Equal(N, (await SweepAsync()).Is(0).Sent);

        // Those that were under way together were refused together, and nobody knocked again before the time.
        Assert.InRange(refused, 1, 4);
        Assert.Equal(N, StatsOf(provider).LiveCalls);
        Assert.Equal(await UndisturbedAsync(), Results());
    }

    [Fact]
    public async Task A_rate_window_whose_end_nobody_tells_uses_up_no_tries_either()
    {
        await FaultyAsync("""{ "type": "http-status", "status": 429 }""", """{ "operation": "live" }""", "\"times\": 4,");
        Dataset(N);
        Config(more: "batch_mode: false\nlive: { concurrency: 1, max_attempts: 1 }");

        Assert.Equal(N, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(await UndisturbedAsync(), Results());
    }

    [Fact]
    public async Task A_long_rate_window_is_told_of_and_a_signal_ends_the_wait_with_nothing_failed()
    {
        await FaultyAsync("""{ "type": "http-status", "status": 429, "retry_after": 900 }""", """{ "operation": "live" }""");
        Dataset(N);
        Config(more: "batch_mode: false\nlive: { concurrency: 1, max_attempts: 1 }");
        var run = Start("run", "configs");
        await run.SaysAsync("calls of `gpt-4o-mini` wait for 900 s");
        run.Signal(CliRun.Terminate);

        (await run.EndAsync()).Is(143);
        Assert.Equal(N, Count("pending"));
        Assert.Equal(N, (await SweepAsync()).Is(0).Sent);
    }

    [Theory]
    [InlineData("anthropic", "live", 400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits.")]
    [InlineData("anthropic", "live", 400, "invalid_request_error", "You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC.")]
    [InlineData("anthropic", "create", 400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.")]
    [InlineData("anthropic", "line", 400, "invalid_request_error", "Your credit balance is too low to access the Anthropic API.")]
    [InlineData("openai", "live", 400, "budget_exceeded", "Budget has been exceeded! Current cost: 20.1, Max budget: 20.0")]
    [InlineData("openai", "live", 403, "permission_error", "You have run out of credits: insufficient balance")]
    [InlineData("openai", "live", 429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.")]
    [InlineData("openai", "upload", 400, "invalid_request_error", "You have exceeded your file storage quota.")]
    [InlineData("openai", "create", 400, "billing_hard_limit_reached", "Billing hard limit has been reached.")]
    [InlineData("openai", "line", 429, "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.")]
    [InlineData("openai", "line", 400, "invalid_request_error", "Your credit balance is too low.")]
    public async Task A_spent_account_ends_the_command_whatever_the_status_and_the_same_one_goes_on_with_credit(string provider, string operation, int status, string type, string message)
    {
        var isLine = operation == "line";
        // Of a batch half the lines were still answered.
        await ProviderAsync($$"""
            [{ "when": { "operation": "{{operation}}"{{(isLine ? ", \"share\": 0.5" : "")}} }, "times": -1,
               "fault": { "type": "{{(isLine ? "line-error" : "http-status")}}", "status": {{status}}, "error_type": "{{type}}", "code": "{{type}}", "message": "{{message}}" } }]
            """);
        Dataset(N);
        Config(provider: provider, more: $"batch_mode: {(operation == "live" ? "false" : "true")}\nlive: {{ concurrency: 4, max_attempts: 1 }}\nbatch: {{ max_attempts: 1 }}");

        (await RunAsync("run", "configs")).Explains(4, "has no quota left", message, "run the same command again");

        var done = Count("done");
        Assert.Equal((0, N), (Count("failed"), done + Count("pending")));
        Assert.Equal(isLine, done > 0);
        Assert.InRange(StatsOf(provider).HttpRequests[isLine ? "create" : operation], 1, operation == "live" ? 4 : 1);
        await RestartProviderAsync();
        (await SweepAsync()).Is(0);
        Assert.Equal(N - done, StatsOf(provider).DistinctBodies);
        Assert.Equal(await UndisturbedAsync(), Results());
    }

    [Theory]
    [InlineData("openai", 302, "")]
    [InlineData("openai", 405, "<html><body>Method Not Allowed</body></html>")]
    [InlineData("openai", 200, "<html><body>Please log in</body></html>")]
    [InlineData("anthropic", 400, "<html><body>The plain HTTP request was sent to HTTPS port</body></html>")]
    public async Task A_proxy_that_answers_every_live_call_ends_the_command_and_nothing_fails(string provider, int status, string page)
    {
        await ProviderAsync();
        await using var relay = Between();
        relay.Instead = call => call == LiveCall(provider) ? new RelayAnswer(status, page, "text/html", status is >= 300 and < 400 ? "http://elsewhere.invalid/" : null) : null;
        Dataset(N);
        Config(provider: provider, more: "batch_mode: false\nlive: { concurrency: 4, max_attempts: 1 }");

        (await RunAsync("run", "configs")).Explains(3, "base_url");

        Assert.Equal((0, N), (Count("failed"), Count("pending")));
        Assert.InRange(relay.CountOf(LiveCall(provider)), 1, 4);
        relay.Instead = _ => null;
        Assert.Equal(N, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(await UndisturbedAsync(), Results());
    }
}
