using Microsoft.Data.Sqlite;
using Sluice.Ledger;
using Sluice.Storage;
using Sluice.Tests.Dispatch;

namespace Sluice.Tests.Ledger;

/// <summary>A process that stands still, or whose clock is set, lives: nothing of it is paid for a second time.</summary>
public sealed class LivingOwnerTests : LedgerTests
{
    // Two processes of one boot, in two process namespaces.
    private const string Here = "1:1@boot_1";
    private const string There = "2:2@boot_2";

    private readonly Dictionary<string, bool> _seen = [];

    private static TimeSpan Expiry => LedgerStore.LeaseTime + TimeSpan.FromSeconds(1);

    [Fact]
    public void A_process_that_stands_still_keeps_its_live_calls_for_as_long_as_it_is_seen_to_run()
    {
        using LedgerStore paused = OpenSeeing("1:1@boot_1");
        using LedgerStore other = OpenSeeing("3:3@boot_1");
        _seen["1:1@boot_1"] = true;
        Assert.Equal(0, paused.ClaimLive(Key(1), retryFailed: false));
        Time.Advance(TimeSpan.FromHours(10));

        Assert.True(RequestStanding.IsLive(other.ClaimLive(Key(1), retryFailed: false)));
        Assert.Equal(0, other.SweepDead(SpoolFolder));
        Assert.True(RequestStanding.IsLive(other.ClaimLive(Key(1), retryFailed: false)));
        Assert.Equal(["1"], other.StandingStill());
        Assert.Equal(["process 1"], other.OthersAtWork());

        _seen["1:1@boot_1"] = false;
        Assert.Empty(other.StandingStill());
        Assert.Equal(0, other.ClaimLive(Key(1), retryFailed: false));
    }

    [Fact]
    public void A_process_that_stands_still_without_live_calls_is_nothing_to_wait_for_and_loses_its_batches_to_others()
    {
        using LedgerStore paused = OpenSeeing("1:1@boot_1");
        using LedgerStore other = OpenSeeing("3:3@boot_1");
        _seen["1:1@boot_1"] = true;
        Intent batch = paused.Seal(Begin(paused), 1, 10);
        paused.ClaimLive(Key(1), retryFailed: false);
        paused.EndLive(Key(1));
        Time.Advance(Expiry);

        Assert.Empty(other.StandingStill());
        Assert.Equal(1, other.TryOwn(batch)!.Fence);
        Assert.Throws<LostIntentException>(() => paused.MarkCreating(batch));
    }

    [Fact]
    public void A_process_that_wakes_up_is_back_with_the_first_thing_it_writes()
    {
        LedgerStore first = Open(Here);
        LedgerStore second = Open(There);
        Intent batch = Begin(first);
        Time.Advance(Expiry);

        first.AddUsage("m", new ModelUsage(1, 1, 1, 1));

        Assert.Null(second.TryOwn(batch));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(-1)]
    public void A_clock_that_is_set_takes_nothing_from_a_process_of_the_same_boot(int hours)
    {
        var clock = new SetClock(Time);
        using LedgerStore first = OpenSeeing(Here, clock);
        using LedgerStore second = OpenSeeing(There, clock);
        Intent batch = Begin(first);
        Assert.Equal(0, first.ClaimLive(Key(1), retryFailed: false));

        clock.Offset = TimeSpan.FromHours(hours);

        Assert.Null(second.TryOwn(batch));
        Assert.True(RequestStanding.IsLive(second.ClaimLive(Key(1), retryFailed: false)));
        Assert.Equal(0, second.SweepDead(SpoolFolder));

        // What is dead stays so, too: nobody waits for an hour because the clock was set back.
        Time.Advance(Expiry);
        Assert.NotNull(second.TryOwn(batch));
        Assert.Equal(0, second.ClaimLive(Key(1), retryFailed: false));
    }

    [Fact]
    public void A_lost_create_call_is_searched_for_from_the_last_sign_of_life_on_however_the_clock_was_set()
    {
        var clock = new SetClock(Time);
        using LedgerStore first = OpenSeeing(Here, clock);
        using LedgerStore second = OpenSeeing(There, clock);
        Intent creating = first.MarkCreating(first.Seal(Begin(first), 1, 10))!;
        clock.Offset = TimeSpan.FromHours(1);
        Time.Advance(LedgerStore.LeaseTime + TimeSpan.FromSeconds(20));

        Intent mine = second.TryOwn(creating)!;

        Assert.Equal((IntentState.Unknown, clock.GetUtcNow().AddSeconds(-20)), (mine.State, mine.LostAt));
    }

    [Fact]
    public void A_lease_whose_transaction_was_rolled_back_is_not_believed_in()
    {
        LedgerStore first = Open(Here);
        LedgerStore second = Open(There);
        Change("CREATE TRIGGER full BEFORE INSERT ON claims_recent BEGIN SELECT RAISE(ABORT, 'disk full'); END");
        Assert.Throws<SluiceException>(() => first.ClaimLive(Key(1), retryFailed: false));
        Change("DROP TRIGGER full");

        // The row of the lease that was rolled back is given to the next one who asks.
        Assert.Equal(0, second.ClaimLive(Key(2), retryFailed: false));
        Assert.Equal(0, first.ClaimLive(Key(3), retryFailed: false));

        Assert.Equal(["process 1"], second.OthersAtWork());
        second.EndLive(Key(2));
        second.Dispose();
        Assert.Equal(Standing.InFlight, first.Find(Key(3)).Standing);
        using LedgerStore third = OpenSeeing("4:4@boot_4");
        Assert.True(RequestStanding.IsLive(third.ClaimLive(Key(3), retryFailed: false)));
    }

    [Fact]
    public async Task Paid_work_is_waited_for_though_the_lease_cannot_be_renewed_for_a_while()
    {
        var time = new SteppedTime();
        using var first = new LedgerStore(DatabasePath, time, Here);
        using var second = new LedgerStore(DatabasePath, time, There);
        Intent batch = Begin(first);
        var work = new TaskCompletionSource();
        Task keeping = first.KeepLeaseWhileAsync(work.Task);
        await ArmedAsync();
        Change("ALTER TABLE leases RENAME TO away");
        time.Advance(LedgerStore.LeaseTime / 3);
        await ArmedAsync();
        Change("ALTER TABLE away RENAME TO leases");
        for (int i = 0; i < 6; i++)
        {
            time.Advance(LedgerStore.LeaseTime / 3);
            await ArmedAsync();
        }

        Assert.Null(second.TryOwn(batch));
        Assert.False(keeping.IsCompleted);
        work.SetResult();
        await keeping;

        async Task ArmedAsync()
        {
            while (!await time.ArmedAsync(Token))
            {
                Assert.False(keeping.IsCompleted, "it has stopped waiting");
            }
        }
    }

    [Fact]
    public void A_lease_of_an_older_release_counts_by_the_time_of_day()
    {
        using LedgerStore first = OpenSeeing("1:1@boot_9");
        Assert.Equal(0, first.ClaimLive(Key(1), retryFailed: false));
        Change("UPDATE leases SET steady=NULL");
        LedgerStore second = Open("2:2@boot_8");

        Assert.True(RequestStanding.IsLive(second.ClaimLive(Key(1), retryFailed: false)));
        Time.Advance(Expiry);
        Assert.Equal(0, second.ClaimLive(Key(1), retryFailed: false));
    }

    private LedgerStore OpenSeeing(string owner, TimeProvider? clock = null) => new(DatabasePath, clock ?? Time, owner, other => _seen.TryGetValue(other, out bool isAlive) ? isAlive : null);

    private void Change(string sql)
    {
        using SqliteConnection connection = SqliteStore.OpenForReading(DatabasePath);
        SqliteStore.Execute(connection, sql);
    }

    /// <summary>A clock whose time of day somebody sets; what it measures goes on.</summary>
    private sealed class SetClock(TimeProvider steady) : TimeProvider
    {
        public TimeSpan Offset { get; set; }

        public override long TimestampFrequency => steady.TimestampFrequency;

        public override DateTimeOffset GetUtcNow() => steady.GetUtcNow() + Offset;

        public override long GetTimestamp() => steady.GetTimestamp();
    }
}
