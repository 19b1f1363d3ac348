using System.Globalization;
using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Experiments;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch;

/// <summary>When batches of a model are not made any more, because the first ones brought nothing but one failure.</summary>
public sealed class FailureStopTests : IAsyncDisposable
{
    private static readonly RequestError Bad = new(ErrorClass.Permanent, "400", "`temperature` is not supported (request req_1)");
    private static readonly RequestError SameBad = new(ErrorClass.Permanent, "400", "`temperature` is not supported (request req_22)");
    private static readonly RequestError Other = new(ErrorClass.Permanent, "400", "the prompt is too long");

    private readonly DispatchFixture _fixture = new();

    private string[] Remarks => [.. _fixture.Events.OfType<Remark>().Select(r => r.Text)];

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Theory]
    [InlineData(20, 50, true)]
    [InlineData(20, 5, true)]
    [InlineData(20, 4, false)]
    [InlineData(20, 1, false)]
    [InlineData(2, 2, true)]
    [InlineData(1, 1, true)]
    [InlineData(0, 50_000, false)]
    public void The_first_batch_decides_unless_it_is_tiny(int after, int lines, bool stops)
    {
        FailureStop stop = Stop(after);

        End(stop, Failed(lines, Bad));

        Assert.Equal(stops, IsStopped(stop));
        Assert.Equal(stops ? 1 : 0, Remarks.Length);
        Assert.Equal((false, false, false), (IsStopped(stop, step: "judge"), IsStopped(stop, model: "n"), IsStopped(stop, tally: new DispatchTally())));
        Assert.False(stop.IsStopped(Batch(77)), "nobody has asked for it");
    }

    [Fact]
    public void Tiny_batches_decide_together()
    {
        FailureStop stop = Stop(20);
        End(stop, Failed(3, Bad));
        Assert.False(IsStopped(stop));
        End(stop, Failed(2, SameBad));
        Assert.True(IsStopped(stop));
        Assert.Contains("step `answer` of `m`: the first 5 answers of its batches are the same failure, so no further batches of it are made: 400: `temperature`", Assert.Single(Remarks), StringComparison.Ordinal);
    }

    [Fact]
    public void A_request_counts_once_however_often_it_is_replayed()
    {
        FailureStop stop = Stop(20);
        for (var replay = 0; replay < 5; replay++)
        {
            _fixture.Tally.BeginReplay(retryFailed: false, budgetLeft: null);
            stop.Asks(5, "answer", "m", _fixture.Tally);
        }

        stop.Ended(Batch(5), Failed(10, Bad));

        Assert.False(IsStopped(stop));
    }

    /// <summary>Experiment one fails as a whole; experiment two, with the same model, has answers. A batch that both share is made.</summary>
    [Fact]
    public void Each_experiment_and_step_stops_for_itself()
    {
        FailureStop stop = Stop(20);
        var two = new DispatchTally();
        End(stop, new IngestReport { Responses = 20 }, tally: two);
        End(stop, Failed(50, Bad));

        Assert.Equal((true, false, false), (IsStopped(stop), IsStopped(stop, tally: two), IsStopped(stop, step: "judge", tally: two)));
        stop.Asks(5, "answer", "m", _fixture.Tally);
        Assert.True(stop.IsStopped(Batch(5)));
        stop.Asks(5, "answer", "m", two);
        Assert.False(stop.IsStopped(Batch(5)));
    }

    /// <summary>Of an answer in a batch of several experiments nobody knows whose it is: none of them is stopped.</summary>
    [Fact]
    public void An_answer_in_a_shared_batch_counts_for_all_and_a_failure_of_it_too()
    {
        FailureStop stop = Stop(20);
        var (two, three) = (new DispatchTally(), new DispatchTally());
        stop.Asks(5, "answer", "m", _fixture.Tally);
        stop.Asks(5, "answer", "m", two);
        stop.Ended(Batch(5), new IngestReport { Responses = 1, Failed = 9 });
        for (var i = 0; i < 5; i++)
        {
            stop.Asks(6, "answer", "m", two);
            stop.Asks(6, "answer", "m", three);
        }

        stop.Ended(Batch(6), Failed(10, Bad));

        Assert.Equal((false, false, true), (IsStopped(stop), IsStopped(stop, tally: two), IsStopped(stop, tally: three)));
    }

    public static TheoryData<IngestReport, bool> Firsts => new()
    {
        // An answer, another failure, one line that may be cured: the model works, or the failures are the requests' own.
        { new IngestReport { Responses = 1, Failed = 49 }, false },
        { Failed(3, Other), false },
        { new IngestReport { Failed = 49, Retryable = 1 }, false },
        // Expired, cancelled, nothing but lines that are sent again: no answer yet.
        { new IngestReport { Retryable = 50 }, true },
        { new IngestReport { Missing = 50 }, true },
        { new IngestReport(), true },
    };

    [Theory]
    [MemberData(nameof(Firsts))]
    public void What_the_first_batch_brought_tells_whether_a_later_one_decides(IngestReport first, bool stops)
    {
        FailureStop stop = Stop(20);
        End(stop, first);
        Assert.False(IsStopped(stop));

        End(stop, Failed(50, Bad));

        Assert.Equal(stops, IsStopped(stop));
    }

    [Theory]
    [InlineData(20, true)]
    [InlineData(20, false)]
    [InlineData(0, true)]
    [InlineData(0, false)]
    public async Task A_first_batch_of_one_failure_leaves_the_others_unsent_and_their_requests_free(int after, bool isRefusedWhole)
    {
        if (isRefusedWhole)
        {
            _fixture.Provider.OnGet = batch => batch.Info(BatchState.Failed) with { Error = Bad };
        }
        else
        {
            _fixture.Provider.OnOpen = (batch, _) => string.Concat(batch.CustomIds.Select(id => Failure(id, 400, "invalid_request_error")));
        }

        FailureStop stop = Stop(after);
        RequestKey[] first = await _fixture.SpoolAsync(6);
        await CarryAsync();
        RequestKey[] second = await _fixture.SpoolAsync(6, from: 6);

        await CarryAsync();

        Assert.Equal(after > 0 ? 1 : 2, _fixture.Provider.CountOf("create"));
        Assert.All(first, key => Assert.Equal(Standing.Failed, _fixture.Ledger.Find(key).Standing));
        Assert.All(second, key => Assert.Equal(after > 0 ? Standing.New : Standing.Failed, _fixture.Ledger.Find(key).Standing));
        Assert.Empty(_fixture.Spools);
    }

    [Fact]
    public async Task Lines_without_credit_are_no_answers_and_no_tries_and_nothing_more_is_created()
    {
        var isSpent = true;
        var isSettled = new TaskCompletionSource();
        _fixture.Provider.OnOpen = (batch, _) => isSpent ? string.Concat(batch.CustomIds.Select(id => Failure(id, 429, "insufficient_quota"))) : batch.AnswerAll();
        // The second batch is on its way by the time the first one's lines are read; the third is not.
        _fixture.Provider.BeforeUpload = _ => _fixture.Provider.CountOf("create") == 1 ? isSettled.Task : Task.CompletedTask;
        FailureStop stop = Stop(1);
        _fixture.AllowTries(1);
        RequestKey[] keys = [.. await _fixture.SpoolAsync(3), .. await _fixture.SpoolAsync(3, from: 3), .. await _fixture.SpoolAsync(3, from: 6)];
        var error = await Assert.ThrowsAsync<SluiceException>(() => _fixture.RunUntilAsync(
            () =>
            {
                if (_fixture.Events.OfType<BatchSettled>().Any())
                {
                    isSettled.TrySetResult();
                }

                return _fixture.Provider.CountOf("create") > 2;
            },
            _fixture.Engine()));

        Assert.Equal((ErrorKind.Credentials, 2, false), (error.Kind, _fixture.Provider.CountOf("create"), IsStopped(stop)));
        IngestReport report = _fixture.Events.OfType<BatchSettled>().First().Report;
        Assert.Equal((0, 3, ErrorClass.Quota, null), (report.Failed, report.Retryable, report.Spent!.Class, report.OnlyFailure));
        Assert.All(keys[..3], key => Assert.Equal((Standing.Retryable, 0), (_fixture.Ledger.Find(key).Standing, _fixture.Ledger.Find(key).Attempts)));

        isSpent = false;
        Stop(1);
        await CarryAsync();
        Assert.Equal(3, _fixture.Provider.CountOf("create"));
        Assert.All(keys, key => Assert.NotEqual(Standing.Failed, _fixture.Ledger.Find(key).Standing));
        Assert.NotNull(await _fixture.GetAsync(keys[8]));
    }

    public static TheoryData<string[], bool> Lines => new()
    {
        { ["400 bad", "400 bad", "400 bad"], true },
        { ["400 bad", "400 worse", "400 bad"], false },
        { ["400 bad", "200", "400 bad"], false },
        { ["400 bad", "500 bad", "400 bad"], false },
        { ["400 bad", "400 bad"], false },
    };

    [Theory]
    [MemberData(nameof(Lines))]
    public async Task Only_a_batch_whose_every_line_is_the_same_failure_reports_one(string[] lines, bool isOne)
    {
        _fixture.Provider.OnOpen = (batch, _) => string.Concat(batch.CustomIds.Zip(lines, (id, line) => line.Split(' ') switch
        {
            [var status, var code] => Failure(id, int.Parse(status, CultureInfo.InvariantCulture), code),
            _ => ScriptedBatch.Answer(id),
        }));
        Stop(0);
        await _fixture.SpoolAsync(3);

        await CarryAsync();

        Assert.Equal(isOne, _fixture.Events.OfType<BatchSettled>().First().Report.OnlyFailure is not null);
    }

    private static string Failure(string customId, int status, string code) =>
        $$$$"""{"custom_id":"{{{{customId}}}}","response":{"status_code":{{{{status}}}},"body":{"error":{"message":"m","code":"{{{{code}}}}","type":"invalid_request_error"}}},"error":null}""" + "\n";

    private Task CarryAsync() => _fixture.RunUntilAsync(() => _fixture.Ledger.Open().Count == 0);

    /// <summary>Makes the watch of another command, and the experiment that it watches.</summary>
    private FailureStop Stop(int after)
    {
        _fixture.Tally = new DispatchTally { Live = new LiveOptions { StopAfter = after } };
        return _fixture.Failures = new FailureStop(_fixture.Events.Enqueue);
    }

    private static IngestReport Failed(int lines, RequestError error) => new() { Failed = lines, OnlyFailure = error };

    private static Intent Batch(long row) => new() { Row = row, Id = "", Provider = null!, Account = "", Model = "m", State = IntentState.Submitted, Owner = "" };

    private void End(FailureStop stop, IngestReport report, DispatchTally? tally = null)
    {
        for (var i = 0; i < report.Failed; i++)
        {
            stop.Asks(9, "answer", "m", tally ?? _fixture.Tally);
        }

        stop.Asks(9, "answer", "m", tally ?? _fixture.Tally);
        stop.Ended(Batch(9), report);
    }

    private bool IsStopped(FailureStop stop, string step = "answer", string model = "m", DispatchTally? tally = null) =>
        stop.IsStopped(_fixture.Request(1) with { Step = step, Route = new Route(_fixture.Provider, model, null) }, tally ?? _fixture.Tally);
}
