using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch.Batch;

/// <summary>The engine over a scripted provider: what is sent, how often, and what becomes of the requests.</summary>
public sealed class BatchEngineTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();

    private ScriptedProvider Provider => _fixture.Provider;

    private bool AllSettled => _fixture.Ledger.Open().Count == 0;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    private Standing StandingOf(RequestKey key) => _fixture.Ledger.Find(key).Standing;

    [Fact]
    public async Task A_sealed_spool_is_uploaded_created_once_and_its_answers_stored()
    {
        RequestKey[] keys = await _fixture.SpoolAsync(3);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((1, 1, 0), (Provider.CountOf("upload"), Provider.CountOf("create"), Provider.CountOf("list")));
        Assert.All(keys, key => Assert.Equal(Standing.New, StandingOf(key)));
        foreach (RequestKey key in keys)
        {
            Assert.True((await _fixture.GetAsync(key))!.IsBatch);
        }

        Assert.Empty(_fixture.Spools);
        BatchSettled settled = Assert.Single(_fixture.Events.OfType<BatchSettled>());
        Assert.Equal((3, 0, 0, 0, new TokenUsage(9, 6)), (settled.Report.Responses, settled.Report.Failed, settled.Report.Missing, settled.Report.Surplus, settled.Report.Usage));
    }

    [Fact]
    public async Task A_transient_failure_of_an_upload_is_tried_again_later()
    {
        int times = 0;
        Provider.OnUpload = spool => ++times < 3 ? throw ScriptedProvider.Error(ErrorClass.Transient, unknown: true) : "file-1";
        RequestKey[] keys = await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((3, 1), (Provider.CountOf("upload"), Provider.CountOf("create")));
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
    }

    [Fact]
    public async Task A_provider_that_asks_to_wait_is_not_called_before()
    {
        var calls = new List<DateTimeOffset>();
        Provider.OnCreate = _ =>
        {
            calls.Add(_fixture.Time.GetUtcNow());
            if (calls.Count == 1)
            {
                throw ScriptedProvider.Error(ErrorClass.RateLimited, status: 429, retryAfter: TimeSpan.FromMinutes(7));
            }
        };
        await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(2, calls.Count);
        Assert.True(calls[1] - calls[0] >= TimeSpan.FromMinutes(7), $"{calls[1] - calls[0]}");
        Assert.Equal(1, Provider.CountOf("upload"));
    }

    [Fact]
    public async Task A_refusal_for_good_fails_the_requests_with_the_providers_message()
    {
        Provider.OnCreate = _ => throw ScriptedProvider.Error(ErrorClass.Permanent, "no such endpoint", status: 400);
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(1, Provider.CountOf("create"));
        Assert.All(keys, key => Assert.Equal(Standing.Failed, StandingOf(key)));
        Assert.Contains("no such endpoint", _fixture.Ledger.Find(keys[0]).Error, StringComparison.Ordinal);
        Assert.Equal(2, Assert.Single(_fixture.Events.OfType<BatchSettled>()).Report.Failed);
    }

    [Fact]
    public async Task A_batch_that_is_refused_after_its_creation_fails_the_requests_too()
    {
        Provider.OnGet = batch => batch.Info(BatchState.Failed) with { Error = new RequestError(ErrorClass.Permanent, "model_not_found", "no such model") };
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(1, Provider.CountOf("create"));
        Assert.All(keys, key => Assert.Contains("no such model", _fixture.Ledger.Find(key).Error, StringComparison.Ordinal));
        Assert.Empty(_fixture.Spools);
    }

    [Fact]
    public async Task Over_the_enqueued_token_limit_it_waits_longer_each_time_and_goes_on()
    {
        Provider.OnGet = batch => Provider.Batches.Count < 5
            ? batch.Info(BatchState.Failed) with { Error = new RequestError(ErrorClass.RateLimited, "token_limit_exceeded", "Enqueued token limit reached") }
            : batch.Info(BatchState.Done, "out");
        RequestKey[] keys = await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((1, 5), (Provider.CountOf("upload"), Provider.CountOf("create")));
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
        string[] remarks = [.. _fixture.Events.OfType<Remark>().Select(r => r.Text)];
        Assert.Equal(4, remarks.Length);
        Assert.All(remarks.Zip((string[])["10 s", "20 s", "40 s", "80 s"]), r => Assert.Contains($"waiting {r.Second} for room", r.First, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_batch_that_keeps_failing_without_cause_is_given_up()
    {
        Provider.OnGet = batch => batch.Info(BatchState.Failed) with { Error = new RequestError(ErrorClass.Transient, "server_error", "boom") };
        RequestKey[] keys = await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled || Provider.CountOf("create") > 50);

        Assert.Equal(5, Provider.CountOf("create"));
        Assert.Equal(Standing.Failed, StandingOf(keys[0]));
    }

    [Fact]
    public async Task A_lost_create_answer_is_found_in_the_list_and_not_created_again()
    {
        Provider.OnCreated = _ => throw ScriptedProvider.Error(ErrorClass.Transient, "reset", unknown: true);
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(1, Provider.CountOf("create"));
        Assert.True(Provider.CountOf("list") >= 1);
        Assert.NotNull(await _fixture.GetAsync(keys[1]));
    }

    /// <summary>The list may refuse, for a while, to be asked: that says nothing about the batch.</summary>
    [Theory]
    [InlineData(ErrorClass.RateLimited, false)]
    [InlineData(ErrorClass.Transient, false)]
    [InlineData(ErrorClass.Transient, true)]
    [InlineData(ErrorClass.Permanent, false)]
    public async Task A_list_that_fails_never_leads_to_a_second_create(ErrorClass kind, bool unknown)
    {
        int lists = 0;
        Provider.OnCreated = _ => throw ScriptedProvider.Error(ErrorClass.Transient, "reset", unknown: true);
        Provider.OnList = () =>
        {
            if (++lists <= 3)
            {
                throw ScriptedProvider.Error(kind, "not now", unknown);
            }
        };
        RequestKey[] keys = await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        // The last one looks whether the lost call has made a second batch.
        Assert.Equal((1, 5), (Provider.CountOf("create"), lists));
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
    }

    [Fact]
    public async Task A_key_refused_while_looking_for_a_lost_batch_leaves_it_to_be_found_later()
    {
        Provider.OnCreated = _ => throw ScriptedProvider.Error(ErrorClass.Transient, "reset", unknown: true);
        Provider.OnList = () => throw ScriptedProvider.Error(ErrorClass.Credentials, "bad key", status: 401);
        await _fixture.SpoolAsync(1);

        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => _fixture.RunUntilAsync(() => AllSettled));

        Assert.Equal(ErrorKind.Credentials, error.Kind);
        Assert.Equal(IntentState.Unknown, Assert.Single(_fixture.Ledger.Open()).State);
        Provider.OnList = () => { };
        await _fixture.RunUntilAsync(() => AllSettled);
        Assert.Equal(1, Provider.CountOf("create"));
    }

    [Fact]
    public async Task A_create_that_left_no_batch_is_made_again_after_the_list_was_quiet_for_minutes()
    {
        var creates = new List<DateTimeOffset>();
        Provider.OnCreate = _ =>
        {
            creates.Add(_fixture.Time.GetUtcNow());
            if (creates.Count == 1)
            {
                throw ScriptedProvider.Error(ErrorClass.Transient, "timeout", unknown: true);
            }
        };
        await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(2, creates.Count);
        Assert.True(creates[1] - creates[0] >= TimeSpan.FromMinutes(3));
        Assert.True(Provider.CountOf("list") >= 2);
    }

    [Fact]
    public async Task Without_a_tag_on_the_batch_a_lost_one_is_found_by_time_and_count()
    {
        Provider.OnUpload = _ => null;
        Provider.OnCreated = _ => throw ScriptedProvider.Error(ErrorClass.Transient, "reset", unknown: true);
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(1, Provider.CountOf("create"));
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
    }

    [Fact]
    public async Task Two_batches_that_might_be_the_lost_one_are_left_to_people()
    {
        Provider.OnUpload = _ => null;
        Provider.Batches["stranger"] = new ScriptedBatch("stranger", "", null, ["{\"custom_id\":\"x\"}"], Provider.CreatedAt);
        Provider.OnCreated = _ => throw ScriptedProvider.Error(ErrorClass.Transient, "reset", unknown: true);
        await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => Provider.CountOf("list") > 10);

        Assert.Equal(1, Provider.CountOf("create"));
        Assert.Contains("2 batches", Assert.Single(_fixture.Ledger.Open()).Note, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Of_two_that_might_be_it_the_results_tell_as_soon_as_they_are_there()
    {
        var ended = false;
        Provider.OnUpload = _ => null;
        Provider.OnInfo = batch => ended ? batch.Info(BatchState.Done, "out") : batch.Info(BatchState.Running);
        Provider.Batches["stranger"] = new ScriptedBatch("stranger", "", null, ["{\"custom_id\":\"x\"}"], Provider.CreatedAt);
        Provider.OnCreated = _ => throw ScriptedProvider.Error(ErrorClass.Transient, "reset", unknown: true);
        RequestKey[] keys = await _fixture.SpoolAsync(1);
        await _fixture.RunUntilAsync(() => _fixture.Ledger.Open().Single().State == IntentState.NeedsHuman);
        string note = _fixture.Ledger.Open().Single().Note!;
        Assert.All((string[])["sluice adopt", "sluice resend", "stranger"], part => Assert.Contains(part, note, StringComparison.Ordinal));

        ended = true;
        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(1, Provider.CountOf("create"));
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
    }

    [Fact]
    public async Task Results_of_others_that_cannot_be_read_do_not_hide_the_lost_batch_behind_them()
    {
        Provider.OnUpload = _ => null;
        Provider.OnCreated = batch =>
        {
            Provider.Batches["another"] = batch with { Id = "another", Intent = "aaaaaaaaaaaaaaaaaaaa", CreatedAt = batch.CreatedAt.AddSeconds(1) };
            throw ScriptedProvider.Error(ErrorClass.Transient, "lost", unknown: true);
        };
        Provider.OnInfo = batch => batch.Info(BatchState.Done, "out");
        Provider.OnOpen = (batch, _) => batch.Id == "another" ? throw ScriptedProvider.Error(ErrorClass.Permanent, "results are archived", status: 404) : batch.AnswerAll();
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(1, Provider.CountOf("create"));
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
    }

    [Fact]
    public async Task A_batch_that_counts_no_lines_yet_may_be_the_lost_one()
    {
        Provider.OnUpload = _ => null;
        Provider.OnCreated = _ => throw ScriptedProvider.Error(ErrorClass.Transient, "lost", unknown: true);
        Provider.OnInfo = batch => batch.Info(BatchState.Validating) with { Total = 0 };
        await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(1, Provider.CountOf("create"));
    }

    [Fact]
    public async Task A_batch_taken_for_the_lost_one_by_its_size_is_given_back_when_its_results_are_anothers()
    {
        Provider.OnUpload = _ => null;
        Provider.Batches["stranger"] = new ScriptedBatch("stranger", "", null, [$$"""{"custom_id":"{{new string('a', 20)}}-{{new string('A', 43)}}"}"""], Provider.CreatedAt);
        Provider.OnCreate = _ =>
        {
            if (Provider.CountOf("create") == 1)
            {
                throw ScriptedProvider.Error(ErrorClass.Transient, "reset", unknown: true);
            }
        };
        RequestKey[] keys = await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(2, Provider.CountOf("create"));
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
        Assert.Contains(_fixture.Events.OfType<Remark>(), r => r.Text.Contains("stranger is not the one", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_batch_that_shows_up_after_it_was_made_again_is_cancelled_and_reported()
    {
        var hidden = true;
        Provider.OnCreated = _ =>
        {
            if (Provider.CountOf("create") == 1)
            {
                throw ScriptedProvider.Error(ErrorClass.Transient, "reset", unknown: true);
            }

            hidden = false;
        };
        Provider.IsListed = _ => !hidden;
        await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled && Provider.CountOf("cancel") > 0);

        Assert.Equal((2, 1), (Provider.CountOf("create"), Provider.CountOf("cancel")));
        Assert.Contains(_fixture.Events.OfType<Remark>(), r => r.Text.Contains("batch-0 was made twice, beside batch-1", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_create_call_is_broken_off_when_another_process_has_taken_its_intent_over()
    {
        using LedgerStore rival = _fixture.OpenRival();
        Provider.BeforeCreate = async cancellationToken =>
        {
            Provider.BeforeCreate = _ => Task.CompletedTask;
            TakeOver(rival);
            await Task.Delay(Timeout.InfiniteTimeSpan, _fixture.Time, cancellationToken);
        };
        await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(1, Provider.CountOf("create"));
        Assert.Contains(_fixture.Events.OfType<Remark>(), r => r.Text.EndsWith("belongs to another process now", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_id_of_a_batch_whose_intent_was_taken_over_meanwhile_is_handed_in()
    {
        using LedgerStore rival = _fixture.OpenRival();
        Provider.OnCreated = _ => TakeOver(rival);
        RequestKey[] keys = await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((1, 0, 0), (Provider.CountOf("create"), Provider.CountOf("list"), Provider.CountOf("cancel")));
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
    }

    [Fact]
    public async Task A_batch_is_cancelled_when_another_process_makes_it_too()
    {
        using LedgerStore rival = _fixture.OpenRival();
        Provider.OnCreated = _ =>
        {
            Provider.OnCreated = _ => { };
            Intent taken = rival.MarkNotCreated(TakeOver(rival), "nothing in the list");
            rival.MarkCreating(taken);
        };
        await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => Provider.CountOf("cancel") > 0);

        Assert.Contains(_fixture.Events.OfType<Remark>(), r => r.Text.StartsWith("batch batch-0 was made twice, beside one that another process is making", StringComparison.Ordinal));
    }

    /// <summary>Takes the only batch over from this process, as if it had stood still for longer than its lease.</summary>
    private Intent TakeOver(LedgerStore rival)
    {
        Intent taken = rival.TryOwn(_fixture.Ledger.Open().Single())!;
        Assert.Equal(IntentState.Unknown, taken.State);
        return taken;
    }

    [Fact]
    public async Task What_a_process_claimed_that_dies_meanwhile_is_set_free()
    {
        using var other = _fixture.OpenLedger("1:1@elsewhere");
        Intent spooling = other.Begin(Provider, "m");
        other.Claim(spooling, [_fixture.Request(1).Key], new long[1], retryFailed: false);
        other.ClaimLive(_fixture.Request(2).Key, retryFailed: false);

        await _fixture.RunUntilAsync(() => AllSettled && _fixture.Events.OfType<Remark>().Any(r => r.Text.StartsWith("up to 1 live call was", StringComparison.Ordinal)));

        Assert.All((int[])[1, 2], i => Assert.Equal(Standing.New, _fixture.Ledger.Find(_fixture.Request(i).Key).Standing));
    }

    [Fact]
    public async Task A_spool_that_is_not_what_was_written_is_not_sent()
    {
        await _fixture.SpoolAsync(2);
        string spool = Assert.Single(_fixture.Spools);
        byte[] bytes = await File.ReadAllBytesAsync(spool, TestContext.Current.CancellationToken);
        bytes[^10] ^= 1;
        await File.WriteAllBytesAsync(spool, bytes, TestContext.Current.CancellationToken);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Contains(_fixture.Events.OfType<Remark>(), r => r.Text.Contains("checksum differs", StringComparison.Ordinal));
        Assert.Empty(Provider.Calls);
    }

    [Fact]
    public async Task A_batch_that_is_not_to_be_seen_just_after_its_creation_is_looked_at_again()
    {
        int looks = 0;
        Provider.OnGet = batch => ++looks <= 4 ? throw ScriptedProvider.Error(ErrorClass.Transient, "No batch found", status: 404) : batch.Info(BatchState.Done, "out");
        RequestKey[] keys = await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(1, Provider.CountOf("create"));
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
    }

    [Fact]
    public async Task An_unknown_state_is_waited_for()
    {
        int looks = 0;
        Provider.OnGet = batch => ++looks <= 3 ? batch.Info(BatchState.Running) with { RawState = "pondering" } : batch.Info(BatchState.Done, "out");
        RequestKey[] keys = await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((4, 1), (looks, Provider.CountOf("create")));
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
    }

    [Theory]
    [InlineData(BatchState.Expired, "batch_expired")]
    [InlineData(BatchState.Cancelled, "batch_cancelled")]
    public async Task What_was_finished_before_a_batch_ended_early_is_kept_and_the_rest_may_be_sent_again(BatchState state, string code)
    {
        Provider.OnGet = batch => batch.Info(state, "out", "err");
        Provider.OnOpen = (batch, file) => file == "out" ? ScriptedBatch.Answer(batch.CustomIds.First()) : string.Concat(batch.CustomIds.Skip(1).Select(id => ScriptedBatch.Failure(id, code)));
        RequestKey[] keys = await _fixture.SpoolAsync(3);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.NotNull(await _fixture.GetAsync(keys[0]));
        Assert.Equal([Standing.Retryable, Standing.Retryable], keys.Skip(1).Select(StandingOf));
        Assert.Equal(1, _fixture.Ledger.Find(keys[1]).Attempts);
    }

    [Fact]
    public async Task A_request_without_a_line_is_looked_for_again_and_then_counts_as_a_failed_try()
    {
        Provider.OnOpen = (batch, _) => string.Concat(batch.CustomIds.SkipLast(1).Select(id => ScriptedBatch.Answer(id)));
        _fixture.AllowTries(1);
        RequestKey[] keys = await _fixture.SpoolAsync(3);

        await _fixture.RunUntilAsync(() => AllSettled, _fixture.Engine());

        Assert.True(Provider.CountOf("open") >= 3, $"{Provider.CountOf("open")}");
        Assert.Equal([Standing.New, Standing.New, Standing.Failed], keys.Select(StandingOf));
        Assert.Contains("without a result line", _fixture.Ledger.Find(keys[2]).Error, StringComparison.Ordinal);
        Assert.Equal((2, 1), (Assert.Single(_fixture.Events.OfType<BatchSettled>()).Report.Responses, _fixture.Events.OfType<BatchSettled>().Single().Report.Missing));
    }

    [Fact]
    public async Task Result_files_that_come_late_are_read_when_they_are_there()
    {
        int looks = 0;
        Provider.OnGet = batch => ++looks < 3 ? batch.Info(BatchState.Done) : batch.Info(BatchState.Done, "out");
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.NotNull(await _fixture.GetAsync(keys[0]));
        Assert.Equal(0, _fixture.Ledger.Find(keys[0]).Attempts);
    }

    [Fact]
    public async Task Strange_doubled_and_foreign_lines_do_no_harm()
    {
        Provider.OnOpen = (batch, _) =>
        {
            string[] ids = [.. batch.CustomIds];
            return "\ufeff" + ScriptedBatch.Answer(ids[1], "b") + "\r\n\n" + "not json\n" + ScriptedBatch.Answer("somebody-else") + ScriptedBatch.Answer("aaaaaaaaaaaaaaaaaaaa" + ids[0][20..], "wrong")
                + ScriptedBatch.Answer(ids[1], "again") + ScriptedBatch.Answer(new string('!', 64)) + ScriptedBatch.Answer(ids[0], "a").TrimEnd('\n');
        };
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(["a", "b"], await Task.WhenAll(keys.Select(async key => Provider.Dialect.ReadResponse((await _fixture.GetAsync(key))!.Body.Span, default).Text)));
        Assert.Equal((4, 0), (Assert.Single(_fixture.Events.OfType<BatchSettled>()).Report.Surplus, _fixture.Events.OfType<BatchSettled>().Single().Report.Missing));
    }

    [Fact]
    public async Task A_download_that_breaks_off_is_read_again_and_nothing_is_counted_twice()
    {
        int opens = 0;
        Provider.OnOpen = (batch, _) => ++opens == 1 ? throw ScriptedProvider.Error(ErrorClass.Transient, "cut") : ScriptedBatch.Answer(batch.CustomIds.First()) + ScriptedBatch.Failure(batch.CustomIds.Last(), "server_error");
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((Standing.Retryable, 1), (StandingOf(keys[1]), _fixture.Ledger.Find(keys[1]).Attempts));
    }

    [Fact]
    public async Task A_killed_process_left_a_submitted_batch_which_is_collected_and_not_sent_again()
    {
        RequestKey[] keys = await _fixture.SpoolAsync(2);
        Provider.OnGet = batch => batch.Info(BatchState.Running);
        await _fixture.RunUntilAsync(() => _fixture.Ledger.Open().Single().State == IntentState.Submitted);
        Provider.OnGet = batch => batch.Info(BatchState.Done, "out");

        await _fixture.RunUntilAsync(() => AllSettled, submit: false);

        Assert.Equal(1, Provider.CountOf("create"));
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
    }

    [Fact]
    public async Task A_batch_whose_answers_were_all_taken_over_is_closed_though_nobody_waits_for_it()
    {
        RequestKey[] keys = await _fixture.SpoolAsync(2);
        Provider.OnGet = batch => batch.Info(BatchState.Running);
        await _fixture.RunUntilAsync(() => _fixture.Ledger.Open().Single().State == IntentState.Submitted);
        BatchEngine engine = _fixture.Engine();
        await _fixture.RunUntilAsync(() => Provider.CountOf("get") > 0, engine);
        await _fixture.PutAsync(keys[0]);
        Provider.OnGet = batch => batch.Info(BatchState.Done, "out");

        await engine.CloseSettledAsync(TestContext.Current.CancellationToken);
        Assert.False(AllSettled);

        await _fixture.PutAsync(keys[1]);
        await engine.CloseSettledAsync(TestContext.Current.CancellationToken);
        Assert.True(AllSettled);
        Assert.Empty(_fixture.Spools);
        Assert.All(keys, key => Assert.Equal(Standing.New, StandingOf(key)));
    }

    [Fact]
    public async Task What_a_dead_process_was_to_send_and_others_have_answered_is_not_sent_any_more()
    {
        RequestKey[] keys = await _fixture.SpoolAsync(1);
        Provider.OnUpload = _ => throw ScriptedProvider.Error(ErrorClass.Transient, "busy");
        BatchEngine engine = _fixture.Engine();
        await _fixture.RunUntilAsync(() => Provider.CountOf("upload") > 0, engine);
        await engine.CloseSettledAsync(TestContext.Current.CancellationToken);
        Assert.False(AllSettled);

        await _fixture.PutAsync(keys[0]);
        await engine.CloseSettledAsync(TestContext.Current.CancellationToken);

        Assert.True(AllSettled);
        Assert.Empty(_fixture.Spools);
        Assert.Equal(0, Provider.CountOf("create"));
    }

    [Theory]
    [InlineData(ErrorClass.Credentials)]
    [InlineData(ErrorClass.Quota)]
    public async Task A_refused_key_or_an_empty_account_stops_the_engine_and_keeps_the_batch(ErrorClass kind)
    {
        Provider.OnCreate = _ => throw ScriptedProvider.Error(kind, "pay first", status: 402);
        RequestKey[] keys = await _fixture.SpoolAsync(1);

        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => _fixture.RunUntilAsync(() => AllSettled));

        Assert.Contains("pay first", error.Message, StringComparison.Ordinal);
        Assert.Equal((IntentState.Uploaded, Standing.InFlight), (Assert.Single(_fixture.Ledger.Open()).State, StandingOf(keys[0])));
    }

    [Fact]
    public async Task The_batch_of_another_address_is_left_alone_with_a_remark()
    {
        Provider.OnGet = batch => batch.Info(BatchState.Running);
        await _fixture.SpoolAsync(1);
        await _fixture.RunUntilAsync(() => _fixture.Ledger.Open().Single().State == IntentState.Submitted);
        _fixture.Events.Clear();
        var stranger = new ScriptedProvider { Account = "scripted@elsewhere#1" };
        var engine = _fixture.Engine(provider: stranger);

        await _fixture.RunUntilAsync(() => _fixture.Events.OfType<Remark>().Any(), engine);

        Assert.Contains("another key or address", Assert.IsType<Remark>(_fixture.Events.First()).Text, StringComparison.Ordinal);
        Assert.Empty(stranger.Calls);
    }
}
