using System.Text;
using Microsoft.Extensions.Time.Testing;
using Sluice.Caching;
using Sluice.Ledger;
using Sluice.Requests;
using Sluice.Testing;

namespace Sluice.Tests.Testing;

public sealed class InvariantTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-invariants-").FullName;

    private static readonly Facts Good = new()
    {
        Before = [new("a", "1")],
        After = [new("a", "1"), new("b", "2")],
        Failed = ["c"],
        Finished = ["one/s1#0", "one/s1#1", "two/s1#0"],
        Expected = ["a", "b", "c"],
        UniqueRequests = 3,
        Executions = 3,
        ExecutionsByRequest = new Dictionary<string, int> { ["a"] = 1, ["b"] = 1 },
        Batches = [new("batch1", "i1"), new("batch2", "i2"), new("batch3", "i2", IsRefused: true), new("batch4", null), new("batch5", null)],
        Results = new Dictionary<string, string> { ["one"] = "x\ny\n" },
        Undisturbed = new Dictionary<string, string> { ["one"] = "x\ny\n" },
        Texts = new Dictionary<string, string> { ["stderr"] = "all is well" },
        Secrets = ["sk-canary"],
        PeakMemory = 10,
        MemoryLimit = 10,
    };

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void Nothing_is_said_of_what_holds()
    {
        Assert.Empty(Invariants.Check(Good));
        Assert.Empty(Invariants.Check(new Facts()));
        Invariants.Require(Good);
    }

    [Fact]
    public void I1_an_answer_that_is_gone_or_has_changed() => Says(
        Good with { Before = [new("a", "1"), new("b", "other"), new("gone", "3")] },
        "I1: 1 answers that were in the cache are gone: gone",
        "I1: 1 answers in the cache have changed: b");

    [Fact]
    public void I2_two_final_results() => Says(
        Good with { After = [.. Good.After, new("b", "3"), new("c", "4")], Finished = [.. Good.Finished, "two/s1#0"] },
        "I2: 1 requests have two answers in the cache: b",
        "I2: 1 requests are answered and have failed for good: c",
        "I2: 1 samples have two lines in the results: two/s1#0");

    [Fact]
    public void I3_a_second_batch_that_nobody_reported()
    {
        var twice = Good with { Batches = [.. Good.Batches, new("batch6", "i1")] };
        Says(twice, "I3: 1 intents have several batches, and not all but one were reported: i1: batch1, batch6");
        Assert.Empty(Invariants.Check(twice with { ReportedTwins = ["batch6"] }));
    }

    [Fact]
    public void I4_more_executions_than_requests_and_documented_retries()
    {
        Says(Good with { Executions = 5 }, "I4: 2 executions more than one per request, 0 are allowed (5 of 3 requests)");
        var named = Good with { ExecutionsByRequest = new Dictionary<string, int> { ["a"] = 2, ["b"] = 1 } };
        Says(named, "I4: 1 executions more than one per request, 0 are allowed (a: 2 times)");
        Assert.Empty(Invariants.Check(named with { Executions = 4, DocumentedRetries = 1 }));
    }

    [Fact]
    public void I5_other_results_than_undisturbed() => Says(
        Good with { Results = new Dictionary<string, string> { ["one"] = "x\nz\n" }, Undisturbed = new Dictionary<string, string> { ["one"] = "x\ny\n", ["two"] = "" }, Expected = ["a", "d"] },
        "I5: 1 requests are neither answered nor failed: d",
        "I5: the results of one are not those of an undisturbed run: line 2 is `z` instead of `y`",
        "I5: experiment two has no results");

    [Fact]
    public void I6_a_secret_in_a_file_or_a_text()
    {
        File.WriteAllText(Path.Combine(_folder, "clean"), new string('x', 3_000_000));
        Assert.Empty(Invariants.Check(Good with { Folder = _folder }));
        // Across the border of two pieces that are read, and in other encodings.
        var wal = Path.Combine(_folder, "cache.db-wal");
        File.WriteAllText(wal, new string('x', (1024 * 1024) - 4) + "sk-canary" + new string('x', 2_000_000));
        Says(Good with { Folder = _folder, Texts = new Dictionary<string, string> { ["stdout"] = "key sk-canary" } }, $"I6: 1 files hold a secret: {wal}", "I6: 1 texts hold a secret: stdout");
        File.WriteAllText(wal, "Basic " + Convert.ToBase64String("sk-canary"u8));
        Says(Good with { Folder = _folder }, $"I6: 1 files hold a secret: {wal}");
        File.WriteAllBytes(wal, Encoding.Unicode.GetBytes("sk-canary"));
        Says(Good with { Folder = _folder }, $"I6: 1 files hold a secret: {wal}");
    }

    [Fact]
    public void I7_what_only_a_run_under_way_may_have() => Says(
        Good with { LeftFiles = ["a.tmp", "b.tmp", "c.tmp", "d.tmp"], LeftEntries = ["lease of 1:2@h"], LeftProcesses = ["17"] },
        "I7: 4 files are left: a.tmp; b.tmp; c.tmp; …",
        "I7: 1 entries of the ledger are left: lease of 1:2@h",
        "I7: 1 processes are left: 17");

    [Fact]
    public void I8_more_memory_than_allowed() => Says(Good with { PeakMemory = 11 }, "I8: 11 bytes of memory, 10 are allowed");

    [Fact]
    public void I9_a_file_or_a_folder_that_others_may_read()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "modes are Unix's");
        var runs = Directory.CreateDirectory(Path.Combine(_folder, "runs")).FullName;
        var results = Path.Combine(runs, "results.jsonl");
        File.WriteAllText(results, "");
        File.SetUnixFileMode(runs, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.UserExecute);
        File.SetUnixFileMode(results, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        Assert.Empty(Invariants.Check(Good with { Folder = _folder }));

        File.SetUnixFileMode(results, UnixFileMode.UserRead | UnixFileMode.UserWrite | UnixFileMode.GroupRead);
        Says(Good with { Folder = _folder }, "I9: 1 files or folders are open to others: runs/results.jsonl (640)");
        // In a folder that a group shares, that is what the group is to have.
        File.SetUnixFileMode(_folder, File.GetUnixFileMode(_folder) | UnixFileMode.GroupWrite);
        Assert.Empty(Invariants.Check(Good with { Folder = _folder }));
        File.SetUnixFileMode(runs, File.GetUnixFileMode(runs) | UnixFileMode.OtherExecute);
        Says(Good with { Folder = _folder }, "I9: 1 files or folders are open to others: runs (701)");
    }

    [Fact]
    public void A_process_that_was_started_for_a_workspace_and_still_runs_is_found()
    {
        Assert.SkipUnless(Directory.Exists("/proc/self"), "processes are looked for in /proc");
        using var sleeper = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("sh", ["-c", "read line", "sh", _folder]) { RedirectStandardInput = true })!;
        try
        {
            Assert.Equal([sleeper.Id.ToString(System.Globalization.CultureInfo.InvariantCulture)], new Facts().WithWorkspace(_folder).LeftProcesses);
        }
        finally
        {
            sleeper.Kill();
            sleeper.WaitForExit();
        }

        Assert.Empty(new Facts().WithWorkspace(_folder).LeftProcesses);
    }

    [Fact]
    public void All_violations_are_thrown_together()
    {
        var thrown = Assert.Throws<InvariantException>(() => Invariants.Require(Good with { PeakMemory = 11, Before = [new("gone", "3")] }));
        Assert.Equal(2, thrown.Violations.Count);
        Assert.Equal(string.Join("\n", thrown.Violations), thrown.Message);
    }

    [Fact]
    public async Task A_workspace_tells_what_it_holds_and_what_is_left_in_it()
    {
        var time = new FakeTimeProvider();
        RequestKey[] keys = [.. Enumerable.Range(0, 3).Select(n => RequestKey.Compute("openai", "/v1/chat/completions", Encoding.UTF8.GetBytes($"{{\"n\":{n}}}"), 0))];
        await using (var cache = new SqliteResponseCache(Path.Combine(_folder, ".sluice/cache.db"), time))
        {
            var origin = new ResponseOrigin("openai", "m", "live");
            await cache.PutAsync([.. keys[..2].Select((key, n) => new CacheEntry(key, new[] { (byte)n }, default) { Origin = origin })], cancellationToken: TestContext.Current.CancellationToken);
        }

        var ledger = new LedgerStore(Path.Combine(_folder, ".sluice/ledger.db"), time);
        ledger.RecordFailure(keys[2], "refused", 1);
        Assert.Equal(0, ledger.ClaimLive(keys[0], retryFailed: false));
        ledger.Dispose();
        foreach (var file in (string[])["runs/s/one/results.jsonl", "runs/s/one/results.jsonl.1-2-h-3.tmp", ".sluice/spool/abc.jsonl", "runs/s/manifest.json"])
        {
            Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(_folder, file))!);
            File.WriteAllText(Path.Combine(_folder, file), file.EndsWith("results.jsonl", StringComparison.Ordinal) ? "{\"sample\":\"s1\",\"epoch\":2}\n" : "");
        }

        var facts = new Facts().WithWorkspace(_folder);
        Assert.Equal(keys[..2].Select(k => k.ToString()).Order(), facts.After.Select(a => a.Request).Order());
        Assert.Equal([keys[2].ToString()], facts.Failed);
        Assert.Equal(["one/s1#2"], facts.Finished);
        Assert.Equal([".sluice/spool/abc.jsonl", "runs/s/one/results.jsonl.1-2-h-3.tmp"], facts.LeftFiles.Order());
        Assert.Collection(facts.LeftEntries, lease => Assert.StartsWith("lease of ", lease), claims => Assert.Equal("1 claims of live calls", claims));
        Assert.Empty(WorkspaceFacts.Damage(_folder));
    }

    [Fact]
    public void Twins_are_found_in_what_was_said() => Assert.Equal(
        ["batch_2"], new Facts().WithTexts(new Dictionary<string, string> { ["stderr"] = "note: batch batch_2 was made twice, beside batch_1: it was cancelled" }).ReportedTwins);

    private static void Says(Facts facts, params string[] violations) => Assert.Equal(violations, Invariants.Check(facts));
}
