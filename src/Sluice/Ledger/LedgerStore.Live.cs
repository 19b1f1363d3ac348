using Sluice.Requests;

namespace Sluice.Ledger;

/// <content>Live calls under way: one per request over all processes.</content>
public sealed partial class LedgerStore
{
    /// <summary>Claims a request for a live call of this process, before the call is made.</summary>
    /// <returns>0 when it is now ours, else who has it: see <see cref="Claim(Intent, ReadOnlySpan{RequestKey}, Span{long}, bool)"/>.</returns>
    public long ClaimLive(RequestKey key, bool retryFailed) => Write("live-claim", durable: false, () =>
    {
        // In the same transaction: another process's call may have failed since the caller looked.
        var holder = FailedForGood(key, retryFailed) ? RequestStanding.FailedForGood : Claim(LiveHolder(HoldLease()), key, retryFailed);
        if (holder == 0)
        {
            _liveClaims++;
        }

        return holder;
    });

    /// <summary>Tells whether a holder is a live call of this very process.</summary>
    public bool IsOwnLive(long holder) => holder == LiveHolder(Volatile.Read(ref _lease));

    /// <summary>Ends a live call that was answered, once the answer is in the cache.</summary>
    public void EndLive(RequestKey key, string model, ModelUsage usage) => Write("live-answered", durable: false, () =>
    {
        Unclaim(key);
        Sql("DELETE FROM failures WHERE key=?1 AND intent=0").Bind(1, key).Run();
        return AddUsageRow(model, usage);
    });

    /// <summary>Ends a live call whose request has failed for good.</summary>
    public void EndLive(RequestKey key, string error, int attempts)
    {
        HasHistory = true;
        Write("live-failed", durable: false, () =>
        {
            Unclaim(key);
            return RecordFailureRow(key, error, attempts);
        });
    }

    /// <summary>Ends a live call that was not made.</summary>
    public void EndLive(RequestKey key) => Write("live-dropped", durable: false, () => Unclaim(key));

    // A process that stood still for longer than its lease has lost the claim: then it is another's, and stays.
    private bool Unclaim(RequestKey key)
    {
        _liveClaims--;
        return _claims.Remove(key.Slot, LiveHolder(_lease));
    }
}
