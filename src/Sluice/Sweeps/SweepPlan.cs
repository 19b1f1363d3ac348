using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Experiments;
using Sluice.Experiments.Replaying;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Sweeps;

/// <summary>What a run would send and what it would cost.</summary>
/// <param name="Experiments">By experiment.</param>
/// <param name="Batches">How many batches would be made.</param>
public sealed record SweepPlan(IReadOnlyList<ExperimentForecast> Experiments, int Batches)
{
    /// <summary>Looks at a whole sweep without sending anything.</summary>
    /// <param name="plans">The experiments.</param>
    /// <param name="sweep">The sweep's name: a sweep that has begun has its own <c>now</c>.</param>
    /// <param name="workspace">Where earlier runs have left their configs.</param>
    /// <param name="providers">How accounts are reached.</param>
    /// <param name="cache">The cache.</param>
    /// <param name="ledger">The ledger, or null when there is none yet.</param>
    /// <param name="retryFailed">Whether requests that failed for good would be sent again.</param>
    /// <param name="observe">Told how far it has come, now and then, and what people should know.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public static async Task<SweepPlan> MakeAsync(
        IReadOnlyList<ExperimentPlan> plans, string sweep, Workspace workspace, ProviderRegistry providers, IResponseCache cache, LedgerStore? ledger, bool retryFailed, Action<DispatchEvent> observe,
        CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(observe);
        plans = LegacyKeyRule.Apply(plans, ledger, providers, workspace.RunsFolder, records: false, text => observe(new Remark(text)));
        plans = [.. plans.Select(p => p.At(SweepManifest.NowIn(workspace.SweepFolder(sweep), p.Now)))];
        var unsent = ledger?.Open().Where(i => i.State is IntentState.Sealed or IntentState.Uploaded).Select(i => i.Row).ToHashSet();
        using var dispatcher = new PlanDispatcher(ledger, retryFailed, unsent);
        var forecasts = new List<ExperimentForecast>();
        foreach (var plan in plans)
        {
            forecasts.Add(await ForecastAsync(plan, cache, dispatcher, n => observe(new ReplayProgress(plan, n)), cancellationToken).ConfigureAwait(false));
        }

        return new SweepPlan(forecasts, dispatcher.Batches);
    }

    /// <summary>Looks at one experiment alone, for its budget.</summary>
    internal static async Task<ExperimentForecast> MakeOneAsync(ExperimentPlan plan, IResponseCache cache, LedgerStore ledger, bool retryFailed, ReplayTrail trail, IEnumerable<long> unsent, CancellationToken cancellationToken)
    {
        using var dispatcher = new PlanDispatcher(ledger, retryFailed, unsent.ToHashSet());
        using var looking = trail.Looking();
        return await ForecastAsync(plan, cache, dispatcher, null, cancellationToken, looking).ConfigureAwait(false);
    }

    private static async Task<ExperimentForecast> ForecastAsync(ExperimentPlan plan, IResponseCache cache, PlanDispatcher dispatcher, Action<long>? progress, CancellationToken cancellationToken, ReplayTrail? trail = null)
    {
        var tally = new DispatchTally { BatchSize = new BatchDispatchOptions(plan.Experiment.Batch.MaxRequests, plan.Experiment.Batch.MaxBytes) };
        dispatcher.PacksBatches = plan.Experiment.BatchMode;
        var summary = await new Replay(plan, cache, dispatcher, tally, trail).RunAsync(null, progress, cancellationToken).ConfigureAwait(false);
        var counts = dispatcher.CountsOf(tally);
        return new ExperimentForecast
        {
            Plan = plan,
            Samples = summary.Samples,
            Cached = summary.Hits,
            InFlight = counts.InFlight,
            ToSend = counts.New,
            Shared = counts.Shared,
            Failed = summary.Failed,
            Later = summary.Steps.Sum(s => summary.Samples - summary.Failed - s.Answered) - summary.Pending + FailedAnswers(summary),
            SkippedRecords = summary.SkippedRecords,
            Tokens = counts.NewTokens,
            BatchUsd = counts.NewCost(batch: true),
            LiveUsd = counts.NewCost(batch: false),
            AnsweredUsd = summary.CostUsd,
            InFlightUsd = counts.InFlightCost(plan.Experiment.BatchMode),
            Unsent = counts.Unsent(),
        };
    }

    /// <summary>Steps that failed samples had answered before: they are no later requests.</summary>
    private static long FailedAnswers(ReplaySummary summary) => summary.Steps.Sum(s => s.AnsweredThenFailed);
}

/// <summary>What a run would send for one experiment.</summary>
public sealed record ExperimentForecast
{
    /// <summary>Gets the experiment.</summary>
    public required ExperimentPlan Plan { get; init; }

    /// <summary>Gets samples, each epoch counted.</summary>
    public long Samples { get; init; }

    /// <summary>Gets requests that the cache answers.</summary>
    public long Cached { get; init; }

    /// <summary>Gets requests that are on their way.</summary>
    public long InFlight { get; init; }

    /// <summary>Gets requests that would be sent now.</summary>
    public long ToSend { get; init; }

    /// <summary>Gets requests that another experiment of the sweep would send.</summary>
    public long Shared { get; init; }

    /// <summary>Gets samples that failed for good.</summary>
    public long Failed { get; init; }

    /// <summary>Gets requests of later steps, which depend on answers that are not there yet; not part of any estimate.</summary>
    public long Later { get; init; }

    /// <summary>Gets records that the dataset reader left out.</summary>
    public long SkippedRecords { get; init; }

    /// <summary>Gets estimated tokens of what would be sent now.</summary>
    public TokenUsage Tokens { get; init; }

    /// <summary>Gets its estimated cost through batches; null when the price is not known.</summary>
    public double? BatchUsd { get; init; }

    /// <summary>Gets its estimated cost live; null when the price is not known.</summary>
    public double? LiveUsd { get; init; }

    /// <summary>Gets what the answers cost that are there already; null when the price is not known.</summary>
    public double? AnsweredUsd { get; init; }

    /// <summary>Gets the estimated cost of what is on its way; null when the price is not known.</summary>
    public double? InFlightUsd { get; init; }

    /// <summary>Gets, by intent, the requests of batches that an earlier command has written and not sent, and their estimated cost; part of what is on its way.</summary>
    internal IReadOnlyDictionary<long, (long Requests, double? Usd)> Unsent { get; init; } = new Dictionary<long, (long, double?)>();

    /// <summary>Gets requests that an earlier command has written into batches and not sent; part of <see cref="InFlight"/>, counted with the first experiment that asks.</summary>
    public long UnsentRequests => Unsent.Values.Sum(u => u.Requests);

    /// <summary>Gets the estimated cost of those; null when the price is not known.</summary>
    public double? UnsentUsd => Unsent.Values.Aggregate((double?)0, (sum, u) => sum + u.Usd);

    /// <summary>Gets the cost of what would be sent, in the experiment's own mode.</summary>
    public double? ToSendUsd => Plan.Experiment.BatchMode ? BatchUsd : LiveUsd;

    /// <summary>Gets what the experiment would have cost in all after sending; null when a price is not known.</summary>
    public double? TotalUsd => AnsweredUsd + InFlightUsd + ToSendUsd;
}
