using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch.Batch;

/// <summary>Sending batches when commands stop, clocks are set, files vanish and experiments differ in what they ask.</summary>
public sealed class SendingTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();

    private ScriptedProvider Provider => _fixture.Provider;

    private bool AllSettled => _fixture.Ledger.Open().Count == 0;

    private Intent Only => Assert.Single(_fixture.Ledger.Open());

    private IEnumerable<string> Remarks => _fixture.Events.OfType<Remark>().Select(r => r.Text);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    private async Task SpoolAsync(params (int Number, BatchTerms Terms)[] requests)
    {
        using BatchDispatcher dispatcher = _fixture.Batches();
        foreach (var (number, terms) in requests)
        {
            await dispatcher.DispatchAsync(_fixture.Request(number), new DispatchTally { Terms = terms }, Token);
        }

        await dispatcher.FlushAsync(Token);
    }

    private static BatchTerms LostAfter(double? seconds) => BatchTerms.Of(seconds is { } s ? TimeSpan.FromSeconds(s) : null, deletesFiles: false);

    private static ProviderException Lost() => ScriptedProvider.Error(ErrorClass.Transient, "reset", unknown: true);

    [Fact]
    public async Task A_create_call_under_way_is_waited_for_when_the_command_stops_and_its_batch_is_known()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        var answer = new TaskCompletionSource();
        Provider.BeforeCreate = async cancellationToken =>
        {
            await stop.CancelAsync();
            Assert.False(cancellationToken.IsCancellationRequested);
            await answer.Task.WaitAsync(cancellationToken);
        };
        await _fixture.SpoolAsync(2);
        await _fixture.SpoolAsync(2, from: 10);

        Task running = _fixture.Engine().RunAsync(submit: true, stop.Token);
        while (!Remarks.Any(r => r.StartsWith("waiting for the answer to the create call", StringComparison.Ordinal)))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, Token);
        }

        Assert.False(running.IsCompleted);
        answer.SetResult();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
        Assert.Equal([IntentState.Submitted, IntentState.Sealed], _fixture.Ledger.Open().Select(i => i.State));
        Assert.Equal((1, 1), (Provider.CountOf("upload"), Provider.CountOf("create")));
    }

    [Fact]
    public async Task A_create_call_that_is_refused_while_the_command_stops_is_known_not_to_have_made_a_batch()
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        Provider.BeforeCreate = async _ => await stop.CancelAsync();
        Provider.OnCreate = _ => throw ScriptedProvider.Error(ErrorClass.RateLimited, status: 429);
        await _fixture.SpoolAsync(1);

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => _fixture.Engine().RunAsync(submit: true, stop.Token));

        Assert.Equal((IntentState.Uploaded, 0), (Only.State, Provider.CountOf("list")));
    }

    [Theory]
    [InlineData(1.0, null, 180)]
    [InlineData(null, 1.0, 180)]
    [InlineData(1.0, 20.0, 20)]
    [InlineData(600.0, null, 600)]
    [InlineData(1.0, 1.0, 1)]
    public async Task A_lost_batch_is_looked_for_as_long_as_the_most_patient_of_its_experiments_asks(double? one, double? other, double seconds)
    {
        var creates = new List<DateTimeOffset>();
        Provider.OnCreate = _ =>
        {
            creates.Add(_fixture.Time.GetUtcNow());
            if (creates.Count == 1)
            {
                throw Lost();
            }
        };
        await SpoolAsync((1, LostAfter(one)), (2, LostAfter(other)));

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(2, creates.Count);
        Assert.True((creates[1] - creates[0]).TotalSeconds >= seconds, $"{creates[1] - creates[0]}");
        Assert.Equal(TimeSpan.FromSeconds(seconds), LostAfter(one).With(LostAfter(other)).Wait(usual: TimeSpan.FromMinutes(3)));
        Assert.Equal(TimeSpan.FromSeconds(seconds), LostAfter(other).With(LostAfter(one)).Wait(usual: TimeSpan.FromMinutes(3)));
    }

    [Fact]
    public async Task The_impatience_of_one_batch_is_not_anothers()
    {
        var creates = new List<(string Intent, DateTimeOffset At)>();
        Provider.OnCreate = spool =>
        {
            creates.Add((spool.Intent, _fixture.Time.GetUtcNow()));
            if (creates.Count(c => c.Intent == spool.Intent) == 1)
            {
                throw Lost();
            }
        };
        await SpoolAsync((1, LostAfter(1)));
        await SpoolAsync((2, LostAfter(null)));
        BatchTerms[] terms = [.. _fixture.Ledger.Open().Select(i => i.Terms)];

        await _fixture.RunUntilAsync(() => AllSettled);

        TimeSpan[] waits = [.. creates.GroupBy(c => c.Intent).Select(g => g.Last().At - g.First().At)];
        Assert.True(waits[1].TotalSeconds >= 180, $"{waits[1]}");
        Assert.Equal([TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(180)], terms.Select(t => t.Wait(usual: TimeSpan.FromSeconds(180))));
    }

    [Fact]
    public async Task An_experiment_that_joins_an_open_batch_has_a_say_in_it()
    {
        await SpoolAsync((1, LostAfter(5)), (1, BatchTerms.Of(TimeSpan.FromSeconds(70), deletesFiles: true)));

        Assert.Equal((TimeSpan.FromSeconds(70), false, true), (Only.Terms.LostAfter, Only.Terms.HasUsualWait, Only.Terms.DeletesFiles));
        Assert.Equal(Only.Terms, Spool.Read(_fixture.SpoolFolder, Only.Id)!.Terms);
    }

    [Fact]
    public async Task A_batch_of_a_lost_ledger_keeps_what_was_asked_for_it()
    {
        await SpoolAsync((1, BatchTerms.Of(TimeSpan.FromSeconds(70), deletesFiles: true)));
        Intent read = Spool.Read(_fixture.SpoolFolder, Only.Id)!;
        _fixture.Ledger.Discard(Only);

        Assert.True(_fixture.Ledger.Restore(read, [_fixture.Request(1).Key]));

        Assert.Equal(BatchTerms.Of(TimeSpan.FromSeconds(70), deletesFiles: true), Only.Terms);
    }

    [Fact]
    public async Task The_batch_of_a_lost_create_that_turns_up_while_the_intent_waits_for_room_is_taken_and_no_third_one_made()
    {
        Provider.OnCreated = _ =>
        {
            if (Provider.CountOf("create") == 1)
            {
                throw Lost();
            }
        };
        // Not to be seen until the second batch has been refused: it takes the room that the second one lacks.
        Provider.IsListed = batch => batch.Id == "batch-0" && Provider.CountOf("create") > 1;
        Provider.OnGet = batch => batch.Id == "batch-0" ? batch.Info(BatchState.Done, "out")
            : batch.Info(BatchState.Failed) with { Error = new RequestError(ErrorClass.RateLimited, "token_limit_exceeded", "Enqueued token limit reached") };
        RequestKey[] keys = await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((2, 0), (Provider.CountOf("create"), Provider.CountOf("cancel")));
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
    }

    [Fact]
    public async Task A_clock_that_is_set_forward_while_a_lost_batch_is_looked_for_does_not_make_it_again()
    {
        Provider.OnCreated = _ => throw Lost();
        int lists = 0;
        long began = _fixture.Time.GetTimestamp();
        Provider.OnList = () => _fixture.Time.WallClockStep = ++lists == 1 ? TimeSpan.FromHours(1) : _fixture.Time.WallClockStep;
        // Long before it would be made again, and after the first looks.
        Provider.IsListed = _ => _fixture.Time.GetElapsedTime(began) > TimeSpan.FromMinutes(1);
        await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(1, Provider.CountOf("create"));
        Assert.True(lists >= 2);
    }

    [Fact]
    public async Task A_clock_that_is_set_back_stops_neither_looks_nor_holds_nor_the_search_for_a_lost_batch()
    {
        long began = 0;
        Provider.OnCreate = _ =>
        {
            int create = Provider.CountOf("create");
            if (create == 1)
            {
                began = _fixture.Time.GetTimestamp();
                throw ScriptedProvider.Error(ErrorClass.RateLimited, status: 429);
            }

            if (create == 2)
            {
                throw Lost();
            }
        };
        Provider.OnList = () => _fixture.Time.WallClockStep = -TimeSpan.FromHours(2);
        Provider.OnGet = batch => batch.Info(Provider.CountOf("get") < 3 ? BatchState.Running : BatchState.Done, "out");
        await _fixture.SpoolAsync(1);
        _fixture.Time.WallClockStep = TimeSpan.FromHours(1);

        await _fixture.RunUntilAsync(() =>
        {
            // Once the batch is refused for the first time, and once more with each look at it, somebody sets the clock back.
            _fixture.Time.WallClockStep = Provider.CountOf("create") == 0 ? TimeSpan.FromHours(1) : -TimeSpan.FromHours(Provider.CountOf("get"));
            return AllSettled;
        });

        Assert.Equal((3, 3), (Provider.CountOf("create"), Provider.CountOf("get")));
        Assert.True(_fixture.Time.GetElapsedTime(began) < TimeSpan.FromMinutes(15), $"{_fixture.Time.GetElapsedTime(began)}");
    }

    [Theory]
    [InlineData(400)]
    [InlineData(404)]
    [InlineData(410)]
    public async Task A_batch_whose_uploaded_file_is_gone_is_uploaded_again(int status)
    {
        Provider.OnUpload = _ => $"file-{Provider.CountOf("upload")}";
        Provider.OnCreate = _ =>
        {
            if (Provider.CountOf("create") == 1)
            {
                throw ScriptedProvider.Error(ErrorClass.RateLimited, status: 429);
            }

            if (Provider.CountOf("upload") == 1)
            {
                Provider.GoneFiles.Add("file-1");
                throw ScriptedProvider.Error(ErrorClass.Permanent, "no such file", status: status);
            }
        };
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((2, 3), (Provider.CountOf("upload"), Provider.CountOf("create")));
        Assert.Equal("file-2", Assert.Single(Provider.Batches.Values).FileId);
        Assert.NotNull(await _fixture.GetAsync(keys[1]));
        Assert.Contains(Remarks, r => r.Contains("file-1 is gone at the provider; it is uploaded again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_batch_that_is_refused_after_its_creation_because_its_file_is_gone_is_uploaded_again()
    {
        Provider.OnUpload = _ => $"file-{Provider.CountOf("upload")}";
        Provider.OnCreated = batch => _ = batch.FileId == "file-1" && Provider.GoneFiles.Add("file-1");
        Provider.OnGet = batch => batch.FileId == "file-1"
            ? batch.Info(BatchState.Failed) with { Error = new RequestError(ErrorClass.Permanent, "invalid_request", "Cannot find file") }
            : batch.Info(BatchState.Done, "out");
        RequestKey[] keys = await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((2, 2), (Provider.CountOf("upload"), Provider.CountOf("create")));
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
    }

    [Fact]
    public async Task A_refusal_of_a_file_that_is_there_is_the_requests_own()
    {
        Provider.OnCreate = _ => throw ScriptedProvider.Error(ErrorClass.Permanent, "bad endpoint", status: 400);
        RequestKey[] keys = await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((1, 1), (Provider.CountOf("upload"), Provider.CountOf("create")));
        Assert.Contains("bad endpoint", _fixture.Ledger.Find(keys[0]).Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_provider_that_never_finds_its_own_files_is_not_sent_them_for_ever()
    {
        Provider.OnCreate = _ => throw ScriptedProvider.Error(ErrorClass.Permanent, "no such file", status: 400);
        Provider.OnUpload = spool =>
        {
            Provider.GoneFiles.Add($"file-{spool.Intent}");
            return $"file-{spool.Intent}";
        };
        RequestKey[] keys = await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((3, 3), (Provider.CountOf("upload"), Provider.CountOf("create")));
        Assert.Equal(Standing.Failed, _fixture.Ledger.Find(keys[0]).Standing);
    }

    [Fact]
    public async Task A_doubt_whose_list_cannot_be_read_names_the_commands_that_settle_it_and_is_looked_for_all_the_same()
    {
        var down = true;
        Provider.OnCreated = _ => throw Lost();
        Provider.OnList = () =>
        {
            if (down)
            {
                throw ScriptedProvider.Error(ErrorClass.Transient, "server error", unknown: true, status: 500);
            }
        };
        await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => Provider.CountOf("list") > 2);

        Assert.Equal(IntentState.Unknown, Only.State);
        Assert.All((string[])[$"sluice adopt --intent {Only.Id} --batch BATCH", $"sluice resend {Only.Id}"], command => Assert.Contains(command, Only.Note, StringComparison.Ordinal));
        Assert.Single(Remarks, r => r.Contains("is in doubt", StringComparison.Ordinal) && r.Contains("sluice resend", StringComparison.Ordinal));
        down = false;
        await _fixture.RunUntilAsync(() => AllSettled);
        Assert.Equal(1, Provider.CountOf("create"));
    }

    [Fact]
    public async Task A_slow_upload_is_told_of_and_a_smaller_batch_recommended()
    {
        var done = new TaskCompletionSource();
        Provider.BeforeUpload = async spool =>
        {
            spool.Sent!(10);
            await done.Task;
        };
        await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() =>
        {
            if (Remarks.Any(r => r.Contains("batch.max_bytes", StringComparison.Ordinal)))
            {
                done.TrySetResult();
            }

            return AllSettled;
        });

        Assert.Equal(1, Provider.CountOf("upload"));
        Assert.Contains(Remarks, r => r.Contains("MB sent in", StringComparison.Ordinal));
    }
}
