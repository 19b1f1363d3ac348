using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Dispatch.Live;
using Sluice.Experiments;
using Sluice.Ledger;
using Sluice.Providers;

namespace Sluice.Tests.Dispatch;

/// <summary>Failed requests are sent again once: what failed in this very command is not sent by it again.</summary>
public sealed class RetryFailedTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Fact]
    public async Task A_live_request_that_many_samples_share_is_sent_again_once_however_often_it_is_asked()
    {
        _fixture.Provider.OnSend = (_, _) => throw ScriptedProvider.Error(ErrorClass.Permanent, "no such parameter", status: 400);
        _fixture.Ledger.RecordFailure(_fixture.Request(1).Key, "old", 1);
        _fixture.Ledger.BeginCommand();
        using var dispatcher = new LiveDispatcher(_fixture.Ledger, _fixture.Cache, _fixture.Time, _fixture.Events.Enqueue, () => 1);
        DispatchTally tally = Retrying();

        // One call per chunk of samples: each chunk asks when the one before has failed.
        for (int chunk = 0; chunk < 20; chunk++)
        {
            DispatchResult result = await dispatcher.DispatchAsync(_fixture.Request(1), tally, Token);
            Assert.Contains("no such parameter", result.Failure, StringComparison.Ordinal);
        }

        Assert.Equal(1, _fixture.Provider.CountOf("send"));
    }

    [Fact]
    public async Task A_request_of_a_batch_that_failed_again_in_this_command_is_not_claimed_again()
    {
        _fixture.Ledger.RecordFailure(_fixture.Request(1).Key, "old", 1);
        _fixture.Ledger.BeginCommand();
        Intent first = Assert.Single(await SealedAsync());
        _fixture.Ledger.RecordFailedTries(first, [new FailedTry(_fixture.Request(1).Key, "again", IsFinal: true)]);

        Assert.Empty(await SealedAsync());
        Assert.Equal("again", _fixture.Ledger.Find(_fixture.Request(1).Key).Error);
    }

    [Fact]
    public async Task What_a_batch_held_that_was_refused_in_this_command_is_not_claimed_again()
    {
        _fixture.Ledger.BeginCommand();
        Intent refused = Assert.Single(await SealedAsync());
        _fixture.Ledger.MarkRefused(refused, "no such model");

        Assert.Empty(await SealedAsync());
        _fixture.Time.Advance(TimeSpan.FromMilliseconds(2));
        _fixture.Ledger.BeginCommand();
        Assert.Single(await SealedAsync());
    }

    [Fact]
    public void What_fails_in_this_command_is_told_from_what_failed_before_it_at_the_same_moment()
    {
        _fixture.Ledger.BeginCommand();
        using LedgerStore later = _fixture.OpenLedger("1:1@elsewhere");
        later.RecordFailure(_fixture.Request(2).Key, "earlier", 1);
        _fixture.Ledger.RecordFailure(_fixture.Request(1).Key, "no", 1);

        Assert.True(_fixture.Ledger.Find(_fixture.Request(1).Key).StaysFailed(retryFailed: true));
        Assert.False(_fixture.Ledger.Find(_fixture.Request(2).Key).StaysFailed(retryFailed: true));
        Assert.True(_fixture.Ledger.Find(_fixture.Request(2).Key).StaysFailed(retryFailed: false));
    }

    private static DispatchTally Retrying()
    {
        var tally = new DispatchTally();
        tally.BeginReplay(retryFailed: true, null);
        return tally;
    }

    /// <summary>Asks for the request as a batch, and returns the batches that were sealed.</summary>
    private async Task<List<Intent>> SealedAsync()
    {
        List<Intent> intents = [];
        using BatchDispatcher dispatcher = _fixture.Batches(onSealed: intents.Add);
        await dispatcher.DispatchAsync(_fixture.Request(1), Retrying(), Token);
        await dispatcher.FlushAsync(Token);
        return intents;
    }
}
