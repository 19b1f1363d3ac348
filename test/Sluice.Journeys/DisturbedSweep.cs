using System.Collections.Immutable;
using Sluice.Simulator;
using Sluice.Testing;

namespace Sluice.Journeys;

/// <summary>One sweep in a workspace and at a provider of its own, started again and again, whatever becomes of each start.</summary>
internal sealed class DisturbedSweep : IAsyncDisposable
{
    private const string OpenAIKey = "sk-canary-5f1c0d7e";
    private const string AnthropicKey = "sk-ant-canary-77aa31";

    /// <summary>The program needs a fifth of it for such sweeps, and half when it is not compiled natively; whatever grew with requests or starts would pass it.</summary>
    private const long MemoryLimit = 400L * 1024 * 1024;

    private readonly string _folder;
    private readonly string _configs;
    private readonly SimulatorServer _simulator;
    private readonly Dictionary<string, string> _said = [];
    private readonly HashSet<Answer> _seen = [];
    private long _peak;

    private DisturbedSweep(string folder, string configs, string workspace, SimulatorServer simulator)
    {
        (_folder, _configs, Workspace, _simulator) = (folder, configs, workspace, simulator);
    }

    /// <summary>Gets the workspace.</summary>
    public string Workspace { get; }

    /// <summary>Gets how many starts were killed.</summary>
    public int Kills { get; private set; }

    /// <summary>Prepares a sweep over configs that lie below a folder.</summary>
    public static async Task<DisturbedSweep> PrepareAsync(string folder, string configs, string name, string? faults = null)
    {
        var options = new SimulatorOptions { Folder = Path.Combine(folder, name + "-provider"), PlaysProvider = true, Faults = faults is null ? null : FaultScript.Parse(faults) };
        return new DisturbedSweep(folder, configs, Path.Combine(folder, name), await SimulatorServer.StartAsync(options, TestContext.Current.CancellationToken));
    }

    /// <summary>Starts the sweep; it kills itself at a point, or not.</summary>
    public CliRun Start(string? at = null)
    {
        var root = _simulator.Address.GetLeftPart(UriPartial.Authority);
        var environment = new Dictionary<string, string>
        {
            ["OPENAI_BASE_URL"] = root + "/v1", ["OPENAI_API_KEY"] = OpenAIKey, ["ANTHROPIC_BASE_URL"] = root, ["ANTHROPIC_API_KEY"] = AnthropicKey,
            ["SLUICE_CRASH_LOG"] = Log,
        };
        if (at is not null)
        {
            environment["SLUICE_CRASH_AT"] = at;
        }

        File.Delete(Log);
        return CliRun.StartCrashing(_folder, environment, "run", _configs, "--json", "--workspace", Workspace, "--sweep", "s");
    }

    /// <summary>Starts the sweep and waits for its end; true when it was killed at the point.</summary>
    public async Task<bool> KillAtAsync(string point)
    {
        await using var run = Start(point);
        var result = await EndAsync(run);
        if (result.ExitCode != 128 + 9)
        {
            return false;
        }

        Killed();
        return true;
    }

    /// <summary>Starts the sweep and kills it from outside after a time; false when it had ended before.</summary>
    public async Task<bool> KillAfterAsync(TimeSpan time)
    {
        await using var run = Start();
        var killed = await run.KillAfterAsync(time);
        await EndAsync(run);
        if (killed)
        {
            Killed();
        }

        return killed;
    }

    /// <summary>Runs the sweep to its end.</summary>
    public async Task<CliResult> FinishAsync()
    {
        await using var run = Start();
        return await EndAsync(run);
    }

    /// <summary>Gets the points that the last start has come to, as <c>point#hit</c>.</summary>
    public IReadOnlyList<string> Points => File.Exists(Log) ? File.ReadAllLines(Log) : [];

    /// <summary>Collects the facts; call it after a start that has come to its end.</summary>
    public Facts Facts() => (new Facts { Before = [.. _seen], Secrets = [OpenAIKey, AnthropicKey], PeakMemory = _peak, MemoryLimit = MemoryLimit })
        .WithWorkspace(Workspace).WithSimulator(_simulator).WithTexts(_said.ToImmutableDictionary());

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => _simulator.DisposeAsync();

    private string Log => Workspace + "-points";

    private void Killed()
    {
        Kills++;
        _seen.UnionWith(WorkspaceFacts.Answers(Workspace));
    }

    private async Task<CliResult> EndAsync(CliRun run)
    {
        var result = await run.EndAsync();
        _said.Add($"start {_said.Count + 1}", result.Output + result.Errors);
        _peak = Math.Max(_peak, run.PeakMemory);
        return result;
    }
}
