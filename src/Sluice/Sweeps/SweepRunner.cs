using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Dispatch.Live;
using Sluice.Experiments;
using Sluice.Experiments.Replaying;
using Sluice.Ledger;
using Sluice.Memory;
using Sluice.Providers;
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
    private const int MaxLiveExperiments = 8;
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
    private readonly LossGuard _losses;
    private readonly UnsentBatches _unsent;
    private readonly BudgetControl _budgets;
    private readonly ManifestKeeper _manifest;
    private readonly HashSet<(long Row, int Tries)> _allowed = [];
    // What a command that only collects ends with, once the other accounts' batches are collected.
    private SluiceException? _missingKey;

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
        _manifest = new ManifestKeeper(workspace.SweepFolder(options.Name), options.Name, ledger, time);
        _observe = e =>
        {
            _spend.Observe(e);
            _manifest.Observe(e);
            observe(e);
        };
        _losses = new LossGuard(workspace, ledger, cache, options.Name, Sends, _observe);
        _unsent = new UnsentBatches(ledger, _observe);
        _budgets = new BudgetControl(_cache, ledger, _unsent, _observe);
        _intake = memory is null ? Intake.Open : new Intake(memory, time, new IntakeNews(new GovernorLog(workspace.MemoryLogPath, time), _observe).Take);
    }

    /// <summary>Gets what had come of the sweep when <see cref="RunAsync"/> ended with an error; null when nothing was begun, or there was none.</summary>
    public SweepResult? Unfinished { get; private set; }

    private bool Sends => _options.Mode is SweepMode.Run or SweepMode.Submit;

    /// <summary>Runs the sweep to its end, or until cancelled: then what is answered is written, and the result says so.</summary>
    /// <exception cref="SluiceException">Something that only people can solve.</exception>
    public async Task<SweepResult> RunAsync(IReadOnlyList<ExperimentPlan> plans, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(plans);
        _ledger.BeginCommand();
        await _losses.RequireAsync(plans, cancellationToken).ConfigureAwait(false);
        var folder = _workspace.SweepFolder(_options.Name);
        PaidResults.Keep(folder, plans);
        // Before this command writes its own configs: those of earlier ones tell where their answers came from.
        plans = LegacyKeyRule.Apply(plans, _ledger, _providers, _workspace.RunsFolder, Sends, text => _observe(new Remark(text)));
        var runs = plans.Select(p => new ExperimentRun(p, folder)).ToList();
        _spend.Use(plans);
        AtomicFile.DropLeftovers(folder, _time);
        var aside = TakenFolder.SetAside(folder, plans.Select(p => p.Experiment));
        foreach (var run in runs)
        {
            run.Files.DropLeftovers(_time);
            run.Files.WriteConfig(run.Plan.Experiment.ComposedYaml);
        }

        runs.ForEach(run => run.FixNow(SweepManifest.NowIn(folder, run.Plan.Now)));
        // Another command may have begun the sweep a moment ago, and said which time it has.
        var now = _manifest.Write(runs, aside: aside);
        runs.ForEach(run => run.FixNow(now));
        using var trails = new Trails(runs);
        if (Sends)
        {
            // Before the engine starts: it sends whatever is sealed.
            _unsent.Begin();
        }

        var failures = new FailureStop(_observe);
        var engine = new BatchEngine(new BatchContext(_ledger, _cache, _providers, _workspace.SpoolFolder, _time, _observe) { Failures = failures });
        engine.ClearUp();
        _missingKey = await KeyCheck.MakeAsync(plans, _store, _ledger, _options, cancellationToken).ConfigureAwait(false);
        using var batches = new BatchDispatcher(_ledger, _cache, _workspace.SpoolFolder, intent =>
        {
            _unsent.Made(intent.Row);
            _observe(new BatchChanged(intent, null));
            engine.Notify();
        }, _intake, failures);
        using var live = new LiveDispatcher(_ledger, _cache, _time, _observe, Random.Shared.NextDouble, _intake, failures) { KeepsAnswers = _store is not MemoryResponseCache };
        try
        {
            var state = await CarryOutAsync(runs, batches, live, engine, cancellationToken).ConfigureAwait(false);
            if (Sends && state != SweepState.Interrupted)
            {
                await engine.CloseSettledAsync(cancellationToken).ConfigureAwait(false);
            }

            _manifest.Write(runs, state);
            await DeleteFilesAsync(engine, state, cancellationToken).ConfigureAwait(false);
            return Result(state, _ledger.Open());
        }
        catch (Exception error)
        {
            // What was paid for and what came of it is told all the same, also when it is the ledger that has the error.
            Unfinished = Result(error is OperationCanceledException ? SweepState.Interrupted : SweepState.Broken, []);
            _manifest.TryWrite(runs);
            throw;
        }

        SweepResult Result(SweepState end, IReadOnlyList<Intent> open) => new()
        {
            Name = _options.Name,
            Folder = folder,
            State = end,
            Experiments = [.. runs.Select(r => new ExperimentResult(r.Plan, r.Summary, r.FirstHits ?? 0, r.Tally.Sent, r.Tally.Held) { Stopped = r.Tally.Stopped })],
            OpenBatches = open,
            SpentTokens = _spend.Tokens,
            SpentUsd = _spend.Usd,
            Unknown = _spend.Unknown,
        };
    }

    /// <summary>Sends and collects until nothing more will come, or until cancelled. However it ends, what is answered is written.</summary>
    private async Task<SweepState> CarryOutAsync(List<ExperimentRun> runs, BatchDispatcher batches, LiveDispatcher live, BatchEngine engine, CancellationToken cancellationToken)
    {
        try
        {
            // Calls under way are paid for, and so are batches whose create call is: whatever ends the sweep, all of it is waited for.
            await _ledger.KeepLeaseWhileAsync(TaskGroup.RunAsync(
                token => StepsAsync(runs, batches, live, engine, token),
                [token => CarryAsync(engine, token), WatchMemoryAsync],
                cancellationToken)).ConfigureAwait(false);
            return runs.All(r => !r.IsPending) ? runs.All(r => r.Summary!.Failed == 0) ? SweepState.Done : SweepState.Incomplete
                : runs.Any(r => r.WaitsFor.Any(row => !_unsent.IsStuck(row))) ? SweepState.Pending : SweepState.Incomplete;
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            await SaveWhatIsThereAsync(runs, isAfterError: false).ConfigureAwait(false);
            return SweepState.Interrupted;
        }
        catch
        {
            await SaveWhatIsThereAsync(runs, isAfterError: true).ConfigureAwait(false);
            throw;
        }
    }

    /// <summary>Deletes what closed batches have left at the provider. Everything is written by then: a stop only leaves that to the next command.</summary>
    private async Task DeleteFilesAsync(BatchEngine engine, SweepState state, CancellationToken cancellationToken)
    {
        try
        {
            if (state != SweepState.Interrupted)
            {
                await engine.DeleteFilesAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            _observe(new Remark("files of closed batches are still at the provider: the next command deletes them"));
        }
    }

    /// <summary>Carries batches until cancelled, or until an account meets an error.</summary>
    private async Task CarryAsync(BatchEngine engine, CancellationToken cancellationToken)
    {
        try
        {
            await engine.RunAsync(submit: Sends, cancellationToken).ConfigureAwait(false);
        }
        catch (SluiceException error) when (cancellationToken.IsCancellationRequested)
        {
            // The sweep has ended, and only calls under way were waited for: the next command meets the same error, if it stays.
            _observe(new Remark($"{error.Message}; {error.Hint}"));
        }
    }

    private Task WatchMemoryAsync(CancellationToken cancellationToken) => Sends && _intake != Intake.Open ? _intake.RunAsync(cancellationToken) : Task.CompletedTask;

    private async Task StepsAsync(List<ExperimentRun> runs, BatchDispatcher batches, LiveDispatcher live, BatchEngine engine, CancellationToken cancellationToken)
    {
        var none = new NoDispatcher(_ledger);
        var schedule = new ReplaySchedule(_ledger, _unsent, Sends, _time);
        if (_options.Mode == SweepMode.Retrieve)
        {
            await engine.LookedAtAllAsync(cancellationToken).ConfigureAwait(false);
        }

        var first = true;
        var due = runs;
        while (due.Count > 0)
        {
            foreach (var run in due)
            {
                if (Sends)
                {
                    await _budgets.BeginReplayAsync(run, _options.RetryFailed && first, cancellationToken).ConfigureAwait(false);
                }
                else
                {
                    run.Tally.BeginReplay(_options.RetryFailed && first, null);
                }
            }

            _unsent.Decide();
            engine.Notify();

            await ReplayAllAsync(due, batches, live, none, cancellationToken).ConfigureAwait(false);
            await batches.FlushAsync(cancellationToken).ConfigureAwait(false);
            // Only now the last requests are claimed, or found to be another's.
            due.ForEach(NoteWaits);
            _unsent.Tell();
            engine.Notify();
            _manifest.Write(runs);
            if (first && _options.Mode == SweepMode.Submit)
            {
                await SubmittedAsync(engine, runs, cancellationToken).ConfigureAwait(false);
                return;
            }

            first = false;
            due = _options.Mode == SweepMode.Retrieve ? [] : await NextDueAsync(schedule, runs, engine, cancellationToken).ConfigureAwait(false);
        }

        if (!Sends)
        {
            KeyCheck.RequireCollected(runs, engine, _missingKey);
        }
    }

    private async Task ReplayAllAsync(List<ExperimentRun> runs, BatchDispatcher batches, LiveDispatcher live, NoDispatcher none, CancellationToken cancellationToken)
    {
        // Live experiments wait for answers, so several run side by side; batch experiments only compute, one after the other.
        var liveRuns = runs.Where(r => Sends && !r.Plan.Experiment.BatchMode).ToList();
        using var places = new SemaphoreSlim(MaxLiveExperiments);
        await TaskGroup.RunAsync([.. liveRuns.Select<ExperimentRun, Func<CancellationToken, Task>>(run => token => ReplayLiveAsync(run, token)), ReplayBatchesAsync], cancellationToken).ConfigureAwait(false);

        async Task ReplayLiveAsync(ExperimentRun run, CancellationToken token)
        {
            await places.WaitAsync(token).ConfigureAwait(false);
            try
            {
                await ReplayAsync(run, live, token).ConfigureAwait(false);
            }
            finally
            {
                places.Release();
            }
        }

        async Task ReplayBatchesAsync(CancellationToken token)
        {
            var batchRuns = InModelOrder(runs.Except(liveRuns).ToList());
            var users = batchRuns.SelectMany(r => r.Routes).CountBy(r => r).ToDictionary();
            foreach (var run in batchRuns)
            {
                await ReplayAsync(run, Sends ? batches : none, token).ConfigureAwait(false);
                foreach (var route in run.Routes.Where(r => --users[r] == 0))
                {
                    // Nobody else asks this model now: its batches travel while the other experiments are replayed.
                    await batches.FlushAsync(route, token).ConfigureAwait(false);
                }
            }
        }
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
        using var before = run.Files.OpenFinished(run.Plan);
        var replay = new Replay(
            run.Plan, dispatcher is NoDispatcher ? _store : _cache, _losses.Over(run, dispatcher), run.Tally, dispatcher is NoDispatcher ? null : run.Trail, before: before);
        ReplaySummary summary = null!;
        await TaskGroup.RunAsync(
            async token => summary = await replay.RunAsync(results.Stream, n => _observe(new ReplayProgress(run.Plan, n)), token).ConfigureAwait(false),
            // What is not kept cannot be shown before the end.
            dispatcher is LiveDispatcher && run.Plan.Caching.Write ? [token => SnapshotsAsync(run, token)] : [],
            cancellationToken).ConfigureAwait(false);
        results.Commit();
        run.Files.WriteSummary(summary);
        run.Summary = summary;
        _losses.Replayed(run);
        NoteWaits(run);
        run.ReplayTime = _time.GetElapsedTime(began);
        // After an interrupted first replay the answers of this command's own live calls are hits too.
        run.FirstHits ??= dispatcher is NoDispatcher ? summary.Hits - run.Tally.Answered : summary.Hits;
        _observe(new ExperimentReplayed(summary));
        if (summary.Kept > 0 && !Sends)
        {
            _observe(new Remark($"`{run.Plan.Experiment.Name}`: {summary.Kept} finished results stay as they are, although the cache no longer has their answers; `sluice adopt --results {_options.Name}` takes them in again"));
        }

        if (summary.Samples == 0)
        {
            _observe(new Remark($"`{run.Plan.Experiment.Name}` has no samples: {run.Plan.Experiment.Dataset.Path} is empty, or `offset` is beyond its end"));
        }
    }

    /// <summary>Takes note of the batches that an experiment waits for, whoever has made them.</summary>
    private void NoteWaits(ExperimentRun run)
    {
        if (Sends)
        {
            _unsent.Replayed(run);
            var most = run.Tally.Terms.MaxAttempts;
            List<long> rows;
            lock (_allowed)
            {
                rows = [.. run.WaitsFor.Where(row => _allowed.Add((row, most)))];
            }

            _ledger.AllowTries(rows, most);
        }
    }

    /// <summary>While a live replay is under way, writes the answered part of the results now and then; ended before the replay writes its own.</summary>
    private async Task SnapshotsAsync(ExperimentRun run, CancellationToken cancellationToken)
    {
        var none = new NoDispatcher(_ledger);
        while (true)
        {
            await Task.Delay(SnapshotInterval, _time, cancellationToken).ConfigureAwait(false);
            try
            {
                using var results = run.Files.BeginResults();
                using var before = run.Files.OpenFinished(run.Plan);
                await new Replay(run.Plan, _store, none, new DispatchTally(), before: before).RunAsync(results.Stream, null, cancellationToken).ConfigureAwait(false);
                cancellationToken.ThrowIfCancellationRequested();
                results.Commit();
            }
            catch (Exception error) when (error is SluiceException or IOException or UnauthorizedAccessException)
            {
                // The calls go on: their answers are in the cache, and the results are written at the end.
                _observe(new Remark($"the results of `{run.Plan.Experiment.Name}` cannot be written yet ({error.Message}); trying again in {Wait.Text(SnapshotInterval)}"));
            }
        }
    }

    /// <summary>Waits until replays would see more, and says of which experiments. None when nothing more will come.</summary>
    private async Task<List<ExperimentRun>> NextDueAsync(ReplaySchedule schedule, List<ExperimentRun> runs, BatchEngine engine, CancellationToken cancellationToken)
    {
        for (var ticked = false; ; ticked = true)
        {
            var began = _time.GetTimestamp();
            _unsent.LookAtOthers();
            if (schedule.Due(runs, looksAtLive: ticked) is { } due)
            {
                return due;
            }

            KeyCheck.RequireReachable(runs, engine, _missingKey);
            _manifest.WriteIfNew(runs);
            using var tick = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            tick.CancelAfter(TimeSpan.FromSeconds(1));
            var looked = _time.GetElapsedTime(began);
            await NextSettledAsync(engine, tick.Token).ConfigureAwait(false);
            cancellationToken.ThrowIfCancellationRequested();
            // A look takes as long as there are batches: one look for each that settles would make the time grow with the square of their number.
            if (looked > TimeSpan.FromMilliseconds(5))
            {
                await Task.Delay(looked * 10 < MostBetweenLooks ? looked * 10 : MostBetweenLooks, _time, cancellationToken).ConfigureAwait(false);
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
    private async Task SubmittedAsync(BatchEngine engine, List<ExperimentRun> runs, CancellationToken cancellationToken)
    {
        // What belongs to another key or address is not sent by this process.
        while (_ledger.OpenAccounts().Except(engine.LeftAlone.Select(i => i.Account)).Any(IsToSubmit))
        {
            engine.Notify();
            _manifest.WriteIfNew(runs);
            await Task.Delay(TimeSpan.FromMilliseconds(50), _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Tells whether an account has something that this process can send without people: one with a doubt that only they can settle sends nothing.</summary>
    private bool IsToSubmit(string account)
    {
        var inDoubt = _ledger.InDoubt(account);
        return !inDoubt.Any(i => i.State == IntentState.NeedsHuman)
            && (inDoubt.Any(i => _ledger.TryOwn(i) is not null) || _ledger.TryOwnUnsent(account, _ledger.ModelsToSend(account)) is not null);
    }

    /// <summary>After an interruption or an error: a last replay from the cache, so that finished samples are on disk. Within two seconds.</summary>
    private async Task SaveWhatIsThereAsync(List<ExperimentRun> runs, bool isAfterError)
    {
        using var limit = new CancellationTokenSource(TimeSpan.FromSeconds(2), _time);
        var none = new NoDispatcher(_ledger);
        try
        {
            foreach (var run in runs.Where(r => r.IsPending))
            {
                try
                {
                    await ReplayAsync(run, none, limit.Token).ConfigureAwait(false);
                }
                catch (Exception error) when (isAfterError && error is (SluiceException or IOException or UnauthorizedAccessException))
                {
                    // It is this experiment that has the error, or it has it too: the command ends with the first one.
                }
            }
        }
        catch (OperationCanceledException)
        {
            _observe(new Remark("some results are not written yet; the answers are in the cache, and the next run writes them"));
        }
    }
}

/// <summary>Gives back what the runs of a command hold.</summary>
internal readonly record struct Trails(IReadOnlyList<ExperimentRun> Runs) : IDisposable
{
    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var run in Runs)
        {
            run.Dispose();
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
