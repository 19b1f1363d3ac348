using Sluice.Ledger;
using Sluice.Requests;

namespace Sluice.Tests.Ledger;

public sealed class ClaimTests : LedgerTests
{
    [Fact]
    public void A_request_nobody_has_sent_is_new()
    {
        Assert.Equal(new RequestStanding(Standing.New, 0, 0, null), Ledger.Find(Key(1)));
    }

    [Fact]
    public void A_claimed_request_is_in_flight_and_the_second_one_who_asks_is_told_where()
    {
        Intent first = Begin(Ledger);
        Intent second = Begin(Ledger);

        Assert.Equal([0, 0], Claim(Ledger, first, Keys(1, 2)));
        Assert.Equal([first.Row, 0], Claim(Ledger, second, Keys(2, 2)));

        Assert.Equal((Standing.InFlight, first.Row), (Ledger.Find(Key(2)).Standing, Ledger.Find(Key(2)).Holder));
        Assert.Equal(second.Row, Ledger.Find(Key(3)).Holder);
    }

    [Fact]
    public void A_key_twice_in_one_claim_is_claimed_once()
    {
        Intent intent = Begin(Ledger);

        long[] claimed = Claim(Ledger, intent, [Key(1), Key(2), Key(1)]);

        Assert.Equal([0, intent.Row], new[] { claimed[0], claimed[2] }.Order());
        Assert.Equal(0, claimed[1]);
    }

    [Fact]
    public async Task Each_key_is_claimed_once_over_many_tasks_and_instances()
    {
        LedgerStore[] ledgers = [Open(), Open(), Open()];
        Task<long[]>[] claims = [.. Enumerable.Range(0, 9).Select(task => Task.Run(() =>
        {
            Intent intent = Begin(ledgers[task % 3]);
            RequestKey[] keys = [.. Keys(0, 300).OrderBy(_ => Random.Shared.Next())];
            return keys.Chunk(40).SelectMany(chunk => Claim(ledgers[task % 3], intent, chunk).Zip(chunk, (c, k) => (Claimed: c, Key: k)))
                .Where(c => c.Claimed == 0).Select(c => (long)c.Key.GetHashCode()).ToArray();
        }, Token))];

        long[][] won = await Task.WhenAll(claims);

        Assert.Equal(300, won.Sum(w => w.Length));
        Assert.Equal(300, won.SelectMany(w => w).Distinct().Count());
    }

    [Fact]
    public void A_released_request_is_as_if_it_had_never_been_claimed()
    {
        Intent first = Begin(Ledger);
        Intent second = Begin(Ledger);
        Claim(Ledger, first, Keys(1, 2));

        Ledger.Release(second, [Key(1)]);
        Assert.Equal(Standing.InFlight, Ledger.Find(Key(1)).Standing);
        Ledger.Release(first, [Key(1)]);

        Assert.Equal(default, Ledger.Find(Key(1)));
        Assert.Equal([0, first.Row], Claim(Ledger, second, Keys(1, 2)));
    }

    [Fact]
    public void A_failed_try_may_be_repeated_until_there_were_enough()
    {
        for (int attempt = 1; attempt <= 3; attempt++)
        {
            Intent intent = Begin(Ledger);
            Assert.Equal([0], Claim(Ledger, intent, [Key(1)]));
            Assert.Equal(1, Ledger.RecordFailedTries(intent, [new FailedTry(Key(1), $"e{attempt}", IsFinal: false)]));
            Assert.Equal(new RequestStanding(attempt < 3 ? Standing.Retryable : Standing.Failed, 0, attempt, $"e{attempt}"), Ledger.Find(Key(1)));
        }

        Assert.Equal([-1], Claim(Ledger, Begin(Ledger), [Key(1)]));
    }

    [Fact]
    public void A_try_is_counted_once_however_often_its_result_is_read()
    {
        Intent intent = Begin(Ledger);
        Intent later = Begin(Ledger);
        FailedTry[] tries = [new(Key(1), "e", IsFinal: false), new(Key(2), "never claimed", IsFinal: true)];
        Claim(Ledger, intent, [Key(1)]);

        Assert.Equal(1, Ledger.RecordFailedTries(intent, tries));
        Assert.Equal(0, Ledger.RecordFailedTries(intent, tries));
        Claim(Ledger, later, [Key(1)]);
        Assert.Equal(0, Ledger.RecordFailedTries(intent, tries));

        Assert.Equal(new RequestStanding(Standing.InFlight, later.Row, 0, null), Ledger.Find(Key(1)));
        Assert.Equal(Standing.New, Ledger.Find(Key(2)).Standing);
        Ledger.RecordFailedTries(later, tries);
        Assert.Equal(new RequestStanding(Standing.Retryable, 0, 2, "e"), Ledger.Find(Key(1)));
    }

    [Fact]
    public void A_final_error_fails_a_request_at_once()
    {
        Intent intent = Begin(Ledger);
        Claim(Ledger, intent, [Key(1)]);
        Ledger.RecordFailedTries(intent, [new FailedTry(Key(1), "bad request", IsFinal: true)]);

        Assert.Equal(new RequestStanding(Standing.Failed, 0, 1, "bad request"), Ledger.Find(Key(1)));
    }

    [Fact]
    public void A_failed_request_is_claimed_on_request_and_its_tries_count_anew()
    {
        Intent first = Begin(Ledger);
        Claim(Ledger, first, [Key(1)]);
        Ledger.RecordFailedTries(first, [new FailedTry(Key(1), "e", IsFinal: true)]);
        Intent second = Begin(Ledger);

        Assert.Equal([-1], Claim(Ledger, second, [Key(1)]));
        Assert.Equal([0], Claim(Ledger, second, [Key(1)], retryFailed: true));
        Ledger.RecordFailedTries(second with { Terms = second.Terms with { MaxAttempts = 2 } }, [new FailedTry(Key(1), "e2", IsFinal: false)]);

        Assert.Equal(new RequestStanding(Standing.Retryable, 0, 1, "e2"), Ledger.Find(Key(1)));
    }

    [Fact]
    public void A_live_failure_is_kept_until_it_is_forgotten_and_never_takes_a_claim_away()
    {
        Ledger.RecordFailure(Key(1), "no", 1);
        Ledger.RecordFailure(Key(1), "still no", 2);
        Assert.Equal(new RequestStanding(Standing.Failed, 0, 2, "still no"), Ledger.Find(Key(1)));

        Assert.Equal(0, Ledger.ClaimLive(Key(1), retryFailed: true));
        Ledger.EndLive(Key(1), "m", new ModelUsage(1, 1, 1, 1), isKept: true);
        Assert.Equal(Standing.New, Ledger.Find(Key(1)).Standing);

        Intent intent = Begin(Ledger);
        Claim(Ledger, intent, [Key(1)]);
        Ledger.RecordFailure(Key(1), "late", 3);
        Assert.Equal(intent.Row, Ledger.ClaimLive(Key(1), retryFailed: true));
        Assert.Equal(intent.Row, Ledger.Find(Key(1)).Holder);
    }

    [Fact]
    public void Live_answers_that_were_kept_are_counted_until_they_are_forgotten()
    {
        DateTimeOffset began = Time.GetUtcNow();
        End(1, "a", isKept: true);
        End(2, "a", isKept: false);
        Time.Advance(TimeSpan.FromHours(1));
        End(3, "b", isKept: true);
        End(4, "b", isKept: true);

        Assert.Equal((3L, 2L, 0L), (Kept(began), Kept(began.AddMinutes(1)), Kept(began.AddHours(2))));
        Assert.Equal(3, Open("another:1@boot").KeptLiveAnswers(default));
        Assert.Equal(new ModelUsage(2, 2, 2, 2), Ledger.UsageOf("a"));

        Assert.Equal(3, Ledger.ForgetAnswered());
        Assert.Equal(0, Kept(default));
        // What is known about sizes stays.
        Assert.Equal(new ModelUsage(2, 2, 2, 2), Ledger.UsageOf("a"));
        End(5, "a", isKept: true);
        Assert.Equal(1, Kept(default));

        long Kept(DateTimeOffset since) => Ledger.KeptLiveAnswers(since);

        void End(int number, string model, bool isKept)
        {
            Assert.Equal(0, Ledger.ClaimLive(Key(number), retryFailed: false));
            Ledger.EndLive(Key(number), model, new ModelUsage(1, 1, 1, 1), isKept);
        }
    }

    [Fact]
    public void Requests_whose_keys_begin_alike_are_sent_one_after_the_other()
    {
        RequestKey[] alike = [Alike(1), Alike(2)];
        Intent first = Begin(Ledger);
        Intent second = Begin(Ledger);

        Assert.Equal([0, first.Row], Claim(Ledger, first, alike));
        Assert.Equal([second.Row - 1, second.Row - 1], Claim(Ledger, second, alike));
        Ledger.MarkIngested(first, default, 1, 0);
        Assert.Equal([0], Claim(Ledger, second, [alike[1]]));
        Ledger.RecordFailedTries(second, [new FailedTry(alike[1], "no", IsFinal: true)]);

        Assert.Equal([Standing.New, Standing.Failed], alike.Select(k => Ledger.Find(k).Standing));

        static RequestKey Alike(byte last)
        {
            byte[] bytes = new byte[RequestKey.Length];
            bytes[^1] = last;
            return new RequestKey(bytes);
        }
    }

    [Fact]
    public void What_a_refused_batch_held_is_claimed_again_only_on_request_and_released_by_an_answer()
    {
        Intent refused = Begin(Ledger);
        Claim(Ledger, refused, Keys(1, 3));
        Ledger.MarkRefused(refused, "no such model");
        Intent later = Begin(Ledger);

        Assert.Equal([-1, -1, -1, 0], Claim(Ledger, later, Keys(1, 4)));
        Assert.Equal([0], Claim(Ledger, later, [Key(1)], retryFailed: true));
        Assert.Equal(RequestStanding.FailedForGood, Ledger.ClaimLive(Key(2), retryFailed: false));
        Assert.Equal(0, Ledger.ClaimLive(Key(2), retryFailed: true));
        Ledger.EndLive(Key(2), "m", new ModelUsage(1, 1, 1, 1), isKept: true);

        Assert.Equal(
            [Standing.InFlight, Standing.New, Standing.Failed, Standing.InFlight],
            Keys(1, 4).Select(k => Ledger.Find(k).Standing));
        Ledger.MarkIngested(later, default, 2, 0);
        Assert.Equal(Standing.New, Ledger.Find(Key(1)).Standing);
    }

    [Fact]
    public void An_answer_ends_the_memory_of_earlier_tries()
    {
        Intent first = Begin(Ledger);
        Claim(Ledger, first, [Key(1)]);
        Ledger.RecordFailedTries(first, [new FailedTry(Key(1), "e", IsFinal: false)]);
        Intent second = Begin(Ledger);
        Claim(Ledger, second, [Key(1)]);

        Ledger.MarkIngested(second, default, 1, 0);

        Assert.Equal(default, Ledger.Find(Key(1)));
    }

    [Fact]
    public void History_is_what_was_there_before_or_has_failed_since()
    {
        Intent intent = Begin(Ledger);
        Claim(Ledger, intent, Keys(1, 2));
        Assert.False(Ledger.HasHistory);
        Assert.True(Open().HasHistory);

        Ledger.RecordFailedTries(intent, [new FailedTry(Key(1), "e", IsFinal: false)]);
        Assert.True(Ledger.HasHistory);
    }

    [Fact]
    public void Claims_are_there_when_the_ledger_is_opened_again()
    {
        Intent intent = Begin(Ledger);
        Claim(Ledger, intent, Keys(1, 3));
        Ledger.Dispose();

        Assert.Equal(intent.Row, Open().Find(Key(2)).Holder);
    }
}
