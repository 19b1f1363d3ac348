using Sluice.Caching;
using Sluice.Configuration;
using Sluice.Experiments;
using Sluice.Ledger;
using Sluice.Pricing;
using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;
using Sluice.Recovery;
using Sluice.Sweeps;

namespace Sluice.Cli;

/// <summary>Everything a command works with, put together in one place: the only composition root.</summary>
internal sealed class Session : IAsyncDisposable
{
    private readonly InProcessSimulator _simulator;
    private readonly Dictionary<string, bool> _simulators = [];
    private LedgerStore? _ledger;

    public Session(string workspace)
    {
        Workspace = new Workspace(workspace);
        Stores = new WorkspaceCache(Workspace, Time);
        var sockets = new SocketsHttpHandler
        {
            AllowAutoRedirect = false,
            PooledConnectionIdleTimeout = TimeSpan.FromSeconds(30),
            ConnectTimeout = TimeSpan.FromSeconds(30),
            MaxResponseHeadersLength = 32,
        };
        _simulator = new InProcessSimulator(Workspace, sockets);
        Providers = new ProviderRegistry(
            [OpenAIProviderFactory.OpenAI, new AnthropicProviderFactory(), OpenAIProviderFactory.Compatible, new SimulatedProviderFactory(Client(_simulator))],
            new ProviderEnvironment(Environment.GetEnvironmentVariable, Client(sockets), TimeProvider.System) { SeparatesRehearsals = true });
    }

    public Workspace Workspace { get; }

    public ProviderRegistry Providers { get; }

    public TimeProvider Time { get; } = TimeProvider.System;

    public LedgerStore Ledger => _ledger ??= new LedgerStore(Workspace.LedgerPath, Time);

    /// <summary>Gets the stores that make up the cache.</summary>
    public WorkspaceCache Stores { get; }

    public IResponseCache Cache => Stores.Get();

    /// <summary>Gets the ledger if the workspace has one: looking must not make one.</summary>
    public LedgerStore? ExistingLedger => File.Exists(Workspace.LedgerPath) ? Ledger : null;

    /// <summary>Gets the cache if the workspace has one, else an empty one.</summary>
    public IResponseCache ExistingCache => Stores.GetExisting();

    /// <summary>Reads configs and makes them ready to run.</summary>
    /// <param name="request">Which configs.</param>
    /// <param name="refresh">Whether answers that there are already do not count.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task<IReadOnlyList<ExperimentPlan>> PlanAsync(ConfigRequest request, bool refresh, CancellationToken cancellationToken) =>
        await CompileAsync(ConfigLoader.Load(request, Context(cancellationToken) with { RefreshedAt = refresh ? Time.GetUtcNow() : null }), cancellationToken).ConfigureAwait(false);

    /// <summary>Finds out which accounts are the simulator's, before anything is made of them: those that are named, and those that have open batches.</summary>
    public async Task FindSimulatorsAsync(IEnumerable<ProviderReference> references, CancellationToken cancellationToken)
    {
        var ledger = ExistingLedger;
        await Providers.FindSimulatorsAsync(
            [.. references, .. ledger?.Open().Select(i => i.Provider) ?? []],
            address => ledger?.IsSimulator(address) == true,
            FoundSimulator,
            cancellationToken).ConfigureAwait(false);
    }

    private void FoundSimulator(string address, bool? isSimulator)
    {
        if (isSimulator is { } certain)
        {
            _simulators[address] = certain;
            return;
        }

        Terminal.Warning($"{address} was the simulator and cannot be asked now: the answers it has made up are used, and nothing is sent there unless it is the simulator again");
    }

    /// <summary>Keeps in the ledger where the simulator was found: what was rehearsed there is found again when it has stopped.</summary>
    public void RememberSimulators()
    {
        foreach (var (address, isSimulator) in _simulators)
        {
            Ledger.RememberSimulator(address, isSimulator);
        }
    }

    /// <summary>Prints a part of the composed configs instead of running them.</summary>
    public void Show(ConfigRequest request, ConfigView view, bool asJson, CancellationToken cancellationToken)
    {
        var texts = ConfigLoader.Show(request, view, asJson, Context(cancellationToken));
        Console.Out.WriteLine(string.Join(asJson ? "\n" : "\n---\n", texts.Select(text => text.TrimEnd('\n'))));
    }

    /// <summary>Reads the composed configs of an earlier run.</summary>
    public async Task<IReadOnlyList<ExperimentPlan>> ReopenAsync(string sweep, CancellationToken cancellationToken)
    {
        var context = Context(cancellationToken);
        // What the sweep's own command has brought is not of an earlier one.
        var experiments = SweepManifest.ConfigsOf(Workspace, sweep).Select(file => ConfigLoader.LoadFile(file, [], context)).Select(e => e with { Overrides = null, Cache = e.Cache with { Read = true } }).ToList();
        return await CompileAsync(experiments, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Reads the composed configs of all experiments of a sweep that have results.</summary>
    public async Task<IReadOnlyList<ExperimentPlan>> PlansOfResultsAsync(string sweep, CancellationToken cancellationToken)
    {
        var context = Context(cancellationToken);
        return await CompileAsync([.. ResultsAdopter.ConfigsOf(Workspace, sweep).Select(file => ConfigLoader.LoadFile(file, [], context))], cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Warns when the ledger or the cache was lost; <c>run</c> and <c>submit</c> refuse then.</summary>
    /// <param name="cancellationToken">Ends the look.</param>
    /// <returns>Whether there was anything to warn of.</returns>
    public async Task<bool> WarnOfLossAsync(CancellationToken cancellationToken)
    {
        var isLost = false;
        try
        {
            // Not the cache itself: where its store is away, a look does not wait.
            var store = Stores.Peek();
            await using var _ = store.ConfigureAwait(false);
            foreach (var loss in await Loss.FindAsync(ExistingLedger, store, Workspace.SpoolFolder, cancellationToken: cancellationToken).ConfigureAwait(false))
            {
                Terminal.Warning($"{loss.Problem}: {loss.Remedy}");
                isLost = true;
            }

            foreach (var (_, loss) in await LostResults.FindAsync(Workspace, ExistingLedger, store, cancellationToken: cancellationToken).ConfigureAwait(false))
            {
                Terminal.Warning($"{loss.Problem}: {loss.Remedy}");
                isLost = true;
            }
        }
        catch (SluiceException error)
        {
            // Looking at what else there is goes on.
            Terminal.Warning(error.Message);
        }

        return isLost;
    }

    /// <summary>Warns when folders of results are taken over from experiments with other choices.</summary>
    public void WarnOfTakenFolders(string sweep, IReadOnlyList<ExperimentPlan> plans)
    {
        var taken = TakenFolder.Find(Workspace, sweep, plans);
        if (taken.Count == 0)
        {
            return;
        }

        var first = taken.FirstOrDefault(t => t.Aside is not null) ?? taken[0];
        var more = taken.Count == 1 ? "" : $" (and {taken.Count - 1} more like it)";
        var aside = first.Aside is null ? "" : $"; the earlier one waits for batches and goes on as `{first.Aside}`";
        Terminal.Warning($"runs/{sweep}/{first.Name}{more} is of `{first.Before}`, and is taken over by `{first.Now}`{aside}");
        Terminal.Hint("to keep both, give one of them a sweep of its own with --sweep NAME, or put what differs into `name`, such as ${model.name}");
    }

    public async ValueTask DisposeAsync()
    {
        await Stores.DisposeAsync().ConfigureAwait(false);
        _ledger?.Dispose();
        await _simulator.StopAsync().ConfigureAwait(false);
        _simulator.Dispose();
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

            await _simulator.SetUpAsync(rehearsals[0].Rehearsal, cancellationToken).ConfigureAwait(false);
        }

        await FindSimulatorsAsync(
            experiments.SelectMany(e => e.Steps).Select(s => Providers.Refer(s.Model.Provider, s.Model.Api, s.Model.BaseUrl, s.Model.ApiKeyEnv)), cancellationToken).ConfigureAwait(false);
        // With the local offset: it is also what `now` is in templates.
        var plans = ExperimentPlan.Compile(experiments, Providers, PriceList.BuiltIn, Time.GetLocalNow());
        Stores.Use(plans);
        return plans;
    }

    private static HttpClient Client(HttpMessageHandler handler) => new(handler, disposeHandler: false)
    {
        // Each call sets its own limit; an answer that is not streamed is never longer than this.
        Timeout = Timeout.InfiniteTimeSpan,
        MaxResponseContentBufferSize = 64 * 1024 * 1024,
    };

    private ConfigContext Context(CancellationToken cancellationToken) => new()
    {
        CurrentDirectory = Environment.CurrentDirectory,
        Providers = Providers.Names,
        Environment = Environment.GetEnvironmentVariable,
        Remark = Terminal.Warning,
        Cancellation = cancellationToken,
    };
}
