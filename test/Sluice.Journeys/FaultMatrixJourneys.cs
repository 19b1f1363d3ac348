using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json.Nodes;
using Sluice.Simulator;
using Sluice.Simulator.Faults;
using Sluice.Sweeps;
using Sluice.Testing;

namespace Sluice.Journeys;

/// <summary>Every fault of the simulator, in every phase of a run, at both providers: each ends as <see cref="FaultCases"/> says.</summary>
public sealed class FaultMatrixJourneys : IDisposable
{
    private const int N = 5;

    /// <summary>Most of a case is waiting, so there are more at once than there are cores.</summary>
    private const int AtOnce = 6;

    private const int Speed = 20;

    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-matrix-").FullName;
    private readonly ConcurrentDictionary<string, Lazy<Task<string>>> _calm = [];

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task Every_fault_in_every_phase_ends_as_it_should()
    {
        // SLUICE_CASE runs the cases with this text alone.
        var wanted = Environment.GetEnvironmentVariable("SLUICE_CASE") ?? "";
        var cases = FaultCases.All.Where(c => c.ToString().Contains(wanted, StringComparison.Ordinal)).ToList();
        var violations = new ConcurrentBag<string>();
        var done = 0;
        await Parallel.ForEachAsync(cases.Index(), new ParallelOptions { MaxDegreeOfParallelism = AtOnce, CancellationToken = TestContext.Current.CancellationToken }, async (item, cancellationToken) =>
        {
            var began = TimeProvider.System.GetTimestamp();
            try
            {
                await CheckAsync(item.Item, Path.Combine(_folder, item.Index.ToString(CultureInfo.InvariantCulture)), cancellationToken);
            }
#pragma warning disable CA1031 // Whatever a case throws is a violation; the others go on.
            catch (Exception error) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
            {
                violations.Add($"{item.Item}\n    {(error is Xunit.Sdk.XunitException or InvariantException or TimeoutException ? error.Message : error.ToString()).ReplaceLineEndings("\n    ")}");
            }

            Interlocked.Increment(ref done);
            if (wanted.Length > 0)
            {
                TestContext.Current.TestOutputHelper?.WriteLine($"{TimeProvider.System.GetElapsedTime(began).TotalMilliseconds:0} ms: {item.Item}");
            }
        });

        if (wanted.Length == 0)
        {
            Figures.Add($"fault matrix: {FaultTable.Entries.Count} faults, {done} cases, {violations.Count} violations");
        }

        Assert.True(violations.IsEmpty, string.Join("\n", violations.Order(StringComparer.Ordinal)));
    }

    [Fact]
    public void Every_fault_is_in_the_matrix_in_each_of_its_phases()
    {
        var covered = FaultCases.All.SelectMany(c => FaultScript.Parse(c.Rules).Rules.Select(rule => (rule.Fault.Kind, c.Provider, c.Phase))).ToHashSet();
        string[] providers = ["openai", "anthropic"];
        var missing =
            from entry in FaultTable.Entries
            from provider in providers
            where !(entry.OnlyOpenAI && provider == "anthropic")
            from phase in PhasesOf(entry.Scope, provider)
            where !covered.Contains((entry.Kind, provider, phase))
            select $"{entry.Name} at {provider}, {phase}";
        Assert.Empty(missing);
    }

    private static string[] PhasesOf(FaultScope scope, string provider) => (scope, provider) switch
    {
        (FaultScope.Exchange, "openai") => ["upload", "create", "get", "list", "content", "cancel", "live"],
        (FaultScope.Exchange, _) => ["create", "get", "list", "results", "cancel", "live"],
        (FaultScope.Download, "openai") => ["content"],
        (FaultScope.Download, _) => ["results"],
        (FaultScope.Batch, _) => ["create"],
        _ => ["line"],
    };

    private async Task CheckAsync(FaultCase fault, string folder, CancellationToken cancellationToken)
    {
        var clock = new HastyClock(Speed);
        var options = new SimulatorOptions
        {
            Folder = Path.Combine(folder, "provider"), TimeProvider = clock, Faults = FaultScript.Parse(fault.Rules), BatchDelay = TimeSpan.FromSeconds(fault.BatchDelay),
        };
        await using var simulator = await SimulatorServer.StartAsync(options, cancellationToken);
        var sweep = Make(Path.Combine(folder, "workspace"), simulator, clock, fault.Provider, fault.Config);
        try
        {
            await EndsAsync(fault.Ending, fault, sweep, simulator, cancellationToken);
        }
        catch (Exception error) when (error is not Xunit.Sdk.XunitException && !cancellationToken.IsCancellationRequested)
        {
            throw new InvalidOperationException($"{error.GetType().Name} after: {string.Join(" | ", sweep.Remarks.Distinct().TakeLast(5))}", error);
        }

        var stats = fault.Provider == "openai" ? simulator.Stats.OpenAI : simulator.Stats.Anthropic;
        Assert.Equal((N, fault.Ending.Repeated), (stats.DistinctBodies!.Value, stats.RepeatedBodies!.Value));
        Assert.True(stats.FaultsInjected > 0, "the fault did not strike");
        Assert.Empty(simulator.Stats.InternalErrors);
        var calm = await _calm.GetOrAdd(fault.Provider, provider => new Lazy<Task<string>>(() => MakeCalmAsync(provider, cancellationToken))).Value;
        Invariants.Require(new Facts
        {
            UniqueRequests = N,
            DocumentedRetries = fault.Ending.Repeated,
            Undisturbed = fault.HasOtherAnswers ? new Dictionary<string, string>() : new Dictionary<string, string> { ["one"] = calm },
            Secrets = ["sk-matrix"],
        }.WithWorkspace(sweep.Folder).WithSimulator(simulator).WithTexts(new Dictionary<string, string> { ["remarks"] = string.Join("\n", sweep.Remarks) }));
        Directory.Delete(folder, recursive: true);
    }

    private static async Task EndsAsync(Ending ending, FaultCase fault, InProcessSweep sweep, SimulatorServer simulator, CancellationToken cancellationToken)
    {
        if (fault.IsCancelled)
        {
            Assert.Equal(SweepState.Pending, (await InTimeAsync(sweep, cancellationToken, SweepMode.Submit)).State);
            await sweep.CancelAllAsync(cancellationToken);
            // Whoever is told that it went wrong asks once more.
            await sweep.CancelAllAsync(cancellationToken);
        }

        switch (ending)
        {
            case Ending.Stops stops:
                var error = await Assert.ThrowsAsync<SluiceException>(() => InTimeAsync(sweep, cancellationToken));
                Assert.Equal(stops.Kind, error.Kind);
                Assert.Contains(stops.Part, error.Message, StringComparison.Ordinal);
                Assert.False(string.IsNullOrWhiteSpace(error.Hint), "an error without a hint");
                break;
            case Ending.Fails fails:
                Assert.Equal(SweepState.Incomplete, (await InTimeAsync(sweep, cancellationToken)).State);
                AssertFailed(sweep, fails);
                var again = await InTimeAsync(sweep, cancellationToken);
                Assert.Equal((SweepState.Incomplete, 0), (again.State, again.Experiments.Sum(e => e.Sent)));
                AssertFailed(sweep, fails);
                break;
            case Ending.Waits waits:
                await InterruptAsync(sweep, waits, simulator, FaultScript.Parse(fault.Rules).Rules.Count, cancellationToken);
                break;
            default:
                break;
        }

        Assert.Equal(SweepState.Done, (await InTimeAsync(sweep, cancellationToken, retryFailed: ending is Ending.Fails)).State);
    }

    private static void AssertFailed(InProcessSweep sweep, Ending.Fails fails)
    {
        var failed = sweep.Results.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).Where(row => (string?)row["status"] == "failed").ToList();
        Assert.Equal(fails.Samples, failed.Count);
        Assert.All(failed, row => Assert.Contains(fails.Part, (string)row["error"]!, StringComparison.Ordinal));
    }

    private static async Task InterruptAsync(InProcessSweep sweep, Ending.Waits waits, SimulatorServer simulator, int faults, CancellationToken cancellationToken)
    {
        using var interrupt = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var run = InTimeAsync(sweep, interrupt.Token);
        await Poll.UntilAsync(
            () => simulator.Stats.OpenAI.FaultsInjected + simulator.Stats.Anthropic.FaultsInjected >= faults && (waits.Part is null || sweep.Remarks.Any(r => r.Contains(waits.Part, StringComparison.Ordinal))),
            () => $"it never said `{waits.Part}`: {string.Join(" | ", sweep.Remarks)}");
        await interrupt.CancelAsync();
        Assert.Equal(SweepState.Interrupted, (await run).State);
    }

    /// <summary>Runs, but not for ever: what waits for good is a violation, not a test run without an end.</summary>
    private static async Task<SweepResult> InTimeAsync(InProcessSweep sweep, CancellationToken cancellationToken, SweepMode mode = SweepMode.Run, bool retryFailed = false)
    {
        using var patience = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        patience.CancelAfter(TimeSpan.FromSeconds(60));
        var result = await sweep.RunAsync(patience.Token, mode, retryFailed);
        return result.State == SweepState.Interrupted && !cancellationToken.IsCancellationRequested ? throw new TimeoutException("the run does not end") : result;
    }

    private static InProcessSweep Make(string folder, SimulatorServer simulator, TimeProvider clock, string provider, string config)
    {
        var sweep = new InProcessSweep(folder, simulator.Address, clock);
        sweep.Write("data.jsonl", string.Concat(Enumerable.Range(0, N).Select(n => $$"""{"id":"s{{n}}","question":"Question {{n}} echo: A: {{n}}","answer":{{n}}}""" + "\n")));
        sweep.Write("configs/one.yaml", $$$"""
            name: one
            dataset: { path: data.jsonl, id: id }
            model: { provider: {{{provider}}}, name: {{{(provider == "anthropic" ? "claude-haiku-4-5" : "gpt-4o-mini")}}}, params: { max_tokens: 64 } }
            user: "{{ sample.question }}"
            scores: [{ name: accuracy, type: numeric, value: "{{ steps.answer.text }}", target: "{{ sample.answer }}" }]
            memory: { required_gb: 0 }
            {{{config}}}
            """);
        return sweep;
    }

    private async Task<string> MakeCalmAsync(string provider, CancellationToken cancellationToken)
    {
        var folder = Path.Combine(_folder, "calm-" + provider);
        await using var simulator = await SimulatorServer.StartAsync(new SimulatorOptions { Folder = Path.Combine(folder, "provider") }, cancellationToken);
        var sweep = Make(Path.Combine(folder, "workspace"), simulator, TimeProvider.System, provider, "batch_mode: false");
        Assert.Equal(SweepState.Done, (await sweep.RunAsync(cancellationToken)).State);
        return sweep.Results;
    }
}
