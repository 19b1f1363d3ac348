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
    /// <param name="key">The request.</param>
    /// <param name="model">Its model.</param>
    /// <param name="usage">What the answer tells about the model.</param>
    /// <param name="isKept">Whether the answer was stored to stay: then a cache that is empty later has lost it.</param>
    public void EndLive(RequestKey key, string model, ModelUsage usage, bool isKept) => Write("live-answered", durable: false, () =>
    {
        Unclaim(key);
        Sql("DELETE FROM failures WHERE key=?1 AND intent=0").Bind(1, key).Run();
        AddUsageRow(model, usage);
        return isKept ? Sql("UPDATE model_usage SET kept=kept+1, kept_at=max(kept_at, ?2) WHERE model=?1").Bind(1, model).Bind(2, Now()).Run() : 0;
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
