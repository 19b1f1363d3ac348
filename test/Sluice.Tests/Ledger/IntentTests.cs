using Sluice.Ledger;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Tests.Ledger;

public sealed class IntentTests : LedgerTests
{
    /// <summary>A process of this machine that is gone.</summary>
    private static readonly string Dead = $"999999999:1@{Owner.Self.Split('@')[1]}";

    /// <summary>A process of another container: only its lease tells whether it lives.</summary>
    private const string Elsewhere = "7:7@elsewhere";

    [Fact]
    public void An_intent_begins_as_a_spool_of_this_process_with_a_fresh_id()
    {
        Intent intent = Begin(Ledger, "gpt");

        Assert.Matches("^[a-z2-7]{20}$", intent.Id);
        Assert.NotEqual(intent.Id, Begin(Ledger).Id);
        Assert.Equal((IntentState.Spooling, "gpt", Provider.Account, Provider.Reference, true), (intent.State, intent.Model, intent.Account, intent.Provider, intent.IsOpen));
        Assert.Equal(Time.GetUtcNow(), intent.CreatedAt);
    }

    /// <summary>The files go first: a whole spool that no intent knows is taken for what is left of a lost ledger, and sent.</summary>
    [Fact]
    public void An_intent_that_is_dropped_is_known_for_as_long_as_it_has_files()
    {
        Intent intent = Ledger.Seal(Begin(Ledger), 1, 10);
        string note = Path.Combine(SpoolFolder, intent.Id + ".json");
        // It cannot be deleted as a file.
        Directory.CreateDirectory(note);

        Assert.ThrowsAny<Exception>(() => Ledger.Drop(intent, SpoolFolder));
        Assert.Equal(intent.Id, Assert.Single(Ledger.Open()).Id);

        Directory.Delete(note);
        Assert.True(Ledger.Drop(intent, SpoolFolder));
        Assert.Empty(Ledger.Open());
    }

    [Fact]
    public void Each_step_is_on_disk_before_the_next_one()
    {
        Intent intent = Begin(Ledger);
        Assert.Equal((IntentState.Sealed, 7, 700), Seen(Ledger.Seal(intent, 7, 700), i => (i.State, i.Count, (int)i.Bytes)));
        Assert.Equal((IntentState.Uploaded, "file-1"), Seen(Ledger.MarkUploaded(intent, "file-1"), i => (i.State, i.FileId)));
        Time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal((IntentState.Creating, Time.GetUtcNow()), Seen(Ledger.MarkCreating(intent)!, i => (i.State, i.CreateStartedAt!.Value)));
        Assert.Equal((IntentState.Submitted, "batch-1"), Seen(Ledger.MarkSubmitted(intent, "batch-1"), i => (i.State, i.BatchId)));
        Assert.Equal("slow today", Seen(Ledger.Remark(intent, "slow today"), i => i.Note));
        Assert.Equal((IntentState.Ingested, new TokenUsage(5, 6), false), Seen(Ledger.MarkIngested(intent, new TokenUsage(5, 6), 1, 0), i => (i.State, i.Usage, i.IsOpen)));

        T Seen<T>(Intent changed, Func<Intent, T> look)
        {
            using var other = new LedgerStore(DatabasePath, Time);
            Assert.Equal(changed, other.Get(changed.Row));
            return look(changed);
        }
    }

    [Theory]
    [InlineData("file-1", IntentState.Uploaded)]
    [InlineData(null, IntentState.Sealed)]
    public void A_create_that_made_nothing_goes_back_to_where_it_came_from(string? file, IntentState expected)
    {
        Intent intent = Begin(Ledger);
        Ledger.Seal(intent, 1, 10);
        Ledger.MarkUploaded(intent, file);
        Ledger.MarkCreating(intent);
        Ledger.MarkSubmitted(intent, "batch-1");

        Intent back = Ledger.MarkNotCreated(intent, "try later");

        Assert.Equal((expected, file, null, "try later"), (back.State, back.FileId, back.BatchId, back.Note));
    }

    [Fact]
    public void Ingesting_ends_the_claims_and_teaches_what_tokens_cost_once()
    {
        Intent intent = Begin(Ledger, "gpt");
        Claim(Ledger, intent, Keys(1, 4));
        intent = Ledger.Seal(intent, 4, 400);

        Ledger.MarkIngested(intent, new TokenUsage(30, 12), responses: 3, envelopeBytes: 40);
        Ledger.MarkIngested(intent, new TokenUsage(99, 99), responses: 3, envelopeBytes: 40);

        Assert.All(Keys(1, 4), key => Assert.Equal(Standing.New, Ledger.Find(key).Standing));
        Assert.Equal(new ModelUsage(180, 30, 12, 3), Ledger.UsageOf("gpt"));
        Ledger.AddUsage("gpt", new ModelUsage(10, 1, 2, 1));
        Assert.Equal(new ModelUsage(190, 31, 14, 4), Ledger.UsageOf("gpt"));
        Assert.Equal(default, Ledger.UsageOf("other"));
    }

    [Fact]
    public void Without_responses_nothing_is_learned()
    {
        Intent intent = Ledger.Seal(Begin(Ledger, "gpt"), 4, 400);
        Ledger.MarkIngested(intent, default, responses: 0, envelopeBytes: 40);

        Assert.Equal(default, Ledger.UsageOf("gpt"));
    }

    [Fact]
    public void Ingesting_keeps_the_failures_of_its_requests()
    {
        Intent intent = Begin(Ledger);
        Claim(Ledger, intent, Keys(1, 2));
        Ledger.RecordFailedTries(intent, [new FailedTry(Key(1), "e", IsFinal: false)]);
        Ledger.MarkIngested(Ledger.Seal(intent, 2, 20), new TokenUsage(1, 1), 1, 0);

        Assert.Equal([Standing.Retryable, Standing.New], Keys(1, 2).Select(k => Ledger.Find(k).Standing));
    }

    [Fact]
    public void A_refused_batch_fails_its_requests_with_the_reason()
    {
        Intent intent = Begin(Ledger);
        Claim(Ledger, intent, Keys(1, 2));

        Intent refused = Ledger.MarkRefused(Ledger.Seal(intent, 2, 20), "no such model");

        Assert.Equal((IntentState.Refused, "no such model", false), (refused.State, refused.Note, refused.IsOpen));
        Assert.All(Keys(1, 2), key => Assert.Equal(new RequestStanding(Standing.Failed, 0, 1, "no such model"), Ledger.Find(key)));
    }

    [Fact]
    public void A_discarded_spool_gives_its_claims_back_and_keeps_earlier_tries()
    {
        Intent first = Begin(Ledger);
        Claim(Ledger, first, Keys(1, 1));
        Ledger.RecordFailedTries(first, [new FailedTry(Key(1), "e", IsFinal: false)]);
        Intent second = Begin(Ledger);
        Claim(Ledger, second, Keys(1, 2));

        Ledger.Discard(second);

        Assert.Equal([new RequestStanding(Standing.Retryable, 0, 1, "e"), default], Keys(1, 2).Select(Ledger.Find));
        Assert.Null(Ledger.Get(second.Row));
    }

    [Fact]
    public void What_may_have_been_sent_is_not_discarded()
    {
        Intent intent = Begin(Ledger);
        Claim(Ledger, intent, Keys(1, 1));
        Ledger.Seal(intent, 1, 10);
        Ledger.MarkUploaded(intent, "f");
        Ledger.MarkCreating(intent);

        Assert.False(Ledger.Discard(intent));

        Assert.NotNull(Ledger.Get(intent.Row));
        Assert.Equal(intent.Row, Ledger.Find(Key(1)).Holder);
    }

    /// <summary>An uploaded file alone costs nothing; left open, a batch would be made of it after its claims were given back.</summary>
    [Fact]
    public void What_was_uploaded_but_never_created_is_discarded_whole()
    {
        Intent intent = Begin(Ledger);
        Claim(Ledger, intent, Keys(1, 1));
        Ledger.MarkUploaded(Ledger.Seal(intent, 1, 10), "f");

        Assert.True(Ledger.Discard(intent));

        Assert.Null(Ledger.Get(intent.Row));
        Assert.Equal(default, Ledger.Find(Key(1)));
    }

    [Fact]
    public void Open_intents_come_oldest_first_and_the_latest_newest_first()
    {
        Intent[] all = [.. Enumerable.Range(0, 4).Select(_ => Begin(Ledger))];
        Ledger.MarkIngested(all[1], default, 0, 0);
        Ledger.MarkRefused(all[2], "no");

        Assert.Equal([all[0].Row, all[3].Row], Ledger.Open().Select(i => i.Row));
        Assert.Equal([all[3].Row, all[2].Row, all[1].Row], Ledger.Latest(3).Select(i => i.Row));
    }

    [Fact]
    public void Only_the_dead_are_swept_and_only_what_was_never_sent()
    {
        Directory.CreateDirectory(SpoolFolder);
        Intent own = Begin(Ledger);
        LedgerStore deadProcess = Open(Dead);
        LedgerStore livingProcess = Open(Elsewhere);
        Intent dead = Begin(deadProcess);
        Intent deadButSealed = deadProcess.Seal(Begin(deadProcess), 1, 10);
        Intent alive = Begin(livingProcess);
        foreach (var (ledger, intent, key) in new[] { (Ledger, own, Key(1)), (deadProcess, dead, Key(2)), (deadProcess, deadButSealed, Key(3)), (livingProcess, alive, Key(4)) })
        {
            Claim(ledger, intent, [key]);
            File.WriteAllText(Path.Combine(SpoolFolder, intent.Id + ".jsonl"), "{}\n");
        }

        Ledger.SweepDead(SpoolFolder);

        Assert.Equal([own.Row, deadButSealed.Row, alive.Row], Ledger.Open().Select(i => i.Row));
        Assert.Equal([Standing.InFlight, Standing.New, Standing.InFlight, Standing.InFlight], Keys(1, 4).Select(k => Ledger.Find(k).Standing));
        Assert.Equal(3, Directory.GetFiles(SpoolFolder).Length);
        Assert.False(File.Exists(Path.Combine(SpoolFolder, dead.Id + ".jsonl")));
    }

    [Fact]
    public void An_intent_is_taken_over_from_the_dead_alone()
    {
        Intent own = Begin(Ledger);
        Intent dead = Begin(Open(Dead));
        Intent gone = Begin(Ledger);
        Ledger.Discard(gone);

        Assert.Equal(own, Ledger.TryOwn(own));
        Assert.Equal((Owner.Self, dead.Fence + 1), Ledger.TryOwn(dead) is { } mine ? (mine.Owner, mine.Fence) : default);
        Assert.Null(Ledger.TryOwn(gone));
        Ledger.SweepDead(SpoolFolder);
        Assert.Equal([own.Row, dead.Row], Ledger.Open().Select(i => i.Row));
    }

    [Fact]
    public void A_living_process_keeps_its_intent()
    {
        Assert.Empty(Ledger.Open());
        Intent intent = Begin(Open(Elsewhere));

        Assert.Null(Ledger.TryOwn(intent));
        Time.Advance(LedgerStore.LeaseTime + TimeSpan.FromSeconds(1));
        Assert.NotNull(Ledger.TryOwn(intent));
    }

    [Theory]
    [InlineData("999999999:1", false)]
    [InlineData("1:0", false)]
    [InlineData("1:1@", null)]
    [InlineData("1:1@elsewhere", null)]
    [InlineData("", false)]
    [InlineData("nonsense", false)]
    [InlineData(":5", false)]
    [InlineData("-1:5", false)]
    public void A_process_that_does_not_run_or_began_at_another_time_is_dead(string owner, bool? alive) => Assert.Equal(alive, Owner.IsAlive(owner));

    [Fact]
    public void This_process_lives() => Assert.Equal(true, Owner.IsAlive(Owner.Self));

    [Fact]
    public void A_ledger_of_a_newer_release_is_refused_with_a_message()
    {
        Ledger.Dispose();
        using (var connection = SqliteStore.Open(DatabasePath, 4096, 64, 100))
        {
            SqliteStore.Execute(connection, "PRAGMA user_version=7");
        }

        SluiceException error = Assert.Throws<SluiceException>(() => Open());

        Assert.Contains("schema 7", error.Message, StringComparison.Ordinal);
        Assert.Contains("newer", error.Hint, StringComparison.Ordinal);
    }
}
