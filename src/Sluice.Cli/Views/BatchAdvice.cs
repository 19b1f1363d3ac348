using Sluice.Ledger;
using Sluice.Sweeps;

namespace Sluice.Cli.Views;

/// <summary>Says what makes batches go on that are not done yet. Whole lines: they hold commands to copy.</summary>
internal static class BatchAdvice
{
    /// <summary>Says it after a command that has left some.</summary>
    public static void Give(SweepResult result)
    {
        var doubts = result.OpenBatches.Where(i => i.State == IntentState.NeedsHuman).ToList();
        foreach (var doubt in doubts)
        {
            Terminal.Line($"batch {doubt.Id} needs a decision: {doubt.Note}");
        }

        foreach (var stuck in result.OpenBatches.Where(i => i.State == IntentState.Submitted && i.TroubleSince is not null).Take(5))
        {
            Terminal.Line($"batch {stuck.BatchId}: {stuck.Note}; `sluice status` says since when, and how it is given up");
        }

        if (result.OpenBatches.Count(i => i.State is IntentState.Sealed or IntentState.Uploaded) is > 0 and var waiting)
        {
            Terminal.Hint($"`sluice run` or `sluice submit` sends {Numbers.Of(waiting, "batch")} that {(waiting == 1 ? "waits" : "wait")}{(doubts.Count > 0 ? ", once that is decided" : "")}");
        }

        if (result.OpenBatches.Count(i => i.State is IntentState.Creating or IntentState.Unknown) is > 0 and var unknown)
        {
            Terminal.Hint($"`sluice run` or `sluice submit` looks for {Numbers.Of(unknown, "batch")} of which it is not known whether the provider has it");
        }

        if (result.BatchesUnderWay > 0 || result.OpenBatches.Count == 0)
        {
            Terminal.Hint($"collect them with `sluice retrieve --wait --sweep {result.Name}`, or run the same configs again");
        }
    }
}
