using System.Collections.Concurrent;
using System.Globalization;
using Sluice.Simulator;
using Sluice.Testing;

namespace Sluice.Journeys;

/// <summary>
/// A disk that fails, and <c>kill -9</c>, at single system calls all over a run: a message, and then the same command again gives the same
/// results, with nothing paid for twice. SLUICE_LONG=1 takes many more of the calls.
/// </summary>
public sealed class DiskFaultJourneys : Journey
{
    private const int Samples = 30;

    /// <summary>What the operations of an undisturbed run are, per provider; made once.</summary>
    private static readonly ConcurrentDictionary<string, Lazy<Task<string[]>>> Logs = new();

    private static readonly bool IsLong = Environment.GetEnvironmentVariable("SLUICE_LONG") == "1";

    private string _provider = "";

    [Theory]
    [InlineData("openai")]
    [InlineData("anthropic")]
    public Task A_disk_that_is_full_from_some_call_on(string provider) =>
        EachAsync(provider, IsLong ? 30 : 6, new("write,sync,truncate,mkdir", Errno: 28, Sticky: true));

    [Theory]
    [InlineData("openai")]
    [InlineData("anthropic")]
    public Task A_disk_that_is_read_only_from_some_call_on(string provider) =>
        EachAsync(provider, IsLong ? 30 : 6, new("write,sync,truncate,rename,unlink,mkdir,open", Errno: 30, Sticky: true));

    [Theory]
    [InlineData("openai")]
    [InlineData("anthropic")]
    public Task A_disk_that_fails_at_one_call(string provider) =>
        EachAsync(provider, IsLong ? 60 : 7, new("write,sync,truncate,rename,unlink,mkdir,open,look,read", Errno: 5));

    [Theory]
    [InlineData("openai")]
    [InlineData("anthropic")]
    public Task Too_many_open_files_at_one_call(string provider) =>
        EachAsync(provider, IsLong ? 30 : 6, new("open,look", Errno: 24));

    [Theory]
    [InlineData(64)]
    [InlineData(150)]
    [InlineData(255)]
    public async Task A_low_limit_on_open_files_is_named_before_anything_is_done(int limit)
    {
        Assert.SkipUnless(File.Exists("/proc/self/limits"), "limits are read from /proc");
        await using var run = CliRun.StartAfter($"ulimit -n {limit}", Folder, new Dictionary<string, string>(), "status");
        (await run.EndAsync()).Explains(3, $"only {limit} files", "ulimit -n 1024");
        await using var enough = CliRun.StartAfter("ulimit -n 256", Folder, new Dictionary<string, string>(), "status");
        (await enough.EndAsync()).Is(0);
    }

    [Theory]
    [InlineData("openai")]
    [InlineData("anthropic")]
    public Task A_kill_before_some_call(string provider) =>
        EachAsync(provider, IsLong ? 100 : 20, new("write,sync,truncate,rename,unlink,mkdir", Errno: null));

    /// <summary>Hits calls that are evenly spread over a run, each in a workspace and at a provider of its own.</summary>
    private async Task EachAsync(string provider, int cases, Fault fault)
    {
        _provider = provider;
        Dataset(Samples);
        Config(provider: provider, more: "batch: { max_requests: 10 }");
        var expected = await UndisturbedAsync();
        var log = await Logs.GetOrAdd(provider, _ => new(LogAsync)).Value;
        var total = log.Count(line => fault.Operations.Split(',').Contains(line.Split(' ')[0]));
        var problems = new ConcurrentQueue<string>();
        var hits = 0;
        await Parallel.ForEachAsync(Enumerable.Range(0, cases), new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = Cancel }, async (i, _) =>
        {
            var at = 1 + (int)((i + 0.5) * total / cases);
            try
            {
                // Every other write that is hit is half done.
                if (await OneAsync(fault with { At = at, Torn = i % 2 == 1 }, expected))
                {
                    Interlocked.Increment(ref hits);
                }
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                problems.Enqueue($"=== call {at} of {total}: {HitIn(Path.Combine(Folder, $"log{at}"))}\n{error.Message}");
            }
        });
        Assert.True(problems.IsEmpty, string.Join("\n", problems));
        // Two runs differ by a few calls: the last of one may not come in the other.
        Assert.InRange(hits, cases - 2, cases);
    }

    /// <summary>Tells whether the call was made at all.</summary>
    private async Task<bool> OneAsync(Fault fault, string expected)
    {
        var workspace = Path.Combine(Folder, $"workspace{fault.At}");
        await using var simulator = await SimulatorServer.StartAsync(new SimulatorOptions { Folder = workspace + "-provider", PlaysProvider = true }, Cancel);
        var log = Path.Combine(Folder, $"log{fault.At}");
        var disturbed = await RunAsync(workspace, simulator, fault.Over(workspace, log));
        var wasHit = HitIn(log).Length > 0;
        if (fault.Errno is null && wasHit)
        {
            Assert.Equal(128 + 9, disturbed.ExitCode);
        }
        else if (disturbed.ExitCode == 0)
        {
            Assert.Equal(expected, ResultsIn(workspace));
        }
        else
        {
            Assert.True(wasHit, disturbed.Errors);
            disturbed.Explains(3, workspace, fault.Errno switch { 28 => "the disk is full while writing", 30 => "read-only file system", _ => "" });
            Assert.True(disturbed.Output.Length == 0 || (string?)disturbed.Json["state"] == "error", disturbed.Output);
        }

        var before = WorkspaceFacts.Answers(workspace);
        (await RunAsync(workspace, simulator, [])).Is(0);
        var stats = _provider == "openai" ? simulator.Stats.OpenAI : simulator.Stats.Anthropic;
        Assert.Equal((Samples, 0), (stats.DistinctBodies, stats.RepeatedBodies));
        Invariants.Require(new Facts
        {
            Before = before,
            UniqueRequests = Samples,
            Undisturbed = new Dictionary<string, string> { ["one"] = expected },
            Secrets = ["sk-journey", "sk-ant-journey"],
        }.WithWorkspace(workspace).WithSimulator(simulator).WithTexts(new Dictionary<string, string> { ["disturbed"] = disturbed.Output + disturbed.Errors }));
        return wasHit;
    }

    /// <summary>Runs undisturbed and returns what was done to the workspace, after a look at whether everybody's calls are seen: SQLite's and .NET's.</summary>
    private async Task<string[]> LogAsync()
    {
        var workspace = Path.Combine(Folder, "counted");
        var log = Path.Combine(Folder, "log");
        await using var simulator = await SimulatorServer.StartAsync(new SimulatorOptions { Folder = workspace + "-provider", PlaysProvider = true }, Cancel);
        (await RunAsync(workspace, simulator, FaultLibrary.Over(workspace, log))).Is(0);
        var lines = await File.ReadAllLinesAsync(log, Cancel);
        foreach (var seen in (string[])["write .sluice/ledger.db-wal", "sync .sluice/ledger.db-wal", "write .sluice/cache.db-wal", "write .sluice/spool/", "sync .sluice/spool/", "look .sluice/spool/",
            "unlink .sluice/spool/", "write runs/s/one/results.jsonl", "sync runs/s/one/results.jsonl", "rename runs/s/one/results.jsonl", "rename runs/s/manifest.json", "mkdir runs/s", "truncate ", "open "])
        {
            Assert.Contains(lines, line => line.Replace(workspace + "/", "", StringComparison.Ordinal).StartsWith(seen, StringComparison.Ordinal));
        }

        return lines;
    }

    private async Task<CliResult> RunAsync(string workspace, SimulatorServer simulator, Dictionary<string, string> more)
    {
        var root = simulator.Address.GetLeftPart(UriPartial.Authority);
        var environment = new Dictionary<string, string>(more)
        {
            ["OPENAI_BASE_URL"] = root + "/v1", ["OPENAI_API_KEY"] = "sk-journey", ["ANTHROPIC_BASE_URL"] = root, ["ANTHROPIC_API_KEY"] = "sk-ant-journey",
        };
        await using var run = CliRun.Start(Folder, environment, "run", "configs", "--json", "--workspace", workspace, "--sweep", "s");
        return await run.EndAsync();
    }

    private static string ResultsIn(string workspace) => File.ReadAllText(Path.Combine(workspace, "runs/s/one/results.jsonl"));

    /// <summary>Returns the first operation that was hit; empty when there was none.</summary>
    private static string HitIn(string log) => (File.Exists(log) ? File.ReadLines(log) : []).FirstOrDefault(line => line.EndsWith(" !", StringComparison.Ordinal)) ?? "";

    /// <summary>What happens to the operations of some classes: an error, or death.</summary>
    private sealed record Fault(string Operations, int? Errno, bool Sticky = false, int At = 0, bool Torn = false)
    {
        public Dictionary<string, string> Over(string folder, string log)
        {
            var variables = FaultLibrary.Over(folder, log);
            variables["FAULTFS_OPS"] = Operations;
            variables["FAULTFS_AT"] = At.ToString(CultureInfo.InvariantCulture);
            variables[Errno is null ? "FAULTFS_KILL" : "FAULTFS_ERRNO"] = (Errno ?? 1).ToString(CultureInfo.InvariantCulture);
            variables["FAULTFS_STICKY"] = Sticky ? "1" : "0";
            variables["FAULTFS_TORN"] = Torn ? "1" : "0";
            return variables;
        }
    }
}
