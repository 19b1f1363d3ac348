using System.Text.Json.Nodes;

namespace Sluice.Journeys;

/// <summary>A lost or damaged disk, a doubt that only people can settle: what was paid for comes back, and damage is named.</summary>
public sealed class RecoveryJourneys : Journey
{
    private string Ledger => Path.Combine(Folder, ".sluice/ledger.db");

    private string Cache => Path.Combine(Folder, ".sluice/cache.db");

    [Fact]
    public async Task A_lost_disk_loses_nothing_that_was_paid_for()
    {
        await ProviderAsync();
        Dataset(40);
        Config("a", more: "batch: { max_requests: 15 }");
        Config("b", "anthropic", more: "batch: { max_requests: 15 }");
        (await SweepAsync()).Is(0);
        var results = (Results("a"), Results("b"));
        Directory.Delete(Path.Combine(Folder, ".sluice"), recursive: true);
        Directory.Delete(Path.Combine(Folder, "runs"), recursive: true);

        var adopted = (await RunAsync("adopt", "--json")).Is(0).Json;
        Assert.Equal((6, 6, 80, 80), (Number(adopted, "batches"), Number(adopted, "ours"), Number(adopted, "responses"), Number(adopted, "new")));

        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(results, (Results("a"), Results("b")));
        Assert.Equal(0, OpenAI.RepeatedBodies + Anthropic.RepeatedBodies);
        Assert.Equal(0, Number((await RunAsync("adopt", "--json")).Is(0).Json, "new"));
    }

    [Fact]
    public async Task A_disk_lost_while_batches_are_under_way_gets_them_back_from_the_provider()
    {
        await ProviderAsync(batchDelay: 5);
        Dataset(20);
        Config();
        (await RunAsync("submit", "configs")).Is(8);
        Directory.Delete(Path.Combine(Folder, ".sluice"), recursive: true);

        var adopted = (await RunAsync("adopt", "--provider", "openai", "--json")).Is(0).Json;
        Assert.Equal((1, 1), (Number(adopted, "batches"), Number(adopted, "under_way")));

        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal((1, 0), (OpenAI.BatchesCreated, OpenAI.RepeatedBodies));
        Assert.Equal(20, Count("done"));
    }

    [Fact]
    public async Task Result_files_on_disk_fill_the_cache_whoever_wrote_them()
    {
        await ProviderAsync();
        Dataset(10);
        Config("a");
        Config("b", "anthropic");
        Write("configs/c.yaml", (await File.ReadAllTextAsync(Path.Combine(Folder, "configs/a.yaml"), Cancel)).Replace("name: a", "name: c", StringComparison.Ordinal).Replace("name: gpt-4o-mini,", "api: responses, name: gpt-4o-mini,", StringComparison.Ordinal));
        (await SweepAsync()).Is(0);
        var files = Directory.EnumerateFiles(Path.Combine(Folder, "provider0"), "*", SearchOption.AllDirectories)
            .Where(f => File.ReadLines(f).FirstOrDefault() is { } line && line.Contains("custom_id", StringComparison.Ordinal) && (line.Contains("\"response\"", StringComparison.Ordinal) || line.Contains("\"result\"", StringComparison.Ordinal)))
            .ToArray();
        Assert.Equal(3, files.Length);
        Write("foreign.jsonl", """{"custom_id":"mine","response":{"status_code":200,"body":{"choices":[{"message":{"content":"x"}}]}},"error":null}""" + "\nno json\n");

        var adopted = (await RunAsync(["adopt", "--workspace", "other", "--json", "foreign.jsonl", .. files])).Is(0).Json;
        Assert.Equal((30, 30, 2), (Number(adopted, "responses"), Number(adopted, "new"), Number(adopted, "others")));

        Assert.Equal(0, (await SweepAsync("--workspace", "other")).Is(0).Sent);
        (await RunAsync("adopt", "nowhere.jsonl")).Explains(2, "nowhere.jsonl");
    }

    [Fact]
    public async Task A_doubt_is_settled_by_people_in_either_way()
    {
        // The answers to both creates are lost, and the list cannot be read: nobody but people can tell.
        await ProviderAsync("""
            [{ "when": { "provider": "openai", "operation": "create" }, "times": 1, "fault": { "type": "drop", "after": true } },
             { "when": { "provider": "anthropic", "operation": "create" }, "times": 1, "fault": { "type": "drop" } },
             { "when": { "operation": "list" }, "times": -1, "fault": { "type": "http-status", "status": 404 } }]
            """);
        Dataset(10);
        Config("a");
        Config("b", "anthropic");
        (await RunAsync("submit", "configs")).Is(8);
        var batches = (await RunAsync("status", "--json")).Is(8).Json["batches"]!.AsArray();
        Assert.All(batches, b => Assert.Equal("needs a decision", (string?)b!["state"]));
        Assert.All(batches, b => Assert.Contains("sluice adopt --intent", (string?)b!["note"], StringComparison.Ordinal));
        string Id(string provider) => (string)batches.Single(b => (string?)b!["provider"] == provider)!["intent"]!;
        var made = Directory.EnumerateFiles(Path.Combine(Folder, "provider0"), "batch_*", SearchOption.AllDirectories).Select(f => Path.GetFileNameWithoutExtension(f)).First();

        (await RunAsync("adopt", "--intent", Id("openai"), "--batch", "batch_unknown")).Explains(2, "batch_unknown", "nothing was changed");
        (await RunAsync("adopt", "--intent", Id("openai"))).Explains(2, "belong together");
        (await RunAsync("resend", "nonsense")).Explains(2, "nonsense");
        (await RunAsync("adopt", "--intent", Id("openai"), "--batch", made)).Is(0);
        (await RunAsync("resend", Id("anthropic"))).Is(0);
        (await RunAsync("resend", Id("anthropic"))).Explains(2, "not in doubt");

        (await SweepAsync()).Is(0);
        Assert.Equal((1, 0, 10), (OpenAI.BatchesCreated, OpenAI.RepeatedBodies, OpenAI.DistinctBodies));
        Assert.Equal((1, 0, 10), (Anthropic.BatchesCreated, Anthropic.RepeatedBodies, Anthropic.DistinctBodies));
    }

    [Fact]
    public async Task A_sound_workspace_has_no_findings()
    {
        await ProviderAsync();
        Dataset(10);
        Config();
        (await SweepAsync()).Is(0);

        var report = (await RunAsync("doctor", "--json")).Is(0).Json;

        Assert.Empty(report["findings"]!.AsArray());
        Assert.Equal(10, Number(report, "responses"));
        (await RunAsync("doctor", "--workspace", "empty")).Is(0).Says("sound");
    }

    [Theory]
    [InlineData("flipped bit")]
    [InlineData("truncated")]
    [InlineData("overwritten page")]
    [InlineData("no database")]
    public async Task A_damaged_cache_is_named_saved_and_refilled(string damage)
    {
        await ProviderAsync();
        Dataset(400);
        Config();
        (await SweepAsync()).Is(0);
        var results = Results();
        Damage(Cache, damage);

        (await RunAsync("doctor")).Is(1).Says(".sluice/cache.db", "sluice doctor --repair", "sluice adopt");
        (await RunAsync("doctor", "--repair")).Is(0).Says("saved");
        (await RunAsync("adopt")).Is(0);
        (await RunAsync("doctor")).Is(0).Says("sound");
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(results, Results());
        Assert.Equal((400, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
    }

    [Theory]
    [InlineData("truncated")]
    [InlineData("overwritten page")]
    [InlineData("no database")]
    [InlineData("gone")]
    public async Task A_damaged_ledger_is_made_again_from_the_spools_and_the_provider(string damage)
    {
        await ProviderAsync(batchDelay: 4);
        Dataset(40);
        Config("a", more: "batch: { max_requests: 20 }");
        // Two batches of one size: only their results tell which is which.
        Config("b", "anthropic", more: "batch: { max_requests: 20 }");
        (await RunAsync("submit", "configs")).Is(8);
        Damage(Ledger, damage);
        (await RunAsync("run", "configs")).Explains(3, damage == "gone" ? "may have been sent" : "ledger.db", "sluice doctor");
        (await RunAsync("doctor")).Is(1).Says("sluice doctor --repair");
        (await RunAsync("doctor", "--repair")).Is(0).Says("taken in with 20 requests");

        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal((2, 0, 40), (OpenAI.BatchesCreated, OpenAI.RepeatedBodies, OpenAI.DistinctBodies));
        Assert.Equal((2, 0, 40), (Anthropic.BatchesCreated, Anthropic.RepeatedBodies, Anthropic.DistinctBodies));
        Assert.Equal(40, Count("done", "a"));
        Assert.Equal(40, Count("done", "b"));
    }

    [Theory]
    [InlineData("flipped bit", "checksum")]
    [InlineData("truncated", "bytes instead of")]
    [InlineData("gone", "is gone")]
    public async Task A_damaged_spool_is_never_sent(string damage, string message)
    {
        await FaultyAsync("""{ "type": "http-status", "status": 500 }""", """{ "operation": "upload" }""", """ "times": 3,""");
        Dataset(10);
        Config();
        await using (var run = Start("run", "configs"))
        {
            await Poll.UntilAsync(() => OpenAI.HttpRequests.GetValueOrDefault("upload") > 0, () => run.Text);
            await run.KillAsync();
        }

        Damage(Spools().Single(s => s.EndsWith(".jsonl", StringComparison.Ordinal)), damage);

        (await RunAsync("run", "configs")).Explains(3, message, "sluice cancel");
        (await RunAsync("doctor")).Is(1).Says(message, "sluice cancel");
        (await RunAsync("cancel", "--all")).Is(0);
        (await SweepAsync()).Is(0);
        Assert.Equal((10, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
        Assert.Equal(await UndisturbedAsync(), Results());
    }

    [Fact]
    public async Task Nothing_is_repaired_while_another_process_works_there()
    {
        await ProviderAsync(batchDelay: 60);
        Dataset(10);
        Config();
        await using var run = Start("run", "configs");
        await run.SaysAsync("requests to");

        (await RunAsync("doctor", "--repair")).Explains(2, "other processes work in this workspace");
    }

    private static int Number(JsonNode node, string name) => node[name]!.GetValue<int>();

    private static void Damage(string path, string damage)
    {
        var bytes = File.ReadAllBytes(path);
        switch (damage)
        {
            case "flipped bit":
                var place = bytes.AsSpan().LastIndexOf("Question"u8);
                bytes[place < 0 ? bytes.AsSpan().LastIndexOf("chatcmpl"u8) + 12 : place + 3] ^= 1;
                break;
            case "truncated":
                bytes = bytes[..(bytes.Length / 2)];
                break;
            case "overwritten page":
                new Random(7).NextBytes(bytes.AsSpan(bytes.Length / 2, bytes.Length / 4));
                break;
            case "no database":
                bytes = "this is no database, whatever its name says, and it is long enough to have a header\n"u8.ToArray();
                break;
            default:
                File.Delete(path);
                return;
        }

        File.WriteAllBytes(path, bytes);
    }
}
