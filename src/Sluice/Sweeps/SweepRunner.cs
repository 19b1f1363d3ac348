using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Dispatch.Live;
using Sluice.Experiments;
using Sluice.Experiments.Replaying;
using Sluice.Ledger;
using Sluice.Memory;
using Sluice.Providers;
using Sluice.Recovery;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Sweeps;

/// <summary>What a command does with a sweep.</summary>
public enum SweepMode
{
    /// <summary>Send what is missing and stay until everything is answered.</summary>
    Run,

    /// <summary>Send what is missing and return.</summary>
    Submit,

    /// <summary>Send nothing; take over what is finished and return.</summary>
    Retrieve,

    /// <summary>Send nothing; stay until everything that was sent is answered.</summary>
    RetrieveAndWait,
}

/// <summary>How a sweep is run.</summary>
/// <param name="Name">The sweep's name: its folder below <c>runs/</c>.</param>
/// <param name="Mode">What to do.</param>
/// <param name="RetryFailed">Whether requests that failed for good are sent again, once.</param>
public sealed record SweepOptions(string Name, SweepMode Mode, bool RetryFailed);

/// <summary>Runs a sweep: replays, dispatches, waits for batches, and replays again until nothing is missing.</summary>
public sealed class SweepRunner
{
    private static readonly TimeSpan SnapshotInterval = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan MostBetweenLooks = TimeSpan.FromSeconds(1);

    private readonly Workspace _workspace;
    private readonly LedgerStore _ledger;
    // Whoever sends looks into the watched one: what it loses would be bought again.
    private readonly IResponseCache _store;
    private readonly WatchedResponseCache _cache;
    private readonly ProviderRegistry _providers;
    private readonly TimeProvider _time;
    private readonly SweepOptions _options;
    private readonly SpendMeter _spend;
    private readonly Action<DispatchEvent> _observe;
    private readonly Intake _intake;
    private Task _work = Task.CompletedTask;

    /// <summary>Creates a runner.</summary>
    /// <param name="workspace">Where everything is kept.</param>
    /// <param name="ledger">The workspace's ledger.</param>
    /// <param name="cache">Where responses are kept.</param>
    /// <param name="providers">How accounts are reached.</param>
    /// <param name="time">The clock.</param>
    /// <param name="options">What to do.</param>
    /// <param name="observe">Told what happens; must not block.</param>
    /// <param name="memory">Reads how much memory is left: while it is scarce, less is begun. Null to begin everything.</param>
    public SweepRunner(
        Workspace workspace, LedgerStore ledger, IResponseCache cache, ProviderRegistry providers, TimeProvider time, SweepOptions options, Action<DispatchEvent> observe, Func<MemorySample>? memory = null)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(observe);
        ArgumentNullException.ThrowIfNull(time);
        _workspace = workspace;
        _ledger = ledger;
        _store = cache;
        _cache = new WatchedResponseCache(cache, time.GetUtcNow());
        _providers = providers;
        _time = time;
        _options = options;
        _spend = new SpendMeter();
        _observe = e =>
        {
            _spend.Observe(e);
            observe(e);
        };
        _intake = memory is null ? Intake.Open : new Intake(memory, time, new IntakeNews(new GovernorLog(workspace.MemoryLogPath, time), _observe).Take);
    }

    private bool Sends => _options.Mode is SweepMode.Run or SweepMode.Submit;

    /// <summary>Runs the sweep to its end, or until cancelled: then what is answered is written, and the result says so.</summary>
    /// <exception cref="SluiceException">Something that only people can solve.</exception>
    public async Task<SweepResult> RunAsync(IReadOnlyList<ExperimentPlan> plans, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(plans);
        var folder = _workspace.SweepFolder(_options.Name);
        var runs = plans.Select(p => new ExperimentRun(p, folder)).ToList();
        _spend.Use(plans);
        AtomicFile.DropLeftovers(folder, _time);
        var aside = TakenFolder.SetAside(folder, plans.Select(p => p.Experiment));
        foreach (var run in runs)
        {
            run.Files.DropLeftovers(_time);
            run.Files.WriteConfig(run.Plan.Experiment.ComposedYaml);
        }

        SweepManifest.Write(folder, _options.Name, runs, _ledger, null, aside);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var engine = new BatchEngine(new BatchContext(_ledger, _cache, _providers, _workspace.SpoolFolder, _time, _observe), SweepLimits.Batches(plans));
        engine.ClearUp();
        await RequireWholeAsync(cancellationToken).ConfigureAwait(false);
        using var batches = new BatchDispatcher(_ledger, _cache, _workspace.SpoolFolder, SweepLimits.Of(plans), intent =>
        {
            _observe(new BatchChanged(intent, null));
            engine.Notify();
        }, _intake);
        using var live = new LiveDispatcher(_ledger, _cache, SweepLimits.Live(plans), _time, _observe, Random.Shared.NextDouble, _intake);
        var carrying = CarryAsync(engine, stop.Token);
        SweepState state;
        try
        {
            await StepsAsync(runs, batches, live, engine, carrying, folder, stop.Token).ConfigureAwait(false);
            state = runs.All(r => !r.IsPending) ? runs.All(r => r.Summary!.Failed == 0) ? SweepState.Done : SweepState.Incomplete
                : runs.Any(r => r.WaitsFor.Count > 0) ? SweepState.Pending : SweepState.Incomplete;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            state = SweepState.Interrupted;
        }
        finally
        {
            await stop.CancelAsync().ConfigureAwait(false);
            // The engine's own error, if any, has been thrown by StepsAsync already.
            // Live calls under way are paid for: the replays end when those are answered.
            await _ledger.KeepLeaseWhileAsync(Task.WhenAll(carrying, _work)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        if (state == SweepState.Interrupted)
        {
            await SaveWhatIsThereAsync(runs).ConfigureAwait(false);
        }
        else if (Sends)
        {
            await engine.CloseSettledAsync(cancellationToken).ConfigureAwait(false);
        }

        SweepManifest.Write(folder, _options.Name, runs, _ledger, state);
        return new SweepResult
        {
            Name = _options.Name,
            Folder = folder,
            State = state,
            Experiments = [.. runs.Select(r => new ExperimentResult(r.Plan, r.Summary, r.FirstHits ?? 0, r.Tally.Sent, r.Tally.Held))],
            OpenBatches = _ledger.Open(),
            SpentTokens = _spend.Tokens,
            SpentUsd = _spend.Usd,
        };
    }

    /// <summary>Carries batches and watches memory until cancelled, or until one of both meets an error.</summary>
    private async Task CarryAsync(BatchEngine engine, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task[] both = [engine.RunAsync(submit: Sends, stop.Token), Sends && _intake != Intake.Open ? _intake.RunAsync(stop.Token) : Task.Delay(Timeout.InfiniteTimeSpan, _time, stop.Token)];
        var first = await Task.WhenAny(both).ConfigureAwait(false);
        await stop.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(both).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await first.ConfigureAwait(false);
    }

    /// <summary>Sends nothing in a workspace that has lost its ledger or its cache: what they had may have been paid for.</summary>
    private async Task RequireWholeAsync(CancellationToken cancellationToken)
    {
        if (Sends && await Loss.FindAsync(_ledger, _cache, _workspace.SpoolFolder, cancellationToken).ConfigureAwait(false) is [var loss, ..])
        {
            throw new SluiceException(ErrorKind.Environment, loss.Problem, loss.Remedy);
        }
    }

    private async Task StepsAsync(List<ExperimentRun> runs, BatchDispatcher batches, LiveDispatcher live, BatchEngine engine, Task carrying, string folder, CancellationToken cancellationToken)
    {
        var none = new NoDispatcher(_ledger);
        var schedule = new ReplaySchedule(_ledger, Sends, _time);
        if (_options.Mode == SweepMode.Retrieve)
        {
            await CollectOnceAsync(engine, carrying, cancellationToken).ConfigureAwait(false);
        }

        var first = true;
        var due = runs;
        while (due.Count > 0)
        {
            foreach (var run in due)
            {
                await BeginReplayAsync(run, _options.RetryFailed && first, cancellationToken).ConfigureAwait(false);
            }

            await GuardAsync(ReplayAllAsync(due, batches, live, none, cancellationToken), carrying).ConfigureAwait(false);
            await batches.FlushAsync(cancellationToken).ConfigureAwait(false);
            engine.Notify();
            SweepManifest.Write(folder, _options.Name, runs, _ledger, null);
            if (first && _options.Mode == SweepMode.Submit)
            {
                await SubmittedAsync(engine, carrying, cancellationToken).ConfigureAwait(false);
                return;
            }

            first = false;
            due = _options.Mode == SweepMode.Retrieve ? [] : await NextDueAsync(schedule, runs, engine, carrying, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task ReplayAllAsync(List<ExperimentRun> runs, BatchDispatcher batches, LiveDispatcher live, NoDispatcher none, CancellationToken cancellationToken)
    {
        // Live experiments wait for answers, so several run side by side; batch experiments only compute, one after the other.
        var liveRuns = runs.Where(r => Sends && !r.Plan.Experiment.BatchMode).ToList();
        var liveTask = Parallel.ForEachAsync(liveRuns, new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = cancellationToken }, async (run, token) =>
        {
            using var done = CancellationTokenSource.CreateLinkedTokenSource(token);
            // What is not kept cannot be shown before the end.
            var snapshots = run.Plan.Caching.Write ? SnapshotsAsync(run, none, done.Token) : Task.CompletedTask;
            try
            {
                await ReplayAsync(run, live, token).ConfigureAwait(false);
            }
            finally
            {
                await done.CancelAsync().ConfigureAwait(false);
                await snapshots.ConfigureAwait(false);
            }
        });
        var batchRuns = InModelOrder(runs.Except(liveRuns).ToList());
        var users = batchRuns.SelectMany(r => r.Routes).CountBy(r => r).ToDictionary();
        foreach (var run in batchRuns)
        {
            await ReplayAsync(run, Sends ? batches : none, cancellationToken).ConfigureAwait(false);
            foreach (var route in run.Routes.Where(r => --users[r] == 0))
            {
                // Nobody else asks this model now: its batches travel while the other experiments are replayed.
                await batches.FlushAsync(route, cancellationToken).ConfigureAwait(false);
            }
        }

        await liveTask.ConfigureAwait(false);
    }

    /// <summary>Puts experiments that ask the same model first next to each other, else in the order they have.</summary>
    private static List<ExperimentRun> InModelOrder(List<ExperimentRun> runs)
    {
        var places = runs.Select(r => r.Plan.Steps[0].Route).Distinct().Index().ToDictionary(r => r.Item, r => r.Index);
        return [.. runs.OrderBy(r => places[r.Plan.Steps[0].Route])];
    }

    private async Task ReplayAsync(ExperimentRun run, IDispatcher dispatcher, CancellationToken cancellationToken)
    {
        run.IsRipe = false;
        var began = _time.GetTimestamp();
        using var results = run.Files.BeginResults();
        var replay = new Replay(run.Plan, dispatcher is NoDispatcher ? _store : _cache, dispatcher, run.Tally);
        var summary = await replay.RunAsync(results.Stream, n => _observe(new ReplayProgress(run.Plan, n)), cancellationToken).ConfigureAwait(false);
        results.Commit();
        run.Files.WriteSummary(summary);
        run.Summary = summary;
        run.ReplayTime = _time.GetElapsedTime(began);
        // After an interrupted first replay the answers of this command's own live calls are hits too.
        run.FirstHits ??= dispatcher is NoDispatcher ? summary.Hits - run.Tally.Answered : summary.Hits;
        _observe(new ExperimentReplayed(summary));
        if (summary.Samples == 0)
        {
            _observe(new Remark($"`{run.Plan.Experiment.Name}` has no samples: {run.Plan.Experiment.Dataset.Path} is empty, or `offset` is beyond its end"));
        }
    }

    /// <summary>While a live replay is under way, writes the answered part of the results now and then.</summary>
    private async Task SnapshotsAsync(ExperimentRun run, NoDispatcher none, CancellationToken cancellationToken)
    {
        try
        {
            while (true)
            {
                await Task.Delay(SnapshotInterval, _time, cancellationToken).ConfigureAwait(false);
                using var results = run.Files.BeginResults();
                await new Replay(run.Plan, _store, none, new DispatchTally()).RunAsync(results.Stream, null, cancellationToken).ConfigureAwait(false);
                results.Commit();
            }
        }
        catch (OperationCanceledException)
        {
            // The replay itself has ended and has written everything.
        }
    }

    /// <summary>Looks at what the replay would cost before it begins; more than the budget holds all of it back.</summary>
    private async Task BeginReplayAsync(ExperimentRun run, bool retryFailed, CancellationToken cancellationToken)
    {
        run.Tally.BeginReplay(retryFailed, null);
        if (!Sends || run.Plan.Experiment.BudgetUsd is not { } budget)
        {
            return;
        }

        var forecast = await SweepPlan.MakeOneAsync(run.Plan, _cache, _ledger, retryFailed, cancellationToken).ConfigureAwait(false);
        if (forecast.ToSend == 0)
        {
            return;
        }

        // Later steps are not in the forecast: live ones draw on what the budget leaves, batch ones meet this check in the next replay.
        run.Tally.BeginReplay(retryFailed, budget - forecast.AnsweredUsd - forecast.InFlightUsd);

        if (forecast.TotalUsd is not { } total)
        {
            throw new SluiceException(
                ErrorKind.Usage,
                $"experiment `{run.Plan.Experiment.Name}` has a budget of ${budget:0.######}, but the price of a model is not known",
                "give it with `model.price: {input: ..., output: ..., batch_input: ..., batch_output: ...}` (USD per million tokens), or remove the budget");
        }

        if (total > budget)
        {
            run.Tally.HoldsBack = true;
            _observe(new Remark($"`{run.Plan.Experiment.Name}`: {forecast.ToSend} requests are held back: they would cost about ${forecast.ToSendUsd:0.######}, in all ${total:0.######}, and the budget is ${budget:0.######}"));
        }
    }

    /// <summary>Waits until replays would see more, and says of which experiments. None when nothing more will come.</summary>
    private async Task<List<ExperimentRun>> NextDueAsync(ReplaySchedule schedule, List<ExperimentRun> runs, BatchEngine engine, Task carrying, CancellationToken cancellationToken)
    {
        for (var ticked = false; ; ticked = true)
        {
            var began = _time.GetTimestamp();
            if (schedule.Due(runs, looksAtLive: ticked) is { } due)
            {
                return due;
            }

            using var tick = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            tick.CancelAfter(TimeSpan.FromSeconds(1));
            var looked = _time.GetElapsedTime(began);
            await GuardAsync(NextSettledAsync(engine, tick.Token), carrying).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            // A look takes as long as there are batches: one look for each that settles would make the time grow with the square of their number.
            if (looked > TimeSpan.FromMilliseconds(5))
            {
                await GuardAsync(Task.Delay(looked * 10 < MostBetweenLooks ? looked * 10 : MostBetweenLooks, _time, cancellationToken), carrying).ConfigureAwait(false);
            }
        }
    }

    private static async Task NextSettledAsync(BatchEngine engine, CancellationToken tick)
    {
        try
        {
            await engine.Settled.WaitToReadAsync(tick).ConfigureAwait(false);
            while (engine.Settled.TryRead(out _))
            {
                // The ledger is the truth; the event only wakes us.
            }
        }
        catch (OperationCanceledException)
        {
            // A second has passed: the ledger is looked at anyway, since other processes settle batches too.
        }
    }

    /// <summary>Waits until nothing is left to submit.</summary>
    private async Task SubmittedAsync(BatchEngine engine, Task carrying, CancellationToken cancellationToken)
    {
        while (_ledger.OpenAccounts().Any(IsToSubmit))
        {
            engine.Notify();
            await GuardAsync(Task.Delay(TimeSpan.FromMilliseconds(50), _time, cancellationToken), carrying).ConfigureAwait(false);
        }
    }

    /// <summary>Tells whether an account has something that this process can send without people: one with a doubt that only they can settle sends nothing.</summary>
    private bool IsToSubmit(string account)
    {
        var inDoubt = _ledger.InDoubt(account);
        return !inDoubt.Any(i => i.State == IntentState.NeedsHuman)
            && (inDoubt.Any(i => _ledger.TryOwn(i) is not null) || _ledger.TryOwnUnsent(account, _ledger.ModelsToSend(account)) is not null);
    }

    /// <summary>Gives every submitted batch one look.</summary>
    private async Task CollectOnceAsync(BatchEngine engine, Task carrying, CancellationToken cancellationToken) =>
        await GuardAsync(engine.LookedAtAllAsync(cancellationToken), carrying).ConfigureAwait(false);

    /// <summary>Awaits work, but throws the engine's error as soon as there is one.</summary>
    private async Task GuardAsync(Task work, Task carrying)
    {
        _work = work;
        var first = await Task.WhenAny(work, carrying).ConfigureAwait(false);
        await first.ConfigureAwait(false);
        await work.ConfigureAwait(false);
    }

    /// <summary>After an interruption: a last replay from the cache, so that finished samples are on disk. Within two seconds.</summary>
    private async Task SaveWhatIsThereAsync(List<ExperimentRun> runs)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2), _time);
        var none = new NoDispatcher(_ledger);
        try
        {
            foreach (var run in runs.Where(r => r.IsPending))
            {
                await ReplayAsync(run, none, limit.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException)
        {
            _observe(new Remark("some results are not written yet; the answers are in the cache, and the next run writes them"));
        }
    }
}

/// <summary>A replay has come further.</summary>
/// <param name="Plan">The experiment.</param>
/// <param name="Samples">Samples seen so far.</param>
public sealed record ReplayProgress(ExperimentPlan Plan, long Samples) : DispatchEvent;

/// <summary>A replay has ended and its results are written.</summary>
/// <param name="Summary">What it found.</param>
public sealed record ExperimentReplayed(ReplaySummary Summary) : DispatchEvent;
