using System.Globalization;
using System.IO.Compression;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

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
        Assert.Equal((30, 30, 1, 1), (Number(adopted, "responses"), Number(adopted, "new"), Number(adopted, "others"), Number(adopted, "unreadable")));
        (await RunAsync("adopt", "--workspace", "third", "foreign.jsonl")).Is(0).Says("1 file: 0 answers, 0 of them new here; 0 failed lines, 1 line of others, 1 unreadable line");

        Assert.Equal(0, (await SweepAsync("--workspace", "other")).Is(0).Sent);
        (await RunAsync("adopt", "--workspace", "fourth", files[0], "nowhere.jsonl", "gone.jsonl.gz")).Explains(2, "file nowhere.jsonl does not exist", "file gone.jsonl.gz does not exist");
        Assert.False(Directory.Exists(Path.Combine(Folder, "fourth")));
    }

    [Theory]
    [InlineData(".gz")]
    [InlineData("")]
    public async Task Of_a_result_file_that_is_cut_off_what_comes_before_the_cut_is_kept(string compression)
    {
        await ProviderAsync();
        Dataset(400);
        Config();
        (await SweepAsync()).Is(0);
        var file = Directory.EnumerateFiles(Path.Combine(Folder, "provider0"), "*", SearchOption.AllDirectories).Single(f => File.ReadLines(f).FirstOrDefault()?.Contains("\"response\"", StringComparison.Ordinal) == true);
        using var packed = new MemoryStream();
        await using (Stream pack = compression == ".gz" ? new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true) : new BufferedStream(packed))
        {
            await pack.WriteAsync(await File.ReadAllBytesAsync(file, Cancel), Cancel);
            await pack.FlushAsync(Cancel);
            await File.WriteAllBytesAsync(Path.Combine(Folder, "cut.jsonl" + compression), packed.ToArray()[..(int)(packed.Length / 2)], Cancel);
        }

        var adopted = await RunAsync("adopt", "--workspace", "other", "cut.jsonl" + compression);

        int kept;
        if (compression.Length > 0)
        {
            adopted.Explains(2, "file cut.jsonl.gz is cut off");
            kept = int.Parse(Regex.Match(adopted.Errors, "(\\d+) answers are kept").Groups[1].Value, CultureInfo.InvariantCulture);
        }
        else
        {
            adopted.Is(0).Says("1 unreadable line");
            kept = int.Parse(Regex.Match(adopted.Output, "(\\d+) answers").Groups[1].Value, CultureInfo.InvariantCulture);
        }

        Assert.InRange(kept, 100, 399);
        Assert.Equal(kept, Number((await RunAsync("doctor", "--workspace", "other", "--json")).Is(0).Json, "responses"));
        Assert.Equal(400 - kept, (await SweepAsync("--workspace", "other")).Is(0).Sent);
    }

    [Theory]
    [InlineData("--base-url needs --provider", "--base-url", "http://127.0.0.1:9/v1")]
    [InlineData("--provider has no meaning here", "foreign.jsonl", "--provider", "openai")]
    [InlineData("--base-url has no meaning here", "foreign.jsonl", "--base-url", "http://127.0.0.1:9/v1")]
    [InlineData("--api-key-env has no meaning here", "--intent", "a", "--batch", "b", "--api-key-env", "KEY")]
    [InlineData("files have no part in it", "foreign.jsonl", "--intent", "a", "--batch", "b")]
    public async Task Options_of_adopt_that_would_do_nothing_are_refused(string message, params string[] args)
    {
        Write("foreign.jsonl", "{}");

        (await RunAsync(["adopt", .. args])).Explains(2, message);
    }

    [Theory]
    [InlineData("gone")]
    [InlineData("emptied")]
    public async Task A_lost_cache_is_not_paid_for_again_unless_people_say_so(string how)
    {
        await ProviderAsync();
        Dataset(20);
        Config(more: "batch: { max_requests: 10 }");
        (await SweepAsync()).Is(0);
        var results = Results();
        void Lose()
        {
            foreach (var part in (string[])["", "-wal", "-shm"])
            {
                File.Delete(Cache + part);
            }

            File.WriteAllBytes(Cache, []);
            if (how == "gone")
            {
                File.Delete(Cache);
            }
        }

        Lose();
        (await RunAsync("status")).Is(0).Says("warning:", "2 batches whose answers were paid for", "sluice adopt");
        (await RunAsync("plan", "configs")).Is(0).Says("warning:", "2 batches whose answers were paid for");
        (await RunAsync("run", "configs")).Explains(3, "2 batches whose answers were paid for", "sluice adopt", "sluice adopt --results", "sluice doctor --forget");
        (await RunAsync("submit", "configs")).Explains(3, "2 batches whose answers were paid for");
        (await RunAsync("doctor")).Is(1).Says("2 batches whose answers were paid for", "sluice adopt");
        Assert.Equal((2, 20, 0), (OpenAI.BatchesCreated, OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
        (await RunAsync("adopt")).Is(0).Says("20 answers, 20 of them new here");
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(results, Results());

        Lose();
        (await RunAsync("doctor", "--repair")).Is(1).Says("2 batches whose answers were paid for");
        (await RunAsync("doctor", "--forget")).Is(0).Says("2 forgotten");
        (await RunAsync("doctor")).Is(0).Says("sound");
        Assert.Equal(20, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(results, Results());
    }

    [Theory]
    [InlineData(13, "is not writable")]
    [InlineData(30, "read-only file system")]
    public async Task A_database_that_cannot_be_opened_is_left_as_it_is(int errno, string reason)
    {
        await ProviderAsync();
        Dataset(10);
        Config();
        (await SweepAsync()).Is(0);
        foreach (var (name, value) in FaultLibrary.Over(Folder, Path.Combine(Path.GetTempPath(), Path.GetRandomFileName())))
        {
            Set(name, value);
        }

        Set("FAULTFS_OPS", "open");
        Set("FAULTFS_AT", "1");
        Set("FAULTFS_STICKY", "1");
        Set("FAULTFS_ERRNO", errno.ToString(CultureInfo.InvariantCulture));
        (await RunAsync("doctor")).Is(1).Says("cache.db: cannot be looked at", "ledger.db: cannot be looked at", reason);
        (await RunAsync("doctor", "--repair")).Is(1).Says("cache.db: cannot be looked at", "ledger.db: cannot be looked at");
        (await RunAsync("run", "configs")).Explains(3, reason);
        Set("FAULTFS_AT", "0");

        Assert.Empty(Directory.EnumerateFiles(Path.Combine(Folder, ".sluice"), "*damaged*"));
        (await RunAsync("doctor")).Is(0).Says("sound: 10 responses");
    }

    [Fact]
    public async Task A_spool_of_a_batch_that_is_under_way_may_be_gone()
    {
        await ProviderAsync(batchDelay: 4);
        Dataset(10);
        Config();
        (await RunAsync("submit", "configs")).Is(8);
        File.Delete(Spools().Single(s => s.EndsWith(".jsonl", StringComparison.Ordinal)));

        (await RunAsync("doctor")).Is(0).Says("is gone", "nothing to do: its results are taken over");
        Assert.False((await RunAsync("doctor", "--json")).Is(0).Json["findings"]![0]!["to_do"]!.GetValue<bool>());
        (await SweepAsync()).Is(0);
        Assert.Equal(10, Count("done"));
    }

    [Theory]
    [InlineData("[]")]
    [InlineData("{ \"intent\": ")]
    [InlineData("")]
    public async Task A_note_of_a_batch_that_is_under_way_may_be_damaged(string note)
    {
        await ProviderAsync(batchDelay: 2);
        Dataset(10);
        Config();
        (await RunAsync("submit", "configs")).Is(8);
        await File.WriteAllTextAsync(Spools().Single(s => s.EndsWith(".json", StringComparison.Ordinal)), note, Cancel);

        (await RunAsync("doctor")).Is(0).Says("nothing to do");
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal((10, 10, 0), (Count("done"), OpenAI.LinesExecuted, OpenAI.RepeatedBodies));
        Assert.Empty(Spools());
    }

    [Theory]
    [InlineData("{bad")]
    [InlineData("[]")]
    [InlineData("{}")]
    public async Task A_manifest_that_cannot_be_read_keeps_nobody_from_the_other_sweeps(string manifest)
    {
        await ProviderAsync();
        Dataset(5);
        Config();
        (await RunAsync("run", "configs", "--sweep", "a")).Is(0);
        (await RunAsync("submit", "configs", "--sweep", "b", "model.params.max_tokens=62")).Is(8);
        await File.WriteAllTextAsync(Path.Combine(Folder, "runs/a/manifest.json"), manifest, Cancel);

        (await RunAsync("status")).Explains(3, "runs/a/manifest.json cannot be read", "b: pending");
        Assert.Single((await RunAsync("status", "--json")).Is(3).Json["sweeps"]!.AsArray());
        (await RunAsync("retrieve", "--wait")).Is(3).Says("sweep `a`:", "cannot be read");
        Assert.Equal(10, OpenAI.LinesExecuted);
        Assert.Contains("b: done", (await RunAsync("status")).Is(3).Output, StringComparison.Ordinal);
        (await RunAsync("doctor")).Is(1).Says("runs/a", "cannot be read");

        (await RunAsync("run", "configs", "--sweep", "a", "--json")).Is(0);
        (await RunAsync("doctor")).Is(0);
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
        // People copy the commands: each is whole, on one line, below the table.
        foreach (var told in (CliResult[])[await RunAsync("status"), await RunAsync("submit", "configs"), await RunAsync("retrieve", "--wait")])
        {
            var lines = (told.Is(8).Output + told.Errors).Split('\n');
            Assert.All(batches, b => Assert.Contains(lines, l => l.Contains($"`sluice adopt --intent {b!["intent"]} --batch BATCH`", StringComparison.Ordinal) && l.Contains($"`sluice resend {b["intent"]}`", StringComparison.Ordinal)));
            Assert.DoesNotContain("collect them with", told.Errors, StringComparison.Ordinal);
        }

        string Id(string provider) => (string)batches.Single(b => (string?)b!["provider"] == provider)!["intent"]!;
        var made = Directory.EnumerateFiles(Path.Combine(Folder, "provider0"), "batch_*", SearchOption.AllDirectories).Select(f => Path.GetFileNameWithoutExtension(f)).First();

        (await RunAsync("adopt", "--intent", Id("openai"), "--batch", "batch_unknown")).Explains(2, "batch_unknown", "nothing was changed");
        (await RunAsync("adopt", "--intent", Id("openai"))).Explains(2, "belong together");
        (await RunAsync("resend", "nonsense")).Explains(2, "nonsense");
        (await RunAsync("adopt", "--intent", Id("openai"), "--batch", made)).Is(0);
        (await RunAsync("resend", Id("anthropic"))).Is(0);
        (await RunAsync("retrieve")).Is(8).Says("`sluice run` or `sluice submit` sends 1 batch that waits");
        (await RunAsync("resend", Id("anthropic"))).Explains(2, "has not been sent yet");

        (await SweepAsync()).Is(0);
        Assert.Equal((1, 0, 10), (OpenAI.BatchesCreated, OpenAI.RepeatedBodies, OpenAI.DistinctBodies));
        Assert.Equal((1, 0, 10), (Anthropic.BatchesCreated, Anthropic.RepeatedBodies, Anthropic.DistinctBodies));
    }

    [Fact]
    public async Task A_batch_that_people_name_is_taken_until_its_results_prove_it()
    {
        await ProviderAsync("""
            [{ "when": { "provider": "anthropic", "operation": "create" }, "times": 1, "fault": { "type": "drop", "after": true } },
             { "when": { "operation": "list" }, "times": -1, "fault": { "type": "http-status", "status": 404 } }]
            """);
        Dataset(10);
        Config(provider: "anthropic");
        (await RunAsync("submit", "configs")).Is(8);
        var id = (string)(await RunAsync("status", "--json")).Is(8).Json["batches"]![0]!["intent"]!;
        var made = Directory.EnumerateFiles(Path.Combine(Folder, "provider0"), "msgbatch_*", SearchOption.AllDirectories).Select(f => Path.GetFileNameWithoutExtension(f)).First();

        (await RunAsync("adopt", "--intent", id, "--batch", made)).Is(0).Says("until its results prove it");

        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal((1, 0), (Anthropic.BatchesCreated, Anthropic.RepeatedBodies));
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
        (await RunAsync("doctor", "--workspace", "nosuch")).Explains(2, "there is no folder nosuch");
        Directory.CreateDirectory(Path.Combine(Folder, "empty"));
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
        // Twice, as one who is not sure does: what can be fetched again is not forgotten.
        (await RunAsync("doctor", "--repair")).Is(1).Says("saved", "sluice adopt");
        (await RunAsync("doctor", "--repair")).Is(1).Says("sluice adopt");
        (await RunAsync("adopt")).Is(0);
        (await RunAsync("doctor")).Is(0).Says("sound");
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(results, Results());
        Assert.Equal((400, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task A_bad_last_line_is_a_finding_and_the_rest_is_examined_too()
    {
        await ProviderAsync();
        Dataset(20);
        Config();
        (await SweepAsync("cache.backend=jsonl")).Is(0);
        var file = Assert.Single(Directory.GetFiles(Path.Combine(Folder, ".sluice/cache"), "*.jsonl"));
        await File.AppendAllTextAsync(file, "hello\n", Cancel);

        foreach (var repair in (string[][])[[], ["--repair"]])
        {
            var findings = (await RunAsync(["doctor", "--json", .. repair])).Is(1).Json["findings"]!.AsArray();
            Assert.Contains("is damaged at byte", (string?)findings[0]!["problem"], StringComparison.Ordinal);
            Assert.Contains("tail -c", (string?)findings[0]!["remedy"], StringComparison.Ordinal);
            // An empty cache it is not: nothing is forgotten.
            Assert.DoesNotContain("the cache is empty", findings.ToJsonString(), StringComparison.Ordinal);
        }

        await File.WriteAllLinesAsync(file, (await File.ReadAllLinesAsync(file, Cancel))[..^1], Cancel);
        (await RunAsync("doctor")).Is(0).Says("20 responses");
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
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
        if (damage == "gone")
        {
            foreach (var command in (string[][])[["status"], ["plan", "configs"], ["retrieve"]])
            {
                (await RunAsync(command)).Says("warning:", "may have been sent", "sluice doctor --repair");
            }
        }

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

        (await RunAsync("doctor")).Is(1).Says(message, "sluice cancel");
        (await RunAsync("run", "configs")).Is(0).Says(message, "its requests are planned again");
        Assert.Equal((10, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
        Assert.Equal(await UndisturbedAsync(), Results());
    }

    [Theory]
    [InlineData("--repair")]
    [InlineData("--forget")]
    public async Task Nothing_is_repaired_or_forgotten_while_another_process_works_there(string what)
    {
        await ProviderAsync(batchDelay: 60);
        Dataset(10);
        Config();
        await using var run = Start("run", "configs");
        await run.SaysAsync("requests to");

        (await RunAsync("doctor", what)).Explains(2, "other processes work in this workspace");
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
