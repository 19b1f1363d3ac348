using Sluice.Dispatch;
using Sluice.Ledger;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Tests.Ledger;

/// <summary>Several processes at one ledger: who may write, and when another takes over.</summary>
public sealed class LeaseTests : LedgerTests
{
    private const string A = "1:1@a";
    private const string B = "1:1@b";

    private static TimeSpan Expiry => LedgerStore.LeaseTime + TimeSpan.FromSeconds(1);

    [Fact]
    public void A_process_that_stood_still_for_longer_than_its_lease_can_write_nothing_more()
    {
        LedgerStore first = Open(A);
        LedgerStore second = Open(B);
        Intent stale = first.MarkUploaded(first.Seal(Begin(first), 1, 10), "file");
        Time.Advance(Expiry);
        Intent mine = second.TryOwn(stale)!;

        Assert.All(
            (Action[])[
                () => first.Remark(stale, "late"), () => first.MarkCreating(stale), () => first.MarkSubmitted(stale, "late"), () => first.MarkUnknown(stale, "late"),
                () => first.MarkNotCreated(stale, "late"), () => first.MarkIngested(stale, default, 1, 0), () => first.MarkRefused(stale, "late"),
                () => first.RecordFailedTries(stale, [new FailedTry(Key(1), "late", IsFinal: true)]), () => Claim(first, stale, [Key(1)])],
            write => Assert.Throws<LostIntentException>(write));
        Assert.False(first.Discard(stale));
        Assert.Equal(mine, second.Get(mine.Row));
    }

    [Fact]
    public void A_lease_that_is_kept_keeps_others_away_and_one_that_is_given_back_does_not()
    {
        LedgerStore first = Open(A);
        LedgerStore second = Open(B);
        Intent intent = Begin(first);
        for (int i = 0; i < 20; i++)
        {
            Time.Advance(LedgerStore.LeaseTime - TimeSpan.FromSeconds(1));
            Assert.Null(second.TryOwn(intent));
            first.RenewLease();
        }

        first.Dispose();
        Assert.NotNull(second.TryOwn(intent));
    }

    [Fact]
    public void Whoever_takes_a_create_call_over_cannot_know_how_it_ended()
    {
        LedgerStore first = Open(A);
        LedgerStore second = Open(B);
        Intent creating = first.MarkCreating(first.Seal(Begin(first), 1, 10))!;
        Assert.Null(second.Overrule(creating));
        Time.Advance(Expiry);

        Assert.Equal((IntentState.Unknown, B, 1), second.TryOwn(creating) is { } mine ? (mine.State, mine.Owner, mine.Fence) : default);
    }

    [Fact]
    public void One_create_call_of_an_account_is_under_way_or_in_doubt_at_a_time_over_all_processes()
    {
        LedgerStore first = Open(A);
        LedgerStore second = Open(B);
        Intent one = first.Seal(Begin(first), 1, 10);
        Intent two = second.Seal(Begin(second), 1, 10);
        one = first.MarkCreating(one)!;
        Assert.Null(second.MarkCreating(two));
        one = first.MarkUnknown(one, "lost");
        Assert.Null(second.MarkCreating(two));
        one = first.MarkNeedsHuman(one, "two might be it");
        Assert.Null(second.MarkCreating(two));

        first.MarkSubmitted(one, "batch-1");

        Assert.Equal((IntentState.Creating, 1), second.MarkCreating(two) is { } creating ? (creating.State, creating.Attempt) : default);
    }

    [Fact]
    public void People_overrule_a_doubt_whoever_works_on_it_and_nothing_else()
    {
        LedgerStore running = Open(A);
        LedgerStore people = Open(B);
        Intent doubt = running.MarkUnknown(running.MarkCreating(running.Seal(Begin(running), 1, 10))!, "lost");

        Intent mine = people.Overrule(doubt)!;

        Assert.Throws<LostIntentException>(() => running.Remark(doubt, "late"));
        people.MarkNotCreated(mine, "sending again");
        Assert.Null(people.Overrule(mine));
    }

    [Fact]
    public void A_batch_that_proved_to_be_anothers_is_remembered_as_such()
    {
        Intent intent = Ledger.MarkCreating(Ledger.Seal(Begin(Ledger), 1, 10))!;

        intent = Ledger.MarkForeign(Ledger.MarkSubmitted(intent, "theirs", provisional: true), "another's");
        intent = Ledger.MarkForeign(Ledger.MarkSubmitted(intent, "theirs-2", provisional: true), "another's");

        Assert.Equal((IntentState.Unknown, null, false), (intent.State, intent.BatchId, intent.IsProvisional));
        Assert.True(Ledger.IsRejected(intent, "theirs") && Ledger.IsRejected(intent, "theirs-2") && !Ledger.IsRejected(intent, "ours"));
    }

    [Fact]
    public void A_request_has_one_live_call_at_a_time_over_all_processes_and_batches()
    {
        LedgerStore first = Open(A);
        LedgerStore second = Open(B);
        Intent batch = Begin(second);
        Assert.Equal(0, first.ClaimLive(Key(1), retryFailed: false));

        Assert.True(RequestStanding.IsLive(second.ClaimLive(Key(1), retryFailed: false)));
        Assert.True(RequestStanding.IsLive(Claim(second, batch, [Key(1)])[0]));
        Assert.Equal(Standing.InFlight, second.Find(Key(1)).Standing);
        first.EndLive(Key(1));
        Assert.Equal(0, second.ClaimLive(Key(1), retryFailed: false));
        second.EndLive(Key(1), "refused", 2);
        Assert.Equal(new RequestStanding(Standing.Failed, 0, 2, "refused"), first.Find(Key(1)));
        Assert.Equal(RequestStanding.FailedForGood, first.ClaimLive(Key(1), retryFailed: false));
        Assert.Equal(0, first.ClaimLive(Key(1), retryFailed: true));
    }

    [Fact]
    public void An_intent_that_was_discarded_while_its_process_stood_still_is_not_taken_for_a_later_one()
    {
        LedgerStore first = Open(A);
        LedgerStore second = Open(B);
        Intent stale = Begin(first);
        Time.Advance(Expiry);
        Assert.True(second.Discard(second.TryOwn(stale)!));

        Intent later = Begin(first);

        Assert.NotEqual(stale.Row, later.Row);
        Assert.Throws<LostIntentException>(() => first.Seal(stale, 1, 10));
        Assert.Equal(IntentState.Spooling, second.Get(later.Row)!.State);
    }

    [Fact]
    public void The_batch_of_an_intent_that_was_taken_over_is_handed_in_unless_another_one_is_made()
    {
        LedgerStore first = Open(A);
        LedgerStore second = Open(B);
        Intent stale = first.MarkCreating(first.MarkUploaded(first.Seal(Begin(first), 1, 10), "file"))!;
        Time.Advance(Expiry);
        Intent mine = second.TryOwn(stale)!;

        Assert.True(first.TryHandIn(stale, "batch"));
        Intent known = second.Get(mine.Row)!;
        Assert.Equal((IntentState.Submitted, "batch", mine.Owner), (known.State, known.BatchId, known.Owner));
        Assert.Throws<LostIntentException>(() => second.MarkNotCreated(mine, "not in the list"));
        Assert.False(first.TryHandIn(stale, "twin"));

        Intent again = second.MarkCreating(second.MarkNotCreated(known, "refused"))!;
        Assert.False(first.TryHandIn(stale, "twin"));
        Assert.Equal(again, second.Get(again.Row));
    }

    [Fact]
    public void A_dead_processs_live_calls_are_counted_as_lost_and_made_again()
    {
        LedgerStore dead = Open(A);
        LedgerStore next = Open(B);
        Assert.All(Keys(1, 3), key => Assert.Equal(0, dead.ClaimLive(key, retryFailed: false)));
        dead.EndLive(Key(3), "m", new ModelUsage(1, 1, 1, 1), isKept: true);
        dead.Dispose();
        Assert.Equal(0, next.SweepDead(SpoolFolder));
        Time.Advance(Expiry);

        Assert.Equal(0, next.ClaimLive(Key(1), retryFailed: false));
        Assert.Equal(1, next.SweepDead(SpoolFolder));
        Assert.Equal([Standing.InFlight, Standing.New, Standing.New], Keys(1, 3).Select(k => next.Find(k).Standing));
        Assert.Empty(next.OthersAtWork());
    }

    [Fact]
    public void A_ledger_of_the_first_schema_is_brought_up_to_date_and_keeps_what_it_knows()
    {
        using (var connection = SqliteStore.Open(DatabasePath, 8192, 64, 100))
        {
            SqliteStore.Migrate(connection, DatabasePath, LedgerStore.Schema[..1]);
            SqliteStore.Execute(connection, """
                INSERT INTO intents(id, provider, api, account, model, state, owner, created, batch_id) VALUES('old', 'scripted', 'chat', 'scripted@here#0', 'm', 4, '1:1', 0, 'batch-1');
                """);
        }

        Intent old = Assert.Single(Ledger.Open());

        Assert.Equal(("old", IntentState.Submitted, "batch-1", 0L), (old.Id, old.State, old.BatchId, old.Fence));
        Assert.Equal(Owner.Self, Ledger.TryOwn(old)?.Owner);
    }
}
