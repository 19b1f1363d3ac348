using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Data.Sqlite;
using Sluice.Ledger;
using Sluice.Simulator;

namespace Sluice.Journeys;

/// <summary>
/// A power cut at any moment: every call to the disk of real commands is recorded (<see cref="WriteLog"/>), and the disks that a cut may have left
/// are made again (<see cref="CrashDisk"/>), as ALICE and CrashMonkey do. What the ledger calls ingested is in the cache of each of them.
/// SLUICE_CRASH_SEED chooses other states.
/// </summary>
public sealed class CrashStateJourneys : Journey
{
    private static readonly int States = Scale.Of(quick: 100, usual: 500, full: 5000);
    private static readonly int Commands = Scale.Of(quick: 1, usual: 3, full: 30);

    private static readonly int Seed = int.TryParse(Environment.GetEnvironmentVariable("SLUICE_CRASH_SEED"), NumberStyles.None, CultureInfo.InvariantCulture, out var seed) ? seed : 15;

    private string Workspace => Path.Combine(Folder, "workspace");

    private string Log => Path.Combine(Folder, "calls");

    [Fact]
    public async Task A_power_cut_takes_nothing_of_a_SQLite_cache_a_ledger_and_spools_on_which_a_later_step_rests()
    {
        await PrepareAsync("sqlite");
        await RecordAsync(12);
        // From here on somebody reads the cache, from before the first answer that comes now.
        await using (var run = StartRecording(24))
        {
            var cache = Path.Combine(Workspace, ".sluice/cache.db");
            await Poll.UntilAsync(() => File.Exists(cache + "-wal") && File.Exists(cache + "-shm"), () => run.Text);
            using var reader = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = cache, Mode = SqliteOpenMode.ReadOnly, Pooling = false }.ToString());
            reader.Open();
            using var transaction = reader.BeginTransaction(deferred: true);
            using var count = new SqliteCommand("SELECT count(*) FROM responses", reader, transaction);
            Assert.True((long)count.ExecuteScalar()! < 60, "the reader came too late");
            (await run.EndAsync()).Is(0);
        }

        var log = WriteLog.Read(Log, Workspace);
        await CheckAsync(log, "SQLite cache", path => path.StartsWith(".sluice/cache.db", StringComparison.Ordinal), isJsonl: false);
        await CheckAsync(log, "ledger", path => path.StartsWith(".sluice/ledger.db", StringComparison.Ordinal), isJsonl: false);
        await CheckAsync(log, "spool", path => path.StartsWith(".sluice/spool", StringComparison.Ordinal), isJsonl: false);
        await GoOnAsync(log);
    }

    [Fact]
    public async Task A_power_cut_takes_nothing_of_a_JSONL_cache_on_which_a_later_step_rests()
    {
        await PrepareAsync("jsonl");
        await RecordAsync(12);
        // Killed between the lines of a batch and their sync: it is the next process that closes the batch, and it has nothing of its own to append.
        string[] oneBatch = ["configs/one.yaml", "batch.max_requests=100"];
        var lines = Assert.Single(Directory.GetFiles(Path.Combine(Workspace, ".sluice/cache"), "*.jsonl"));
        await using (var killed = StartRecording(24, new() { ["FAULTFS_ROOT"] = lines, ["FAULTFS_OPS"] = "sync", ["FAULTFS_AT"] = "1", ["FAULTFS_KILL"] = "1" }, oneBatch))
        {
            Assert.Equal(128 + 9, (await killed.EndAsync()).ExitCode);
        }

        await using (var next = StartRecording(24, null, oneBatch))
        {
            (await next.EndAsync()).Is(0);
        }

        await RecordAsync(24);
        var log = WriteLog.Read(Log, Workspace);
        await CheckAsync(log, "JSONL cache", path => path.StartsWith(".sluice/cache/", StringComparison.Ordinal), isJsonl: true);
        await GoOnAsync(log);
    }

    [Fact]
    public async Task A_power_cut_does_not_bring_back_a_batch_that_was_dropped()
    {
        // The provider takes no file for an hour: the spool is whole, and nothing of it was sent.
        await ProviderAsync("""[{ "when": { "operation": "upload" }, "times": 1, "fault": { "type": "http-status", "status": 503, "retry_after": 3600 } }]""");
        Directory.CreateDirectory(Workspace);
        Config("one");
        await using (var run = StartRecording(6))
        {
            await Poll.UntilAsync(() => OpenAI.FaultsInjected > 0, () => run.Text);
            await run.KillAsync();
        }

        (await StartWith(WriteLog.Of(Workspace, Log), "cancel", "--all", "--workspace", Workspace).EndAsync()).Is(0);

        var log = WriteLog.Read(Log, Workspace);
        Assert.Contains(log, entry => entry.Kind == WriteKind.Unlink && entry.Path.StartsWith(".sluice/spool/", StringComparison.Ordinal));
        foreach (var (state, number) in new CrashStates(log, path => path.StartsWith(".sluice/spool", StringComparison.Ordinal), Seed).Take(100).Select((state, number) => (state, number)))
        {
            var workspace = Path.Combine(Folder, $"cut{number}");
            state.WriteTo(workspace);
            var spools = Path.Combine(workspace, ".sluice/spool");
            using var ledger = new LedgerStore(Path.Combine(workspace, ".sluice/ledger.db"), TimeProvider.System);
            ledger.SweepDead(spools);
            // It would be taken in as what is left of a lost ledger, and sent.
            Assert.True(ledger.UnknownSpools(spools) is [], $"seed {Seed}, {state.Name}: the ledger does not know the spool");
        }
    }

    /// <summary>Batches of both providers and live calls, with several batches each.</summary>
    private async Task PrepareAsync(string backend)
    {
        await ProviderAsync(batchDelay: 0.5);
        Directory.CreateDirectory(Workspace);
        var more = $"cache: {{ backend: {backend} }}\nbatch: {{ max_requests: 5 }}\n";
        Config("one", more: more);
        Config("two", "anthropic", more: more);
        Config("three", model: "gpt-4o", more: more + "batch_mode: false\n");
    }

    private async Task RecordAsync(int samples)
    {
        await using var run = StartRecording(samples);
        (await run.EndAsync()).Is(0);
    }

    private CliRun StartRecording(int samples, Dictionary<string, string>? faults = null, params string[] what)
    {
        Dataset(samples);
        var libraries = WriteLog.Of(Workspace, Log);
        if (faults is not null)
        {
            libraries["LD_PRELOAD"] += ":" + FaultLibrary.PathOf("faultfs");
        }

        return StartWith([.. libraries, .. faults ?? []], ["run", .. what is [] ? ["configs"] : what, "--workspace", Workspace, "--sweep", "s"]);
    }

    /// <summary>Makes the states in which files of a kind may be, and looks at each.</summary>
    private async Task CheckAsync(IReadOnlyList<WriteEntry> log, string target, Func<string, bool> isTarget, bool isJsonl)
    {
        Assert.Contains(log, entry => entry.Kind == WriteKind.Sent);
        Assert.Contains(log, entry => entry.Kind == WriteKind.Write && isTarget(entry.Path));
        var check = new CrashCheck(log, isJsonl);
        var problems = new ConcurrentQueue<string>();
        var scratch = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Folder, $"sluice-crash-{Guid.NewGuid():N}");
        var done = 0;
        try
        {
            // As many as a person reads: a fault shows in hundreds of states.
            foreach (var state in new CrashStates(log, isTarget, Seed).Take(States).TakeWhile(_ => problems.Count < 5))
            {
                var workspace = Path.Combine(scratch, "workspace");
                state.WriteTo(workspace);
                if (await check.ProblemAsync(workspace, state) is { } problem)
                {
                    problems.Enqueue($"{state.Name}: {problem}");
                }

                Directory.Delete(workspace, recursive: true);
                done++;
            }
        }
        finally
        {
            if (Directory.Exists(scratch))
            {
                Directory.Delete(scratch, recursive: true);
            }
        }

        Figures.Add($"crash states, {target}: {done} states of {log.Count} calls, seed {Seed}, {check.Ingested} closed batches looked at, {problems.Count} violations");
        Assert.True(problems.IsEmpty, $"{target}, seed {Seed}:\n{string.Join("\n", problems)}");
        Assert.True(done >= States, $"only {done} different states of {target} were found");
        Assert.True(check.Ingested > 0, "no state had a closed batch");
    }

    /// <summary>Lets the real command go on from some of the states: it ends with the same results, and no batch that was sent is made again.</summary>
    private async Task GoOnAsync(IReadOnlyList<WriteEntry> log)
    {
        string[] experiments = ["one", "two", "three"];
        var expected = experiments.ToDictionary(name => name, name => File.ReadAllText(Path.Combine(Workspace, "runs/s", name, "results.jsonl")));
        // At the same address: batches belong to it.
        var port = Simulator.Address.Port;
        await StopProviderAsync();
        var states = new CrashStates(log, path => path.StartsWith(".sluice/", StringComparison.Ordinal), Seed).Take(Commands * 40).Where((_, i) => i % 40 == 7).ToList();
        foreach (var (state, number) in states.Select((state, number) => (state, number)))
        {
            var workspace = Path.Combine(Folder, $"cut{number}");
            state.WriteTo(workspace);
            var copy = Path.Combine(Folder, $"provider-of-cut{number}");
            CopyFolder(Path.Combine(Folder, "provider0"), copy);
            await ProviderAsync(options: new SimulatorOptions { Folder = copy, Port = port });
            var result = await RunAsync("run", "configs", "--workspace", workspace, "--sweep", "s");
            if (result.ExitCode == 3)
            {
                // Live answers are synced with the next batch or at the end: where the cut has taken some, people are asked before they are paid for again.
                Assert.Matches("the cache is empty, but the ledger has .* paid for|finished results? whose answers the cache has lost", result.Errors);
                await RunAsync("adopt", "--results", "s", "--workspace", workspace);
                result = await RunAsync("run", "configs", "--workspace", workspace, "--sweep", "s");
            }

            if (result.ExitCode == 3)
            {
                // No result has them.
                result.Says("sluice doctor --forget");
                (await RunAsync("doctor", "--repair", "--forget", "--workspace", workspace)).Is(0);
                result = await RunAsync("run", "configs", "--workspace", workspace, "--sweep", "s");
            }

            Assert.True(result.ExitCode == 0, $"{state.Name}\n{result.Output}{result.Errors}");
            foreach (var (name, text) in expected)
            {
                Assert.Equal(text, await File.ReadAllTextAsync(Path.Combine(workspace, "runs/s", name, "results.jsonl"), Cancel));
            }

            await StopProviderAsync();
        }
    }

    private static void CopyFolder(string from, string to)
    {
        foreach (var file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(to, Path.GetRelativePath(from, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
