using Sluice.Ledger;

namespace Sluice.Sweeps;

/// <summary>Says which experiments to replay when: not before a replay would see more, and not much more often than that is worth.</summary>
/// <remarks>
/// An experiment is replayed as soon as everything it waits for has come. One that still waits is replayed, with its like, only when that
/// takes less than a tenth of the time.
/// </remarks>
/// <param name="ledger">Tells what is still open, in whatever process.</param>
/// <param name="unsent">Tells which of that nobody sends for now.</param>
/// <param name="sends">Whether this command sends what was never sent: by itself that does not come in.</param>
/// <param name="time">The clock.</param>
internal sealed class ReplaySchedule(LedgerStore ledger, UnsentBatches unsent, bool sends, TimeProvider time)
{
    private long _partlyReplayed = time.GetTimestamp();

    /// <summary>Returns the experiments to replay now, none when nothing more will come, or null when it is time to wait.</summary>
    /// <param name="runs">All experiments.</param>
    /// <param name="looksAtLive">Whether other processes' live calls may have ended: they take seconds, and only a replay tells.</param>
    public List<ExperimentRun>? Due(List<ExperimentRun> runs, bool looksAtLive)
    {
        var pending = runs.Where(r => r.IsPending).ToList();
        var open = ledger.OpenStates();
        pending.ForEach(r => r.SettleFinished(row => open.ContainsKey(row) || (RequestStanding.IsLive(row) && !looksAtLive)));
        var waiting = pending.Where(r => r.WaitsFor.Any(row => !unsent.IsStuck(row) && (sends || RequestStanding.IsLive(row) || open[row] == IntentState.Submitted))).ToHashSet();
        var ripe = pending.Where(r => r.IsRipe).ToList();
        var ready = ripe.Where(r => !waiting.Contains(r)).ToList();
        if (ready.Count > 0 || waiting.Count == 0)
        {
            return ready;
        }

        if (ripe.Count == 0 || time.GetElapsedTime(_partlyReplayed) < ripe.Aggregate(TimeSpan.Zero, (sum, r) => sum + r.ReplayTime) * 10)
        {
            return null;
        }

        _partlyReplayed = time.GetTimestamp();
        return ripe;
    }
}
