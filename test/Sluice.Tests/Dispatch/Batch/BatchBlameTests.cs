using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Experiments;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch.Batch;

/// <summary>What the result lines of a batch say of the account, or of everything that its model is asked, holds for what has not been sent yet.</summary>
public sealed class BatchBlameTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();

    private ScriptedProvider Provider => _fixture.Provider;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Fact]
    public async Task Lines_that_tell_a_spent_account_use_up_no_tries_and_nothing_more_is_sent()
    {
        StopAfter(20, maxAttempts: 1);
        var (first, second) = await TwoBatchesAsync(2, batch => string.Concat(batch.CustomIds.Select(id => ScriptedBatch.Failure(id, "insufficient_quota"))));

        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => _fixture.RunUntilAsync(() => false, _fixture.Engine()));

        Assert.Equal(ErrorKind.Credentials, error.Kind);
        Assert.Contains("no quota left", error.Message, StringComparison.Ordinal);
        // The second one was created once, before anybody knew, and refused for another reason.
        Assert.Equal(2, Provider.CountOf("create"));
        Assert.All(first, key => Assert.Equal((Standing.Retryable, 0), _fixture.Ledger.Find(key) is var found ? (found.Standing, found.Attempts) : default));
        Assert.All(second, key => Assert.Equal(Standing.InFlight, _fixture.Ledger.Find(key).Standing));
    }

    [Fact]
    public async Task After_a_batch_of_equal_failures_no_more_of_the_model_is_sent()
    {
        StopAfter(20);
        var (first, second) = await TwoBatchesAsync(5, AllFail);

        await _fixture.RunUntilAsync(() => _fixture.Ledger.Open().Count == 0);

        Assert.Equal(2, Provider.CountOf("create"));
        Assert.All(first, key => Assert.Equal(Standing.Failed, _fixture.Ledger.Find(key).Standing));
        Assert.All(second, key => Assert.Equal(Standing.New, _fixture.Ledger.Find(key).Standing));
        Assert.Empty(_fixture.Spools);
        Assert.Single(_fixture.Events.OfType<Remark>(), r => r.Text.StartsWith("`m`: the first 5 answers of its batches are the same failure, so no further batches of it are made: ", StringComparison.Ordinal));

        using BatchDispatcher dispatcher = _fixture.Batches();
        await dispatcher.DispatchAsync(_fixture.Request(100), _fixture.Tally, Token);
        await dispatcher.FlushAsync(Token);
        Assert.Equal((1, 0), (_fixture.Tally.Stopped, _fixture.Ledger.Open().Count));
    }

    /// <summary>One line says little; one other answer, or a limit of 0, says that the model is to be asked on.</summary>
    [Theory]
    [InlineData(20, 4, false)]
    [InlineData(20, 9, true)]
    [InlineData(0, 9, false)]
    public async Task Few_failures_or_one_other_answer_or_a_stop_after_of_0_keep_a_model_going(int stopAfter, int count, bool hasAnswer)
    {
        StopAfter(stopAfter);
        var (_, second) = await TwoBatchesAsync(count, batch => hasAnswer ? ScriptedBatch.Answer(batch.CustomIds.First()) + AllFail(batch) : AllFail(batch));

        await _fixture.RunUntilAsync(() => _fixture.Ledger.Open().Count == 0);

        Assert.Equal(3, Provider.CountOf("create"));
        Assert.NotNull(await _fixture.GetAsync(second[0]));
    }

    /// <summary>A limit below five counts for batches, too; failures add up over batches as long as they are the same.</summary>
    [Theory]
    [InlineData(3, "same", "same", true)]
    [InlineData(20, "same", "same", false)]
    [InlineData(3, "same", "another", false)]
    public void Equal_failures_of_batches_add_up(int stopAfter, string one, string other, bool isStopped)
    {
        StopAfter(stopAfter);
        foreach (string message in (string[])[one, other])
        {
            _fixture.Failures.Asks(1, "", "m", _fixture.Tally);
            _fixture.Failures.Asks(1, "", "m", _fixture.Tally);
            _fixture.Failures.Ended(new Intent { Row = 1, Id = "", Provider = null!, Account = "", Model = "m", State = IntentState.Submitted, Owner = "" }, new IngestReport { Failed = 2, OnlyFailure = new RequestError(ErrorClass.Permanent, "bad", message) });
        }

        Assert.Equal(isStopped, _fixture.Failures.IsStopped(_fixture.Request(1), _fixture.Tally));
    }

    private static string AllFail(ScriptedBatch batch) => string.Concat(batch.CustomIds.Select((id, i) => ScriptedBatch.Failure(id, "invalid_request", $"`seed` is not supported (request req_{i}a)")));

    /// <summary>Seals two batches of a model; the second one finds no room until the first one has ended.</summary>
    private async Task<(RequestKey[] First, RequestKey[] Second)> TwoBatchesAsync(int count, Func<ScriptedBatch, string> firstResults)
    {
        Provider.OnOpen = (batch, file) => batch.Id == "batch-0" ? firstResults(batch) : batch.AnswerAll();
        Provider.OnCreate = _ =>
        {
            if (Provider.CountOf("create") == 2)
            {
                throw ScriptedProvider.Error(ErrorClass.RateLimited, status: 429, retryAfter: TimeSpan.FromHours(1));
            }
        };
        return (await _fixture.SpoolAsync(count), await _fixture.SpoolAsync(1, from: 50));
    }

    private void StopAfter(int stopAfter, int maxAttempts = 3)
    {
        _fixture.Tally = new DispatchTally { Terms = BatchTerms.Default with { MaxAttempts = maxAttempts }, Live = new LiveOptions { StopAfter = stopAfter } };
        _fixture.Failures = new FailureStop(_fixture.Events.Enqueue);
    }
}
