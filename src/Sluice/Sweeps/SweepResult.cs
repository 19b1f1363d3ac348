using Sluice.Experiments;
using Sluice.Experiments.Replaying;
using Sluice.Ledger;
using Sluice.Requests;

namespace Sluice.Sweeps;

/// <summary>How a command about a sweep ended.</summary>
public enum SweepState
{
    /// <summary>Every sample of every experiment is done.</summary>
    Done,

    /// <summary>Nothing is on its way any more, but some samples failed or were held back.</summary>
    Incomplete,

    /// <summary>Answers are still on their way.</summary>
    Pending,

    /// <summary>The user stopped it; the same command goes on.</summary>
    Interrupted,

    /// <summary>An error ended it; what was answered before is kept.</summary>
    Broken,
}

/// <summary>What came of a sweep.</summary>
public sealed record SweepResult
{
    /// <summary>Gets the sweep's name.</summary>
    public required string Name { get; init; }

    /// <summary>Gets the folder of its results.</summary>
    public required string Folder { get; init; }

    /// <summary>Gets how it ended.</summary>
    public required SweepState State { get; init; }

    /// <summary>Gets the experiments, in order.</summary>
    public required IReadOnlyList<ExperimentResult> Experiments { get; init; }

    /// <summary>Gets the batches of the workspace that are not done.</summary>
    public IReadOnlyList<Intent> OpenBatches { get; init; } = [];

    /// <summary>Gets how many of them are at a provider.</summary>
    public int BatchesUnderWay => OpenBatches.Count(i => i.State == IntentState.Submitted);

    /// <summary>Gets tokens of the answers that came in during the command.</summary>
    public TokenUsage SpentTokens { get; init; }

    /// <summary>Gets what the answers cost that came in during the command; null when a price is not known.</summary>
    public double? SpentUsd { get; init; }

    /// <summary>Gets how many live calls ended without a known outcome, and what they may have cost beside; null when a price is not known.</summary>
    public (long Calls, double? Usd) Unknown { get; init; }
}

/// <summary>What came of an experiment.</summary>
/// <param name="Plan">The experiment.</param>
/// <param name="Summary">The last replay; null when there was none, because the command was stopped first.</param>
/// <param name="Cached">Requests that the cache answered at first sight.</param>
/// <param name="Sent">Requests sent during the command because this experiment asked first.</param>
/// <param name="Held">Requests held back by the budget.</param>
public sealed record ExperimentResult(ExperimentPlan Plan, ReplaySummary? Summary, long Cached, long Sent, long Held)
{
    /// <summary>Gets the requests that were not sent, because the first ones of their step all failed in the same way.</summary>
    public long Stopped { get; init; }

    /// <summary>Gets how many answers came in after the first replay that another experiment, or an earlier command, had asked for.</summary>
    public long Joined => Math.Max(0, (Summary?.Steps.Sum(s => s.Answered) ?? 0) - Cached - Sent);
}
