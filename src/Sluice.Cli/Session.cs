using Sluice.Caching;
using Sluice.Cli.Commands;
using Sluice.Configuration;
using Sluice.Experiments;
using Sluice.Ledger;
using Sluice.Pricing;
using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;
using Sluice.Simulator;
using Sluice.Sweeps;

namespace Sluice.Cli;

/// <summary>Everything a command works with, put together in one place: the only composition root.</summary>
internal sealed class Session : IAsyncDisposable
{
    private readonly HttpClient _http;
    private LedgerStore? _ledger;
    private SqliteResponseCache? _cache;
    private SimulatorServer? _simulator;

    public Session(string workspace)
    {
        Workspace = new Workspace(workspace);
        _http = new HttpClient(new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            ConnectTimeout = TimeSpan.FromSeconds(30),
            MaxResponseHeadersLength = 32,
        })
        {
            // Each call sets its own limit; an answer that is not streamed is never longer than this.
            Timeout = Timeout.InfiniteTimeSpan,
            MaxResponseContentBufferSize = 64 * 1024 * 1024,
        };
        var environment = new ProviderEnvironment(Environment.GetEnvironmentVariable, _http, TimeProvider.System);
        Providers = new ProviderRegistry(
            [OpenAIProviderFactory.OpenAI, new AnthropicProviderFactory(), OpenAIProviderFactory.Compatible, new SimulatedProviderFactory(SimulatorAddress)],
            environment);
    }

    public Workspace Workspace { get; }

    public ProviderRegistry Providers { get; }

    public TimeProvider Time { get; } = TimeProvider.System;

    public LedgerStore Ledger => _ledger ??= new LedgerStore(Workspace.LedgerPath, Time);

    public IResponseCache Cache => _cache ??= new SqliteResponseCache(Workspace.CachePath, Time);

    /// <summary>Gets the ledger if the workspace has one: looking must not make one.</summary>
    public LedgerStore? ExistingLedger => File.Exists(Workspace.LedgerPath) ? Ledger : null;

    /// <summary>Gets the cache if the workspace has one, else an empty one.</summary>
    public IResponseCache ExistingCache => File.Exists(Workspace.CachePath) ? Cache : EmptyCache.Instance;

    /// <summary>Reads configs and makes them ready to run; starts the simulator if one of them rehearses.</summary>
    public async Task<IReadOnlyList<ExperimentPlan>> PlanAsync(IReadOnlyList<string> words, CancellationToken cancellationToken)
    {
        var (patterns, overrides) = CommonOptions.Split(words);
        return await CompileAsync(ConfigLoader.Load(patterns, overrides, Context()), cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the composed configs of an earlier run.</summary>
    public async Task<IReadOnlyList<ExperimentPlan>> ReopenAsync(string sweep, CancellationToken cancellationToken)
    {
        var context = Context();
        var experiments = SweepManifest.ConfigsOf(Workspace, sweep).Select(file => ConfigLoader.LoadFile(file, [], context)).ToList();
        return await CompileAsync(experiments, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Starts the simulator if open batches of the workspace were sent to it.</summary>
    public async Task EnsureSimulatorForOpenBatchesAsync(CancellationToken cancellationToken)
    {
        if (Ledger.Open().Any(i => i.Provider.Provider == SimulatedProviderFactory.ProviderName))
        {
            await EnsureSimulatorAsync(new RehearsalOptions(), cancellationToken).ConfigureAwait(false);
        }
    }

    public async ValueTask DisposeAsync()
    {
        if (_cache is not null)
        {
            await _cache.DisposeAsync().ConfigureAwait(false);
        }

        _ledger?.Dispose();
        if (_simulator is not null)
        {
            await _simulator.DisposeAsync().ConfigureAwait(false);
        }

        _http.Dispose();
    }

    private async Task<IReadOnlyList<ExperimentPlan>> CompileAsync(IReadOnlyList<Experiment> experiments, CancellationToken cancellationToken)
    {
        var rehearsals = experiments.Where(e => e.Steps.Any(s => s.Model.Provider == SimulatedProviderFactory.ProviderName)).ToList();
        if (rehearsals.Count > 0)
        {
            if (rehearsals.FirstOrDefault(e => e.Rehearsal != rehearsals[0].Rehearsal) is { } other)
            {
                throw new SluiceException(ErrorKind.Usage, $"{rehearsals[0].Source} and {other.Source} want different simulators", "give `simulator` the same values in all configs of a sweep, or run them one after the other");
            }

            await EnsureSimulatorAsync(rehearsals[0].Rehearsal, cancellationToken).ConfigureAwait(false);
        }

        return ExperimentPlan.Compile(experiments, Providers, PriceList.BuiltIn);
    }

    private async Task EnsureSimulatorAsync(RehearsalOptions options, CancellationToken cancellationToken)
    {
        try
        {
            Workspace.Prepare();
            _simulator ??= await SimulatorServer.StartAsync(
                new SimulatorOptions
                {
                    Folder = Workspace.SimulatorFolder,
                    RecordingsPath = options.Recordings,
                    Faults = options.Faults is null ? null : await FaultScript.LoadAsync(options.Faults, cancellationToken).ConfigureAwait(false),
                    BatchDelay = TimeSpan.FromSeconds(options.BatchDelaySeconds),
                },
                cancellationToken).ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or InvalidDataException or FormatException or UnauthorizedAccessException)
        {
            throw new SluiceException(ErrorKind.Usage, $"the simulator cannot start: {error.Message}", "mend the `simulator` section of the config, or check the workspace folder", error);
        }
    }

    private Uri SimulatorAddress() => _simulator?.Address ?? throw new InvalidOperationException("the simulator is started before its address is needed");

    private ConfigContext Context() => new()
    {
        CurrentDirectory = Environment.CurrentDirectory,
        Providers = Providers.Names,
        Environment = Environment.GetEnvironmentVariable,
    };
}
