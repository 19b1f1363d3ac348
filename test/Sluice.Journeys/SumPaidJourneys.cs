using System.Text.Json.Nodes;
using Sluice.Simulator;

namespace Sluice.Journeys;

/// <summary>A command that ends with an error says what it has paid and what came of it, as one does that ends well.</summary>
public sealed class SumPaidJourneys : Journey
{
    private const int N = 200;

    [Theory]
    [InlineData("openai", 1)]
    [InlineData("openai", 16)]
    [InlineData("anthropic", 16)]
    public async Task No_credit_in_the_middle_of_live_calls_shows_what_was_done_and_paid(string provider, int concurrency)
    {
        // Answers take a while and the refusal none: it is known before the calls that were begun with it are answered.
        await ProviderAsync(
            """[{ "when": { "operation": "live" }, "skip": 3, "fault": { "type": "http-status", "status": 402 } }]""",
            options: new SimulatorOptions { Folder = Path.Combine(Folder, "provider0"), LiveLatency = TimeSpan.FromSeconds(concurrency == 1 ? 0 : 1) });
        Dataset(N);
        Config(provider: provider, more: $"batch_mode: false\nlive: {{ concurrency: {concurrency} }}");

        var refused = (await SweepAsync()).Explains(4, "has no quota left");

        var document = refused.Json;
        var totals = document["totals"]!;
        var paid = provider == "openai" ? OpenAI.DistinctBodies : Anthropic.DistinctBodies;
        Assert.InRange(paid!.Value, 3, 3 + concurrency);
        Assert.Equal(("error", paid, N - paid, paid), ((string?)document["state"], (long)totals["done"]!, (long)totals["pending"]!, (long)Count("done")));
        Assert.Contains("has no quota left", (string?)document["error"]!["message"], StringComparison.Ordinal);
        Assert.False(string.IsNullOrWhiteSpace((string?)document["error"]!["hint"]));
        Assert.Equal(CostOf(document), Spent(document), 8);

        await RestartProviderAsync();
        var rest = (await SweepAsync()).Is(0);
        Assert.Equal(N - paid, rest.Sent);
        Assert.Null(rest.Json["error"]);
        Assert.Equal(CostOf(rest.Json), Spent(document) + Spent(rest.Json), 7);
    }

    [Fact]
    public async Task People_see_the_table_and_the_sum_before_the_error()
    {
        await FaultyAsync("""{ "type": "http-status", "status": 402 }""", """{ "operation": "live" }""", "\"skip\": 3,");
        Dataset(N);
        Config(more: "batch_mode: false\nlive: { concurrency: 1 }");

        var refused = (await RunAsync("run", "configs")).Explains(4, "has no quota left");

        Assert.Equal(3, Count("done"));
        Assert.Matches(@"│ one\s+│\s+200 │\s+0 │\s+4 │\s+0 │\s+197 │", refused.Output);
        Assert.Matches(@"paid by this command: \$0\.0\d+ for [1-9]\d* tokens in, [1-9]\d* out", refused.Output);
    }

    [Fact]
    public async Task A_refused_key_shows_that_nothing_was_paid()
    {
        await ProviderAsync();
        Dataset(20);
        Set("OPENAI_API_KEY", "invalid");
        Config(more: "batch_mode: false");

        var refused = (await SweepAsync()).Explains(4, "API key");
        Assert.Equal(("error", 0, 20), ((string?)refused.Json["state"], Spent(refused.Json), (int)refused.Json["totals"]!["pending"]!));
    }

    [Fact]
    public async Task Retrieving_says_what_it_has_collected_before_an_error()
    {
        // The second experiment's batch is asked for with a key that is refused by then.
        await ProviderAsync();
        Dataset(10);
        Config("one");
        Config("two", "anthropic");
        (await RunAsync("submit", "configs", "--sweep", "s")).Is(8);
        Set("ANTHROPIC_API_KEY", "invalid");

        var refused = (await RunAsync("retrieve", "--wait", "--json")).Explains(4, "API key");

        Assert.Equal("error", (string?)refused.Json["state"]);
        Assert.NotNull(refused.Json["error"]!["message"]);
    }

    [Fact]
    public async Task Results_that_cannot_be_written_hide_nothing_that_was_paid()
    {
        await ProviderAsync();
        Dataset(20);
        Config(more: "batch_mode: false");
        var inTheWay = Directory.CreateDirectory(Path.Combine(Folder, "runs/s/one/results.jsonl"));

        var failed = (await RunAsync("run", "configs", "--sweep", "s", "--json")).Explains(3, "results.jsonl");

        Assert.Equal(("error", 20), ((string?)failed.Json["state"], (int)failed.Json["totals"]!["sent"]!));
        Assert.True(Spent(failed.Json) > 0, failed.Output);

        inTheWay.Delete();
        var again = (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0);
        Assert.Equal((0, CostOf(again.Json)), (again.Sent, Spent(failed.Json)));
    }

    private static double Spent(JsonNode document) => (double)document["totals"]!["spent_usd"]!;

    private static double CostOf(JsonNode document) => (double)document["totals"]!["cost_usd"]!;
}
