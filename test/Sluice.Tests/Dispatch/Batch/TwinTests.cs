using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch.Batch;

/// <summary>Batches that were made twice: the search for the other one ends, and what it has answered is used.</summary>
public sealed class TwinTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();

    private ScriptedProvider Provider => _fixture.Provider;

    private bool AllSettled => _fixture.Ledger.Open().Count == 0;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Theory]
    [InlineData(ErrorClass.Transient, 503)]
    [InlineData(ErrorClass.Permanent, 501)]
    [InlineData(ErrorClass.Credentials, 403)]
    public async Task A_batch_whose_twin_cannot_be_looked_for_is_closed_and_its_results_are_read_once(ErrorClass kind, int status)
    {
        await MakeTwiceAsync();
        Provider.OnList = () => throw ScriptedProvider.Error(kind, "no list today", status: status);
        int opens = Provider.CountOf("open");

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(opens + 1, Provider.CountOf("open"));
        Intent closed = _fixture.Ledger.Latest(1).Single();
        Assert.Contains("whether it was made twice cannot be told", closed.Note, StringComparison.Ordinal);
        Assert.Contains(_fixture.Events.OfType<Remark>(), r => r.Text.Contains("cannot be told", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(BatchState.Cancelled, false)]
    [InlineData(BatchState.Done, true)]
    public async Task Of_two_batches_in_one_list_the_one_with_answers_is_taken_and_the_other_is_told_of(BatchState younger, bool hasAnswers)
    {
        // A gateway has made the call twice, and has lost the answers.
        Provider.OnCreated = batch =>
        {
            Provider.Batches["batch-younger"] = batch with { Id = "batch-younger", CreatedAt = batch.CreatedAt.AddSeconds(1) };
            throw ScriptedProvider.Error(ErrorClass.Transient, "lost", unknown: true);
        };
        Provider.OnGet = Provider.OnInfo = batch => batch.Id == "batch-younger"
            ? hasAnswers ? batch.Info(younger, "out") : batch.Info(younger)
            : batch.Info(BatchState.Done, "out");
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(1, Provider.CountOf("create"));
        Assert.All(await Task.WhenAll(keys.Select(_fixture.GetAsync)), Assert.NotNull);
        Assert.Contains(_fixture.Events.OfType<Remark>(), r => r.Text.Contains("was made twice", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_refused_batch_makes_no_twin_and_no_search()
    {
        Provider.OnGet = batch => Provider.Batches.Count < 3
            ? batch.Info(BatchState.Failed) with { Error = new RequestError(ErrorClass.RateLimited, "token_limit_exceeded", "no room") }
            : batch.Info(BatchState.Done, "out");
        Provider.OnList = () => throw ScriptedProvider.Error(ErrorClass.Permanent, "not implemented", status: 501);
        await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal((3, 0, 1), (Provider.CountOf("create"), Provider.CountOf("list"), Provider.CountOf("open")));
    }

    [Fact]
    public async Task The_answers_of_a_twin_that_has_ended_fill_what_failed_in_the_other()
    {
        _fixture.AllowTries(1);
        RequestKey[] keys = await MakeTwiceAsync();
        Provider.OnInfo = batch => batch.Info(BatchState.Done, "out");
        Provider.OnOpen = (batch, _) => batch.Id == "batch-0"
            ? batch.AnswerAll()
            : ScriptedBatch.Answer(batch.CustomIds.First()) + string.Concat(batch.CustomIds.Skip(1).Select(id => ScriptedBatch.Failure(id, "batch_expired")));

        await _fixture.RunUntilAsync(() => AllSettled, _fixture.Engine());

        foreach (RequestKey key in keys)
        {
            Assert.NotNull(await _fixture.GetAsync(key));
            Assert.Equal(Standing.New, _fixture.Ledger.Find(key).Standing);
        }

        IngestReport report = Assert.Single(_fixture.Events.OfType<BatchSettled>()).Report;
        Assert.Equal((3, new TokenUsage(9, 6)), (report.Responses, report.Usage));
        Assert.Equal(0, Provider.CountOf("cancel"));
    }

    [Fact]
    public async Task A_twin_plants_nothing_that_the_batch_has_not_asked()
    {
        await MakeTwiceAsync();
        RequestKey foreign = _fixture.Request(77).Key;
        Provider.OnInfo = batch => batch.Info(BatchState.Done, "out");
        Provider.OnOpen = (batch, _) => batch.AnswerAll() + ScriptedBatch.Answer($"{batch.Intent}-{foreign}", "planted");

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Null(await _fixture.GetAsync(foreign));
    }

    /// <summary>Has a batch of three made twice: the answer to the first create call is lost, and the list does not show its batch in time.</summary>
    private async Task<RequestKey[]> MakeTwiceAsync()
    {
        var hidden = true;
        var ends = false;
        Provider.OnCreated = _ =>
        {
            if (Provider.CountOf("create") == 1)
            {
                throw ScriptedProvider.Error(ErrorClass.Transient, "reset", unknown: true);
            }

            hidden = false;
        };
        Provider.IsListed = _ => !hidden;
        Provider.OnGet = batch => ends ? batch.Info(BatchState.Done, "out") : batch.Info(BatchState.Running);
        RequestKey[] keys = await _fixture.SpoolAsync(3);
        await _fixture.RunUntilAsync(() => Provider.CountOf("get") > 0);
        Assert.Equal((2, 1), (Provider.CountOf("create"), _fixture.Ledger.Open().Single().LostCreates));
        ends = true;
        return keys;
    }
}
