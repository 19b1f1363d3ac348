using Microsoft.Data.Sqlite;
using Sluice.Storage;

namespace Sluice.Ledger;

/// <content>Which process works on what, and when another may take it over.</content>
public sealed partial class LedgerStore
{
    /// <summary>How long a process keeps what it works on without a sign of life. It gives one three times as often.</summary>
    public static readonly TimeSpan LeaseTime = TimeSpan.FromSeconds(30);

    private long _lease;
    private long _leaseUntil;
    private int _liveClaims;

    /// <summary>Gives a sign of life: this process keeps what it works on for another <see cref="LeaseTime"/>.</summary>
    /// <exception cref="SluiceException">The ledger cannot be written, or is locked for more than a minute.</exception>
    public void RenewLease() => Write("lease", durable: false, () =>
    {
        _leaseUntil = 0;
        return HoldLease();
    });

    /// <summary>Waits for work of this process and shows meanwhile that it lives: others would take its live calls for lost, and make them again.</summary>
    public async Task KeepLeaseWhileAsync(Task work)
    {
        while (!work.IsCompleted)
        {
            using var end = new CancellationTokenSource();
            await Task.WhenAny(work, Task.Delay(LeaseTime / 3, _time, end.Token)).ConfigureAwait(false);
            await end.CancelAsync().ConfigureAwait(false);
            if (!work.IsCompleted)
            {
                TryRenewLease();
            }
        }

        await work.ConfigureAwait(false);
    }

    /// <summary>Renews the lease unless the ledger cannot be written now; then the next try does.</summary>
    private void TryRenewLease()
    {
        try
        {
            RenewLease();
        }
        catch (SluiceException)
        {
            // Whoever writes next meets the same trouble and says so; what is waited for here is paid for, and goes on.
        }
    }

    /// <summary>Takes an intent over, with a new fencing token, from a process that is gone or stands still; null when another one lives and works on it, or when there is none.</summary>
    public Intent? TryOwn(Intent intent)
    {
        ArgumentNullException.ThrowIfNull(intent);
        return TryOwn(intent.Row);
    }

    /// <summary>Does the same for the intent of a row.</summary>
    public Intent? TryOwn(long row)
    {
        return Look(Find) switch
        {
            null => null,
            var mine when mine.Owner == _owner => mine,
            _ => Write("own", durable: false, () => Find() is { } free ? free.Owner == _owner ? free : Take(free) : null),
        };

        Intent? Find() => One("row=?1", s => s.Bind(1, row)) is { } now && (now.Owner == _owner || !IsAlive(now.Owner)) ? now : null;
    }

    /// <summary>Takes over an intent whose create call is in doubt, whoever works on it, because people have decided.</summary>
    /// <param name="intent">The intent.</param>
    /// <param name="evenSubmitted">Whether one whose batch is known is taken over, too.</param>
    /// <returns>The intent, or null when it is not in doubt, or its create call is still under way.</returns>
    public Intent? Overrule(Intent intent, bool evenSubmitted = false)
    {
        ArgumentNullException.ThrowIfNull(intent);
        return Write("overrule", durable: true, () =>
        {
            var now = One("row=?1", s => s.Bind(1, intent.Row));
            var settled = now is null || !(now.IsInDoubt || (evenSubmitted && now.State == IntentState.Submitted)) || (now.State == IntentState.Creating && now.Owner != _owner && IsAlive(now.Owner));
            return settled ? null : Take(now!);
        });
    }

    /// <summary>Discards what dead processes left half-spooled or undeleted, and gives up their live calls.</summary>
    /// <param name="spoolFolder">Where spools lie.</param>
    /// <returns>How many live calls were claimed when their processes died. At most so many were under way, the others waited for their turn: those may have been paid for, and their answers are lost.</returns>
    public int SweepDead(string spoolFolder)
    {
        foreach (var intent in Open().Where(i => i.State == IntentState.Spooling && i.Owner != _owner))
        {
            if (TryOwn(intent) is { } mine)
            {
                Spool.Drop(spoolFolder, mine.Id);
                Discard(mine);
            }
        }

        AtomicFile.DropLeftovers(spoolFolder, _time);
        DropSpools(spoolFolder);
        return Look(Leases).Where(lease => lease.Owner != _owner).Sum(lease => Write("bury", durable: false, () => MayCall(lease.Owner) ? 0 : Bury(lease.Row)));
    }

    /// <summary>Returns the ids of other processes on this machine that have live calls under way, but have given no sign of life for longer than
    /// <see cref="LeaseTime"/>: they stand still, or cannot write to the ledger. Their calls are waited for.</summary>
    public IReadOnlyList<string> StandingStill() => Look(() => Leases()
        .Where(l => l.Owner != _owner && MayCall(l.Owner) && !IsAlive(l.Owner) && HasCalls(l.Row))
        .Select(l => l.Owner.Split(':')[0])
        .ToList());

    /// <summary>Deletes the spools of closed intents, whose processes died before they could, and those that were never complete and belong to no intent.</summary>
    private void DropSpools(string spoolFolder)
    {
        // The files first: an intent is in the ledger before its spool is made.
        var files = Spool.In(spoolFolder).ToList();
        var open = files.Count == 0 ? [] : Open().Select(i => i.Id).ToHashSet();
        foreach (var id in files.Where(id => !open.Contains(id)))
        {
            // A complete spool without an intent is all that is left of a lost ledger.
            if (Look(() => One("id=?1", s => s.Bind(1, id))) is { } intent ? !intent.IsOpen : !Spool.IsComplete(spoolFolder, id))
            {
                Spool.Delete(spoolFolder, id);
            }
        }
    }

    /// <summary>Returns complete spools that no intent knows: they may have been sent, and their ledger is lost.</summary>
    public IReadOnlyList<string> UnknownSpools(string spoolFolder) => [.. Spool.In(spoolFolder).Where(id => Spool.IsComplete(spoolFolder, id) && !IsKnown(id))];

    /// <summary>Returns the other processes that have work of this ledger, those that stand still included: they may go on at any moment.</summary>
    public IReadOnlyList<string> OthersAtWork() => Look(() => Leases().Where(l => l.Owner != _owner && MayCall(l.Owner)).Select(l => $"process {l.Owner.Split(':')[0]}").ToList());

    /// <summary>Makes sure, inside a transaction, that others see this process as alive; returns its lease.</summary>
    private long HoldLease()
    {
        var now = Steady();
        if (_lease == 0 || _leaseUntil < now)
        {
            var time = (long)LeaseTime.TotalMilliseconds;
            _leaseUntil = now + time;
            _lease = Number(
                "INSERT INTO leases(owner, until, steady) VALUES(?1, ?2, ?3) ON CONFLICT(owner) DO UPDATE SET until=?2, steady=?3 RETURNING row",
                s => s.Bind(1, _owner).Bind(2, Now() + time).Bind(3, _leaseUntil));
        }

        return _lease;
    }

    /// <summary>Renews a lease that has run out, before anything else is written: a process that stood still says first that it is back.</summary>
    private void KeepLease()
    {
        if (_lease != 0)
        {
            HoldLease();
        }
    }

    private Intent Take(Intent intent)
    {
        // Whoever began a create call can no longer tell how it ended, and was at it until its last sign of life at least.
        var silence = Math.Max(0, -LeaseLeft(intent.Owner) ?? 0);
        HoldLease();
        Sql("UPDATE intents SET owner=?2, fence=fence+1, lost=CASE state WHEN 3 THEN ?3 ELSE lost END, state=CASE state WHEN 3 THEN 7 ELSE state END WHERE row=?1")
            .Bind(1, intent.Row).Bind(2, _owner).Bind(3, Now() - silence).Run();
        return Row(intent.Row);
    }

    /// <summary>Tells whether a process keeps its intents: it has given a sign of life lately, and has not ended. One that stands still loses them, and its fence is too low.</summary>
    private bool IsAlive(string owner) => LeaseLeft(owner) >= 0 && _isAlive(owner) != false;

    /// <summary>Tells whether live calls of a process may be under way: no fence keeps their answers from being paid for twice. Where it can be looked at,
    /// it counts that it runs, even if it stands still; elsewhere its lease.</summary>
    private bool MayCall(string owner) => LeaseLeft(owner) is { } left && (_isAlive(owner) ?? left >= 0);

    /// <summary>Returns for how many milliseconds a process's lease still holds; negative once it has run out, null when it has none.</summary>
    /// <remarks>Within one boot a clock is read that nobody sets; the time of day only for processes of another boot or machine.</remarks>
    private long? LeaseLeft(string owner)
    {
        var find = Sql("SELECT until, steady FROM leases WHERE owner=?1").Bind(1, owner);
        long? left = !find.Step() ? null
            : Owner.AreOfOneBoot(owner, _owner) && !find.IsNull(1) ? find.Integer(1) - Steady()
            : find.Integer(0) - Now();
        find.Reset();
        return left;
    }

    private bool IsAlive(long liveHolder)
    {
        var find = Sql("SELECT owner FROM leases WHERE row=?1").Bind(1, LeaseOf(liveHolder));
        var owner = find.Step() ? find.Text(0) : null;
        find.Reset();
        return owner is not null && MayCall(owner);
    }

    private static long LeaseOf(long liveHolder) => RequestStanding.FailedForGood - liveHolder;

    private static long LiveHolder(long lease) => RequestStanding.FailedForGood - lease;

    private bool HasCalls(long lease) =>
        Number("SELECT EXISTS(SELECT 1 FROM claims WHERE value=?1) OR EXISTS(SELECT 1 FROM claims_recent WHERE value=?1)", s => s.Bind(1, LiveHolder(lease))) != 0;

    private int Bury(long lease)
    {
        Sql("DELETE FROM leases WHERE row=?1").Bind(1, lease).Run();
        return _claims.RemoveAll(LiveHolder(lease));
    }

    private List<(long Row, string Owner)> Leases()
    {
        var leases = new List<(long, string)>();
        var find = Sql("SELECT row, owner FROM leases");
        while (find.Step())
        {
            leases.Add((find.Integer(0), find.Text(1)!));
        }

        find.Reset();
        return leases;
    }

    private void RequireOwn(Intent intent)
    {
        if (Number("SELECT 1 FROM intents WHERE row=?1 AND fence=?2", s => s.Bind(1, intent.Row).Bind(2, intent.Fence)) == 0)
        {
            throw new LostIntentException(intent.Id);
        }
    }

    /// <summary>Tells others that this process needs nothing any more.</summary>
    private void DropLease()
    {
        if (_lease == 0 || _liveClaims > 0)
        {
            return;
        }

        CrashPoint.Hit("ledger.drop-lease.before");
        try
        {
            Transact("PRAGMA synchronous=NORMAL; BEGIN IMMEDIATE", () => Sql("DELETE FROM leases WHERE row=?1").Bind(1, _lease).Run());
        }
        catch (SluiceException)
        {
            // Then it ends by itself: it is not renewed any more, and its process is gone.
        }
    }
}
