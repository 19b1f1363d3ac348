using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Ledger;

/// <content>Claims and failures of single requests.</content>
public sealed partial class LedgerStore
{
    /// <summary>Claims requests for an intent; each request is claimed by at most one intent at a time, over all processes.</summary>
    /// <param name="intent">The intent that will send them.</param>
    /// <param name="keys">The requests.</param>
    /// <param name="claimed">Receives, per request, 0 when it is now ours, else who has it: the row of an intent, a live call (see <see cref="RequestStanding.IsLive"/>), or <see cref="RequestStanding.FailedForGood"/>.</param>
    /// <param name="retryFailed">Whether requests that failed permanently before this command began are claimed too.</param>
    public void Claim(Intent intent, ReadOnlySpan<RequestKey> keys, Span<long> claimed, bool retryFailed)
    {
        ArgumentNullException.ThrowIfNull(intent);
        var all = keys.ToArray();
        Write("claim", durable: false, () =>
        {
            RequireOwn(intent);
            return Claim(intent, all, retryFailed);
        }).CopyTo(claimed);
        // Another process has recorded a failure: from now on only the ledger knows, and it has to be asked.
        HasHistory |= claimed.Contains(RequestStanding.FailedForGood);
    }

    /// <summary>Tells which of some requests an intent claims.</summary>
    /// <param name="intent">The intent.</param>
    /// <param name="count">How many requests.</param>
    /// <param name="key">Gives the request of a place.</param>
    public bool[] Claimed(Intent intent, int count, Func<int, RequestKey> key)
    {
        ArgumentNullException.ThrowIfNull(intent);
        ArgumentNullException.ThrowIfNull(key);
        var claimed = new bool[count];
        return Look(() =>
        {
            for (var i = 0; i < count; i++)
            {
                claimed[i] = _claims.Find(key(i).Slot) == intent.Row;
            }

            return claimed;
        });
    }

    /// <summary>Forgets failures whose requests have been answered after all; those that an intent tries again are left to it.</summary>
    public void ForgetFailures(IEnumerable<RequestKey> keys)
    {
        ArgumentNullException.ThrowIfNull(keys);
        Write("late-answers", durable: false, () => keys.Sum(key => Sql("DELETE FROM failures WHERE key=?1 AND intent=0").Bind(1, key).Run()));
    }

    /// <summary>Gives back claims of an intent: the requests are as if they had never been claimed.</summary>
    public void Release(Intent intent, IEnumerable<RequestKey> keys)
    {
        ArgumentNullException.ThrowIfNull(intent);
        ArgumentNullException.ThrowIfNull(keys);
        Write("release", durable: false, () =>
        {
            foreach (var key in keys)
            {
                if (_claims.Remove(key.Slot, intent.Row))
                {
                    Sql("UPDATE failures SET intent=0 WHERE key=?1 AND intent=?2").Bind(1, key).Bind(2, intent.Row).Run();
                }
            }

            return 0;
        });
    }

    /// <summary>Records failed tries of an intent's requests and returns how many of them were still claimed by it.</summary>
    /// <remarks>Idempotent: a try is counted once however often its result file is read.</remarks>
    public int RecordFailedTries(Intent intent, IReadOnlyList<FailedTry> tries)
    {
        ArgumentNullException.ThrowIfNull(intent);
        ArgumentNullException.ThrowIfNull(tries);
        HasHistory = true;
        return Write("failed-tries", durable: false, () =>
        {
            RequireOwn(intent);
            var changed = 0;
            foreach (var failed in tries)
            {
                if (_claims.Remove(failed.Key.Slot, intent.Row))
                {
                    changed++;
                    Sql("""
                        INSERT INTO failures(key, intent, attempts, final, error, at) VALUES(?1, 0, ?5, ?3 OR ?5>=?4, ?2, ?6)
                        ON CONFLICT(key) DO UPDATE SET intent=0, attempts=attempts+?5, final=?3 OR attempts+?5>=?4, error=?2, at=?6
                        """).Bind(1, failed.Key).Bind(2, failed.Error).Bind(3, failed.IsFinal ? 1 : 0).Bind(4, intent.Terms.MaxAttempts).Bind(5, failed.Counts ? 1 : 0).Bind(6, FailedAt()).Run();
                }
            }

            return changed;
        });
    }

    /// <summary>Records that a request failed for good without having been claimed; one that is on its way elsewhere is left to that.</summary>
    public void RecordFailure(RequestKey key, string error, int attempts)
    {
        HasHistory = true;
        Write("failure", durable: false, () => RecordFailureRow(key, error, attempts));
    }

    /// <summary>Returns what tokens cost in bytes for a model, as far as its earlier responses tell.</summary>
    public ModelUsage UsageOf(string model) => Look(() =>
    {
        var find = Sql("SELECT request_bytes, input_tokens, output_tokens, responses FROM model_usage WHERE model=?1").Bind(1, model);
        var usage = find.Step() ? new ModelUsage(find.Integer(0), find.Integer(1), find.Integer(2), find.Integer(3)) : default;
        find.Reset();
        return usage;
    });

    /// <summary>Adds to what is known about a model's usage.</summary>
    public void AddUsage(string model, ModelUsage usage) => Write("usage", durable: false, () => AddUsageRow(model, usage));

    private int RecordFailureRow(RequestKey key, string error, int attempts) =>
        Sql("INSERT INTO failures(key, intent, attempts, final, error, at) VALUES(?1, 0, ?2, 1, ?3, ?4) ON CONFLICT(key) DO UPDATE SET attempts=?2, final=1, error=?3, at=?4 WHERE intent=0")
            .Bind(1, key).Bind(2, attempts).Bind(3, error).Bind(4, FailedAt()).Run();

    private int AddUsageRow(string model, ModelUsage usage) =>
        Sql("INSERT INTO model_usage(model, request_bytes, input_tokens, output_tokens, responses) VALUES(?1, ?2, ?3, ?4, ?5) ON CONFLICT(model) DO UPDATE SET request_bytes=request_bytes+?2, input_tokens=input_tokens+?3, output_tokens=output_tokens+?4, responses=responses+?5")
            .Bind(1, model).Bind(2, usage.RequestBytes).Bind(3, usage.InputTokens).Bind(4, usage.OutputTokens).Bind(5, usage.Responses).Run();

    private long[] Claim(Intent intent, RequestKey[] keys, bool retryFailed)
    {
        var claimed = new long[keys.Length];
        var order = new int[keys.Length];
        SlotOrder.Sort(Array.ConvertAll(keys, static k => k.Slot), order);
        var looksForFailures = Number("SELECT EXISTS(SELECT 1 FROM failures)", static s => s) != 0;
        foreach (var i in order)
        {
            claimed[i] = looksForFailures && FailedForGood(keys[i], retryFailed) ? RequestStanding.FailedForGood : Claim(intent.Row, keys[i], retryFailed);
            if (looksForFailures && claimed[i] == 0)
            {
                // A failure sent again on purpose starts counting its tries anew.
                Sql("UPDATE failures SET intent=?2, attempts=CASE WHEN final THEN 0 ELSE attempts END, final=0 WHERE key=?1").Bind(1, keys[i]).Bind(2, intent.Row).Run();
            }
        }

        _claims.FoldWhenLarge(OpenRequests);
        return claimed;
    }

    /// <summary>Returns 0 when the request is now the claimant's, else who has it, as <see cref="Claim(Intent, ReadOnlySpan{RequestKey}, Span{long}, bool)"/> says.</summary>
    private long Claim(long claimant, RequestKey key, bool retryFailed)
    {
        if (_claims.TryAdd(key.Slot, claimant) is not { } holder)
        {
            return 0;
        }

        if (IsRefused(holder))
        {
            if (!retryFailed || IsRefusedHere(holder))
            {
                return RequestStanding.FailedForGood;
            }
        }
        else if (!RequestStanding.IsLive(holder) || IsAlive(holder))
        {
            return holder;
        }

        _claims.Replace(key.Slot, claimant);
        return 0;
    }

    private bool IsRefused(long intentRow) => Number("SELECT state FROM intents WHERE row=?1", s => s.Bind(1, intentRow)) == (long)IntentState.Refused;

    private bool IsRefusedHere(long intentRow) => Number("SELECT refused_at FROM intents WHERE row=?1", s => s.Bind(1, intentRow)) > _began;

    private long OpenRequests() => Number("SELECT sum(count) FROM intents WHERE " + IsOpen, static s => s);

    /// <summary>Tells whether a request has failed permanently; where failed requests are sent again, only what has failed since this command began counts.</summary>
    private bool FailedForGood(RequestKey key, bool retryFailed) =>
        Number("SELECT 1 FROM failures WHERE key=?1 AND final AND at>?2", s => s.Bind(1, key).Bind(2, retryFailed ? _began : -1)) == 1;
}

/// <summary>Sums over earlier responses of a model, from which the size of future ones is estimated.</summary>
/// <param name="RequestBytes">Bytes of request bodies.</param>
/// <param name="InputTokens">Input tokens of their responses.</param>
/// <param name="OutputTokens">Output tokens of their responses.</param>
/// <param name="Responses">How many responses.</param>
public readonly record struct ModelUsage(long RequestBytes, long InputTokens, long OutputTokens, long Responses);
