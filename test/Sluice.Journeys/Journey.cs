using System.Collections.Concurrent;
using System.Text.Json.Nodes;
using Sluice.Simulator;

namespace Sluice.Journeys;

/// <summary>Gives each test a workspace, a provider to talk to and the real command line.</summary>
public abstract class Journey : IAsyncLifetime
{
    private readonly Dictionary<string, string> _environment = [];
    private readonly List<CliRun> _started = [];
    private readonly List<SimulatorServer> _servers = [];

    /// <summary>Gets the workspace, which is also the current folder of the commands.</summary>
    protected string Folder { get; } = Directory.CreateTempSubdirectory("sluice-journey-").FullName;

    protected SimulatorServer Simulator => _servers[^1];

    protected ProviderStats OpenAI => Simulator.Stats.OpenAI;

    protected ProviderStats Anthropic => Simulator.Stats.Anthropic;

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        foreach (var run in _started)
        {
            await run.DisposeAsync();
        }

        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        Directory.Delete(Folder, recursive: true);
    }

    /// <summary>Starts a provider and points the commands at it.</summary>
    protected async Task ProviderAsync(string? faults = null, double batchDelay = 0, SimulatorOptions? options = null)
    {
        // What is tested is a real run, so the simulator plays the provider.
        options = (options ?? new SimulatorOptions { Folder = Path.Combine(Folder, $"provider{_servers.Count}") }) with { PlaysProvider = true };
        _servers.Add(await SimulatorServer.StartAsync(
            options with { Faults = faults is null ? options.Faults : FaultScript.Parse(faults), BatchDelay = TimeSpan.FromSeconds(batchDelay) }, Cancel));
        var root = Simulator.Address.GetLeftPart(UriPartial.Authority);
        Set("OPENAI_BASE_URL", root + "/v1");
        Set("OPENAI_API_KEY", "sk-journey");
        Set("ANTHROPIC_BASE_URL", root);
        Set("ANTHROPIC_API_KEY", "sk-ant-journey");
    }

    /// <summary>Stops the provider; what it has stays in its folder.</summary>
    protected async Task StopProviderAsync()
    {
        var stopped = Simulator;
        _servers.Remove(stopped);
        await stopped.DisposeAsync();
    }

    /// <summary>Stops the provider and starts it again, at the same address and with the same batches.</summary>
    protected async Task RestartProviderAsync(double batchDelay = 0)
    {
        var stopped = Simulator;
        await StopProviderAsync();
        await ProviderAgainAsync(stopped.Address, batchDelay);
    }

    /// <summary>Starts a provider that was stopped, at the same address and without the faults it had.</summary>
    protected Task ProviderAgainAsync(Uri address, double batchDelay = 0) =>
        ProviderAsync(batchDelay: batchDelay, options: new SimulatorOptions { Folder = Path.Combine(Folder, "provider0"), Port = address.Port });

    /// <summary>Puts a relay between the program and the provider.</summary>
    private protected Relay Between()
    {
        var relay = new Relay(Simulator.Address);
        var root = relay.Address.GetLeftPart(UriPartial.Authority);
        Set("OPENAI_BASE_URL", root + "/v1");
        Set("ANTHROPIC_BASE_URL", root);
        return relay;
    }

    /// <summary>Starts one provider with a single fault.</summary>
    protected Task FaultyAsync(string fault, string when = "{}", string more = "") =>
        ProviderAsync($$"""[{ "when": {{when}}, {{more}} "fault": {{fault}} }]""");

    protected void Set(string name, string? value)
    {
        if (value is null)
        {
            _environment.Remove(name);
        }
        else
        {
            _environment[name] = value;
        }
    }

    protected CliRun Start(params string[] args) => StartIn(Folder, args);

    protected CliRun StartIn(string folder, params string[] args) => Keep(CliRun.Start(folder, _environment, args));

    /// <summary>Starts a command with more variables.</summary>
    protected CliRun StartWith(IEnumerable<KeyValuePair<string, string>> more, params string[] args) =>
        Keep(CliRun.Start(Folder, new Dictionary<string, string>(_environment.Concat(more)), args));

    protected CliRun StartBy(IReadOnlyList<string> way, params string[] args) => Keep(CliRun.StartBy(way, Folder, _environment, args));

    /// <summary>Starts the build that has crash points: it kills itself at one of them, or only writes down which it comes to.</summary>
    protected CliRun StartCrashing(string? at, string log, params string[] args)
    {
        var environment = new Dictionary<string, string>(_environment) { ["SLUICE_CRASH_LOG"] = log };
        if (at is not null)
        {
            environment["SLUICE_CRASH_AT"] = at;
        }

        return Keep(CliRun.StartCrashing(Folder, environment, args));
    }

    private CliRun Keep(CliRun run)
    {
        _started.Add(run);
        return run;
    }

    protected System.Diagnostics.Process StartUnburied(params string[] args) => CliRun.StartUnburied(Folder, _environment, args);

    protected Task<CliResult> RunAsync(params string[] args) => Start(args).EndAsync();

    /// <summary>Runs the workspace's configs to the end and returns what <c>--json</c> says.</summary>
    protected Task<CliResult> SweepAsync(params string[] more) => RunAsync(["run", "configs", "--json", .. more]);

    protected string Write(string path, string text)
    {
        var full = Path.Combine(Folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
        return full;
    }

    /// <summary>Writes a dataset whose questions make the simulator give the right answer, save for every tenth.</summary>
    protected void Dataset(int count, string path = "data.jsonl") => Write(path, string.Concat(Enumerable.Range(0, count).Select(n =>
        $$"""{"id":"s{{n}}","question":"Question {{n}} echo: A: {{(n % 10 == 9 ? n + 1 : n)}}","answer":{{n}}}""" + "\n")));

    /// <summary>Writes the config of an experiment over that dataset.</summary>
    protected void Config(string name = "one", string provider = "openai", string? model = null, string more = "") => Write($"configs/{name}.yaml", $$$"""
        name: {{{name}}}
        dataset: { path: data.jsonl, id: id }
        model: { provider: {{{provider}}}, name: {{{model ?? (provider == "anthropic" ? "claude-haiku-4-5" : "gpt-4o-mini")}}}, params: { temperature: 0, max_tokens: 64 } }
        user: "{{ sample.question }}"
        scores: [{ name: accuracy, type: numeric, value: "{{ steps.answer.text }}", target: "{{ sample.answer }}" }]
        memory: { required_gb: 0 }
        {{{more}}}
        """);

    protected string ResultsPath(string experiment = "one") =>
        Directory.EnumerateFiles(Path.Combine(Folder, "runs"), "results.jsonl", SearchOption.AllDirectories).Single(path => Path.GetFileName(Path.GetDirectoryName(path)) == experiment);

    protected string Results(string experiment = "one") => File.ReadAllText(ResultsPath(experiment));

    protected JsonNode[] Rows(string experiment = "one") => [.. File.ReadLines(ResultsPath(experiment)).Select(line => JsonNode.Parse(line)!)];

    protected int Count(string status, string experiment = "one") => Rows(experiment).Count(row => (string?)row["status"] == status);

    /// <summary>Copies what a workspace has, and returns the copy's folder.</summary>
    /// <param name="name">The copy.</param>
    /// <param name="of">The workspace; the test's own by default.</param>
    protected string Copy(string name, string of = "")
    {
        var (source, target) = (Path.Combine(Folder, of), Path.Combine(Folder, name));
        Directory.CreateDirectory(target);
        foreach (var part in (string[])[".sluice", "runs"])
        {
            foreach (var file in Directory.Exists(Path.Combine(source, part)) ? Directory.EnumerateFiles(Path.Combine(source, part), "*", SearchOption.AllDirectories) : [])
            {
                var path = Path.Combine(target, Path.GetRelativePath(source, file));
                Directory.CreateDirectory(Path.GetDirectoryName(path)!);
                File.Copy(file, path);
            }
        }

        return target;
    }

    protected string[] Spools()
    {
        var folder = Path.Combine(Folder, ".sluice/spool");
        return Directory.Exists(folder) ? Directory.GetFiles(folder) : [];
    }

    /// <summary>What an undisturbed run of the same experiment, in a workspace and at a provider of its own, writes. Made once per model and size.</summary>
    protected async Task<string> UndisturbedAsync()
    {
        var config = await File.ReadAllTextAsync(Path.Combine(Folder, "configs/one.yaml"), Cancel);
        var key = (config.Contains("anthropic", StringComparison.Ordinal), File.ReadLines(Path.Combine(Folder, "data.jsonl")).Count());
        return await Calm.GetOrAdd(key, _ => new Lazy<Task<string>>(MakeUndisturbedAsync)).Value;
    }

    private static ConcurrentDictionary<(bool IsAnthropic, int Samples), Lazy<Task<string>>> Calm { get; } = new();

    private async Task<string> MakeUndisturbedAsync()
    {
        var options = new SimulatorOptions { Folder = Path.Combine(Folder, "calm-provider"), PlaysProvider = true };
        await using var calm = await SimulatorServer.StartAsync(options, Cancel);
        var root = calm.Address.GetLeftPart(UriPartial.Authority);
        var environment = new Dictionary<string, string>(_environment)
        {
            ["OPENAI_BASE_URL"] = root + "/v1", ["ANTHROPIC_BASE_URL"] = root, ["OPENAI_API_KEY"] = "calm", ["ANTHROPIC_API_KEY"] = "calm",
        };
        var run = CliRun.Start(Folder, environment, "run", "configs/one.yaml", "--json", "--workspace", "calm", "--sweep", "calm", "batch_mode=false");
        _started.Add(run);
        (await run.EndAsync()).Is(0);
        var path = Path.Combine(Folder, "calm/runs/calm/one/results.jsonl");
        return await File.ReadAllTextAsync(path, Cancel);
    }

    /// <summary>Copies a shipped example into the workspace.</summary>
    protected void Example(string name)
    {
        var source = Path.Combine(AppContext.BaseDirectory, "examples", name);
        foreach (var file in Directory.EnumerateFiles(source, "*", SearchOption.AllDirectories))
        {
            var target = Path.Combine(Folder, Path.GetRelativePath(source, file));
            Directory.CreateDirectory(Path.GetDirectoryName(target)!);
            File.Copy(file, target);
        }
    }
}
