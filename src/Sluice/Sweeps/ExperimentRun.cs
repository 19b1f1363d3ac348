using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Experiments;
using Sluice.Experiments.Replaying;
using Sluice.Ledger;
using Sluice.Requests;
using Sluice.Results;

namespace Sluice.Sweeps;

/// <summary>An experiment during a command: its last replay and what it waits for.</summary>
internal sealed class ExperimentRun(ExperimentPlan plan, string sweepFolder) : IDisposable
{
    /// <summary>Gets the experiment.</summary>
    public ExperimentPlan Plan { get; private set; } = plan;

    /// <summary>Gets what its replays have asked.</summary>
    public ReplayTrail Trail { get; } = new(plan);

    /// <summary>Gets the experiment's files.</summary>
    public ExperimentFiles Files { get; } = new(Path.Combine(sweepFolder, plan.Experiment.Name));

    /// <summary>Gets what was dispatched for it and what it waits for.</summary>
    public DispatchTally Tally { get; } = TallyOf(plan.Experiment);

    /// <summary>Gets or sets what its answers and what was in flight cost when the command first looked; null before, or without a price.</summary>
    public double? FirstUsd { get; set; }

    /// <summary>Gets or sets what the requests were estimated to cost that this command has sent for it, under a budget.</summary>
    public double SentUsd { get; set; }

    /// <summary>Gets or sets the last replay.</summary>
    public ReplaySummary? Summary { get; set; }

    /// <summary>Gets or sets the requests that the cache answered in the first replay.</summary>
    public long? FirstHits { get; set; }

    /// <summary>Gets or sets how long the last replay took.</summary>
    public TimeSpan ReplayTime { get; set; }

    /// <summary>Gets the models that its steps ask.</summary>
    public IEnumerable<Route> Routes => Plan.Steps.Select(s => s.Route).Distinct();

    /// <summary>Gets whether samples still lack answers.</summary>
    public bool IsPending => Summary is null || Summary.Pending > 0;

    /// <summary>Gets the intents that it waits for: none once every sample has its answers, even where an intent that gave them is still being settled.</summary>
    public IReadOnlyList<long> WaitsFor => IsPending ? Tally.WaitingFor() : [];

    /// <summary>Gets or sets whether the cache was seen to have the answers that the finished results rest on.</summary>
    public bool IsWhole { get; set; }

    /// <summary>Sets what <c>now</c> is in its templates, before the first replay.</summary>
    public void FixNow(DateTimeOffset? now) => Plan = Plan.At(now);

    /// <inheritdoc/>
    public void Dispose() => Trail.Dispose();

    /// <summary>Takes note of intents that have settled since the last look, in whatever process.</summary>
    /// <param name="isOpen">Tells which have not.</param>
    public void SettleFinished(Func<long, bool> isOpen)
    {
        foreach (var row in Tally.WaitingFor())
        {
            if (!isOpen(row))
            {
                IsRipe |= Tally.Settle(row);
            }
        }
    }

    /// <summary>Gets or sets whether another replay would see more.</summary>
    public bool IsRipe { get; set; } = true;

    private static DispatchTally TallyOf(Experiment experiment)
    {
        var batch = experiment.Batch;
        return new DispatchTally
        {
            Terms = BatchTerms.Of(batch.LostAfterSeconds is { } seconds ? TimeSpan.FromSeconds(seconds) : null, batch.DeleteFiles, batch.MaxAttempts),
            BatchSize = new BatchDispatchOptions(batch.MaxRequests, batch.MaxBytes),
            Live = experiment.Live,
        };
    }
}
