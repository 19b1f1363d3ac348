using Sluice.Requests;

namespace Sluice.Dispatch;

/// <summary>Sends nothing: a replay from the cache alone, for results on disk while others are still awaited.</summary>
public sealed class NoDispatcher(Ledger.LedgerStore? ledger) : IDispatcher
{
    /// <inheritdoc/>
    public ValueTask<DispatchResult> DispatchAsync(Request request, DispatchTally tally, CancellationToken cancellationToken = default)
    {
        var standing = ledger?.Find(request) ?? default;
        if (standing.Standing == Ledger.Standing.InFlight)
        {
            tally.WaitFor(standing.Holder);
        }

        return ValueTask.FromResult(standing.Standing == Ledger.Standing.Failed ? DispatchResult.Failed(standing.Error!) : DispatchResult.Pending);
    }
}
