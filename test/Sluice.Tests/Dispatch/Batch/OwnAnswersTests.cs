using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch.Batch;

/// <summary>A batch's results answer what the batch has asked, each request once, and nothing else.</summary>
public sealed class OwnAnswersTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();

    private ScriptedProvider Provider => _fixture.Provider;

    private bool AllSettled => _fixture.Ledger.Open().Count == 0;

    private IngestReport Report => Assert.Single(_fixture.Events.OfType<BatchSettled>()).Report;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Fact]
    public async Task An_answer_to_a_request_that_the_batch_has_not_asked_is_not_taken()
    {
        // The other account's request: its batch is under way while this one's server plants an answer to it.
        RequestKey theirs = _fixture.Request(99).Key;
        using LedgerStore elsewhere = _fixture.OpenLedger("1:1@elsewhere");
        Intent other = elsewhere.Begin(new ScriptedProvider { Account = "another@there#1" }, "m");
        elsewhere.Claim(other, [theirs], new long[1], retryFailed: false);
        RequestKey unknown = _fixture.Request(100).Key;
        Provider.OnOpen = (batch, _) => ScriptedBatch.Answer($"{batch.Intent}-{theirs}", "planted") + batch.AnswerAll() + ScriptedBatch.Answer($"{batch.Intent}-{unknown}", "planted");
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => _fixture.Events.OfType<BatchSettled>().Any());

        Assert.Null(await _fixture.GetAsync(theirs));
        Assert.Null(await _fixture.GetAsync(unknown));
        foreach (RequestKey key in keys)
        {
            Assert.NotNull(await _fixture.GetAsync(key));
        }

        Assert.Equal((2, 2, 0), (Report.Responses, Report.Surplus, Report.Missing));
        Assert.Equal(new TokenUsage(6, 4), Report.Usage);
        Assert.Equal(Standing.InFlight, _fixture.Ledger.Find(theirs).Standing);
    }

    [Fact]
    public async Task Lines_for_others_requests_do_not_stand_in_for_missing_ones()
    {
        _fixture.AllowTries(1);
        Provider.OnOpen = (batch, _) => ScriptedBatch.Answer(batch.CustomIds.First()) + string.Concat(Enumerable.Range(50, 2).Select(n => ScriptedBatch.Answer($"{batch.Intent}-{_fixture.Request(n).Key}")));
        RequestKey[] keys = await _fixture.SpoolAsync(3);

        await _fixture.RunUntilAsync(() => AllSettled, _fixture.Engine());

        Assert.Equal((1, 2, 2), (Report.Responses, Report.Surplus, Report.Missing));
        Assert.Equal([Standing.New, Standing.Failed, Standing.Failed], keys.Select(k => _fixture.Ledger.Find(k).Standing));
    }

    [Fact]
    public async Task A_failed_line_and_an_answer_to_the_same_request_do_not_stand_in_for_a_missing_one()
    {
        _fixture.AllowTries(1);
        Provider.OnOpen = (batch, _) => ScriptedBatch.Failure(batch.CustomIds.First(), "server_error") + ScriptedBatch.Answer(batch.CustomIds.First());
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled, _fixture.Engine());

        Assert.Equal((1, 0, 1), (Report.Responses, Report.Retryable, Report.Missing));
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
        Assert.Equal([Standing.New, Standing.Failed], keys.Select(k => _fixture.Ledger.Find(k).Standing));
    }

    [Theory]
    [InlineData("out", "err")]
    [InlineData("err", "out")]
    public async Task An_answer_stays_whatever_a_failed_line_of_the_same_request_says_in_another_file(string first, string second)
    {
        _fixture.AllowTries(1);
        Provider.OnGet = batch => batch.Info(BatchState.Done, first, second);
        Provider.OnOpen = (batch, file) => file == "out" ? batch.AnswerAll() : string.Concat(batch.CustomIds.Select(id => ScriptedBatch.Failure(id, "invalid_request")));
        // More than one group, so that the failed tries are in the ledger when the answers come.
        RequestKey[] keys = await _fixture.SpoolAsync(4500);

        await _fixture.RunUntilAsync(() => AllSettled, _fixture.Engine());

        Assert.Equal((4500, 0, 0, 4500), (Report.Responses, Report.Failed, Report.Missing, Report.Doubled + (first == "err" ? 4500 : 0)));
        Assert.All(keys, key => Assert.Equal(Standing.New, _fixture.Ledger.Find(key).Standing));
    }

    [Theory]
    [InlineData("out", "err")]
    [InlineData("err", "out")]
    public async Task Answers_are_kept_whichever_other_file_cannot_be_read(string first, string second)
    {
        // The file of errors is gone; so its requests stay in flight, and the batch open.
        Provider.OnGet = batch => batch.Info(BatchState.Done, first, second);
        Provider.OnOpen = (batch, file) => file == "out" ? string.Concat(batch.CustomIds.SkipLast(1).Select(id => ScriptedBatch.Answer(id))) : throw ScriptedProvider.Error(ErrorClass.Permanent, "No such file", status: 404);
        RequestKey[] keys = await _fixture.SpoolAsync(3);

        await _fixture.RunUntilAsync(() => Provider.CountOf("get") > 5);

        Assert.All(await Task.WhenAll(keys.SkipLast(1).Select(_fixture.GetAsync)), Assert.NotNull);
        Intent open = Assert.Single(_fixture.Ledger.Open());
        Assert.Contains("No such file", open.Note, StringComparison.Ordinal);
        Assert.Equal((Standing.InFlight, 0), (_fixture.Ledger.Find(keys[2]).Standing, _fixture.Ledger.Find(keys[2]).Attempts));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_file_that_cannot_be_read_keeps_no_batch_open_whose_requests_all_have_a_line(bool inTwoReadings)
    {
        int readings = 0;
        Provider.OnGet = batch => batch.Info(BatchState.Done, "out", "err");
        Provider.OnOpen = (batch, file) => file == "err" ? throw ScriptedProvider.Error(ErrorClass.Transient, "cut")
            : !inTwoReadings ? batch.AnswerAll()
            : string.Concat((++readings == 1 ? batch.CustomIds.Take(1) : batch.CustomIds.Skip(1)).Select(id => ScriptedBatch.Answer(id)));
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.All(await Task.WhenAll(keys.Select(_fixture.GetAsync)), Assert.NotNull);
        Assert.Equal((0, 0), (Report.Missing, Report.Failed));
    }

    [Fact]
    public async Task A_page_of_a_proxy_in_place_of_one_file_costs_no_answer_of_the_other()
    {
        Provider.OnGet = batch => batch.Info(BatchState.Done, "out", "err");
        Provider.OnOpen = (batch, file) => file == "out" ? ScriptedBatch.Answer(batch.CustomIds.First()) : "<html>busy</html>";
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => Provider.CountOf("get") > 5);

        Assert.NotNull(await _fixture.GetAsync(keys[0]));
        Assert.Equal((Standing.InFlight, 0), (_fixture.Ledger.Find(keys[1]).Standing, _fixture.Ledger.Find(keys[1]).Attempts));
    }

    [Theory]
    [InlineData("in the middle of a line")]
    [InlineData("no line of the result file answers")]
    public async Task A_file_that_is_not_whole_or_none_counts_no_reading_and_no_try(string what)
    {
        _fixture.AllowTries(1);
        Provider.OnGet = batch => batch.Info(BatchState.Done, "out");
        Provider.OnOpen = (batch, _) => what.StartsWith("in", StringComparison.Ordinal) ? batch.AnswerAll()[..^20] : """{"error":{"message":"upstream connect error"}}""" + "\n";
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => Provider.CountOf("open") > 8, _fixture.Engine());

        Intent open = Assert.Single(_fixture.Ledger.Open());
        Assert.Equal(0, open.Readings);
        Assert.Contains(what, open.Note, StringComparison.Ordinal);
        Assert.Equal(Standing.InFlight, _fixture.Ledger.Find(keys[1]).Standing);

        Provider.OnOpen = (batch, _) => batch.AnswerAll().TrimEnd('\n');
        await _fixture.RunUntilAsync(() => AllSettled, _fixture.Engine());
        Assert.All(await Task.WhenAll(keys.Select(_fixture.GetAsync)), Assert.NotNull);
    }

    [Theory]
    [InlineData(2, true)]
    [InlineData(1, false)]
    [InlineData(null, false)]
    public async Task Answers_that_the_provider_counts_are_waited_for_longer(int? counted, bool isWaitedFor)
    {
        _fixture.AllowTries(1);
        DateTimeOffset began = _fixture.Time.GetUtcNow();
        Provider.OnGet = batch => batch.Info(BatchState.Done, "out") with { Answered = counted };
        Provider.OnOpen = (batch, _) => ScriptedBatch.Answer(batch.CustomIds.First());
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        bool wasSaid = false;
        await _fixture.RunUntilAsync(
            () =>
            {
                wasSaid |= _fixture.Ledger.Open() is [{ TroubleSince: not null } open] && open.Note!.Contains("the provider counts 2 answers, and its results have 1", StringComparison.Ordinal);
                return AllSettled;
            },
            _fixture.Engine());

        Assert.Equal((isWaitedFor, isWaitedFor), (wasSaid, _fixture.Time.GetUtcNow() - began > TimeSpan.FromHours(1)));
        Assert.Equal((Standing.Failed, 1), (_fixture.Ledger.Find(keys[1]).Standing, Report.Missing));
    }

    [Fact]
    public async Task Doubled_lines_are_counted_once_in_the_report_in_the_ledger_and_in_what_is_learnt()
    {
        Provider.OnOpen = (batch, _) => batch.AnswerAll() + batch.AnswerAll();
        await _fixture.SpoolAsync(3);
        Intent intent = _fixture.Ledger.Open().Single();

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((3, 3, new TokenUsage(9, 6)), (Report.Responses, Report.Doubled, Report.Usage));
        Assert.Equal(new TokenUsage(9, 6), _fixture.Ledger.Get(intent.Row)!.Usage);
        Assert.Equal((9, 6, 3), _fixture.Ledger.UsageOf("m") is var usage ? (usage.InputTokens, usage.OutputTokens, usage.Responses) : default);
    }

    [Fact]
    public async Task A_file_that_is_listed_twice_is_counted_once()
    {
        Provider.OnGet = batch => batch.Info(BatchState.Done, "out", "out");
        await _fixture.SpoolAsync(3);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((3, 3, new TokenUsage(9, 6)), (Report.Responses, Report.Doubled, Report.Usage));
    }

    [Fact]
    public async Task An_answer_that_comes_after_its_request_was_given_up_is_taken_and_its_failure_forgotten()
    {
        int opens = 0;
        // A process gives the request up and is killed before it closes the batch; when another one reads the results, the line is there.
        Provider.OnOpen = (batch, _) => ++opens < 2 ? ScriptedBatch.Answer(batch.CustomIds.First()) : batch.AnswerAll();
        RequestKey[] keys = await _fixture.SpoolAsync(2);
        await _fixture.RunUntilAsync(() => opens > 0);
        Intent intent = _fixture.Ledger.Open().Single();
        _fixture.Ledger.RecordFailedTries(intent with { Terms = intent.Terms with { MaxAttempts = 1 } }, [new FailedTry(keys[1], "the batch ended without a result line for this request", IsFinal: false)]);
        Assert.Equal(Standing.Failed, _fixture.Ledger.Find(keys[1]).Standing);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.NotNull(await _fixture.GetAsync(keys[1]));
        Assert.Equal(Standing.New, _fixture.Ledger.Find(keys[1]).Standing);
        Assert.Equal((2, 0), (Report.Responses, Report.Missing));
    }

    [Theory]
    [InlineData("<html><body>Sign in</body></html>")]
    [InlineData("\n\uFEFF <!DOCTYPE html>\n<title>502</title>\n")]
    public async Task A_page_in_place_of_the_results_is_no_reading_and_uses_up_no_try(string page)
    {
        _fixture.AllowTries(1);
        int opens = 0;
        Provider.OnOpen = (batch, _) => ++opens <= 8 ? page : batch.AnswerAll();
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled, _fixture.Engine());

        Assert.Equal((2, 0, 0), (Report.Responses, Report.Missing, Report.Surplus));
        foreach (RequestKey key in keys)
        {
            Assert.NotNull(await _fixture.GetAsync(key));
        }
    }

    [Theory]
    [InlineData("gone")]
    [InlineData("cut")]
    [InlineData("garbage")]
    public async Task A_lost_spool_costs_no_answer(string damage)
    {
        Provider.OnGet = batch =>
        {
            string spool = Path.Combine(_fixture.SpoolFolder, batch.Intent + ".jsonl");
            if (damage == "gone")
            {
                File.Delete(spool);
            }
            else
            {
                File.WriteAllBytes(spool, damage == "cut" ? File.ReadAllBytes(spool)[..20] : new byte[500]);
            }

            return batch.Info(BatchState.Done, "out");
        };
        RequestKey[] keys = await _fixture.SpoolAsync(3);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((3, 0), (Report.Responses, Report.Missing));
        foreach (RequestKey key in keys)
        {
            Assert.NotNull(await _fixture.GetAsync(key));
        }
    }

    [Fact]
    public void Requests_are_told_apart_and_the_best_of_their_lines_stays()
    {
        using var seen = new SeenRequests(4);
        RequestKey[] keys = [.. Enumerable.Range(0, 8).Select(n => _fixture.Request(n).Key)];

        Assert.Equal(LineOutcome.None, seen.Enter(keys[0], LineOutcome.Retryable));
        Assert.Equal(LineOutcome.Retryable, seen.Enter(keys[0], LineOutcome.Failed));
        Assert.Equal(LineOutcome.Retryable, seen.Enter(keys[0], LineOutcome.Answered));
        Assert.Equal(LineOutcome.Answered, seen.Enter(keys[0], LineOutcome.Retryable));
        Assert.All(keys[1..], key => Assert.Equal(LineOutcome.None, seen.Enter(key, LineOutcome.Answered)));
        Assert.Equal((8, false), (seen.Count, seen.IsFull));
    }

    [Fact]
    public void What_has_no_room_is_said_not_to_be_known()
    {
        using var seen = new SeenRequests(1_000_000);
        for (int n = 0; n < 200_000; n++)
        {
            seen.Enter(RequestKey.Compute("d", "e", BitConverter.GetBytes(n), 0), LineOutcome.Answered);
        }

        Assert.Equal((true, 196_608), (seen.IsFull, seen.Count));
    }
}
