using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Dispatch.Live;
using Sluice.Experiments;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch;

/// <summary>What an earlier version has sent under a key without an address is waited for, and not sent again under the new one.</summary>
public sealed class LegacyClaimTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();
    private readonly List<Intent> _sealed = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_batch_that_has_the_request_under_its_legacy_key_is_waited_for(bool batchMode)
    {
        RequestKey[] old = await _fixture.SpoolAsync(1);
        Intent intent = Assert.Single(_fixture.Ledger.Open());
        var tally = new DispatchTally();

        DispatchResult result = await DispatchAsync(batchMode, Request(old[0]), tally);

        Assert.Equal((DispatchResult.Pending, 0L), (result, tally.Sent));
        Assert.Equal([intent.Row], tally.WaitingFor());
        Assert.Empty(_sealed);
        Assert.Empty(_fixture.Provider.Calls);
        Assert.Equal(Standing.InFlight, _fixture.Ledger.Find(Request(old[0])).Standing);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_answer_under_the_legacy_key_that_comes_between_the_look_up_and_the_claim_is_taken(bool batchMode)
    {
        RequestKey old = _fixture.Request(0).Key;
        await _fixture.PutAsync(old);
        var tally = new DispatchTally();

        DispatchResult result = await DispatchAsync(batchMode, Request(old), tally);

        Assert.Equal((batchMode, 0L), (result.Response is null, tally.Sent));
        Assert.Empty(_sealed);
        Assert.Empty(_fixture.Provider.Calls);
        // The claim of the new key is given back.
        Assert.Equal(Standing.New, _fixture.Ledger.Find(Request(old).Key).Standing);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_request_that_failed_under_its_legacy_key_has_failed_until_failures_are_sent_again(bool batchMode)
    {
        RequestKey old = _fixture.Request(0).Key;
        _fixture.Ledger.RecordFailure(old, "no such model", 1);

        Assert.Equal("no such model", (await DispatchAsync(batchMode, Request(old), new DispatchTally())).Failure);
        Assert.Empty(_sealed);
        var tally = new DispatchTally();
        tally.BeginReplay(retryFailed: true, null);
        await DispatchAsync(batchMode, Request(old), tally);
        Assert.Equal(1, tally.Sent);
    }

    [Fact]
    public async Task A_live_call_of_an_earlier_version_is_waited_for()
    {
        RequestKey old = _fixture.Request(0).Key;
        using LedgerStore other = _fixture.OpenLedger("1:1@elsewhere");
        Assert.Equal(0, other.ClaimLive(old, retryFailed: false));
        using LiveDispatcher live = Live();

        Task<DispatchResult> waiting = live.DispatchAsync(Request(old), new DispatchTally(), Token).AsTask();
        Assert.True(await _fixture.Time.ArmedAsync(Token) || await _fixture.Time.ArmedAsync(Token) || !waiting.IsCompleted);
        await _fixture.PutAsync(old, "theirs");
        other.EndLive(old);
        while (!waiting.IsCompleted)
        {
            await _fixture.Time.ArmedAsync(Token);
            _fixture.Time.Advance(TimeSpan.FromMilliseconds(200));
        }

        Assert.Contains("theirs", System.Text.Encoding.UTF8.GetString((await waiting).Response!.Body.Span), StringComparison.Ordinal);
        Assert.Empty(_fixture.Provider.Calls);
    }

    [Fact]
    public async Task A_live_call_of_a_process_that_is_gone_is_not_waited_for()
    {
        RequestKey old = _fixture.Request(0).Key;
        using (LedgerStore dead = _fixture.OpenLedger("1:1@elsewhere"))
        {
            Assert.Equal(0, dead.ClaimLive(old, retryFailed: false));
        }

        using LedgerStore rival = _fixture.OpenRival();
        using var live = new LiveDispatcher(rival, _fixture.Cache, _fixture.Time, _fixture.Events.Enqueue, () => 0);

        Assert.NotNull((await live.DispatchAsync(Request(old), new DispatchTally(), Token)).Response);
        Assert.Equal(1, _fixture.Provider.CountOf("send"));
    }

    private Request Request(RequestKey old) => _fixture.Request(0) with { Key = RequestKey.Compute("scripted@gpu", "/v1/chat/completions", _fixture.Request(0).Body.Span, 0), LegacyKey = old };

    private LiveDispatcher Live() => new(_fixture.Ledger, _fixture.Cache, _fixture.Time, _fixture.Events.Enqueue, () => 0);

    private async Task<DispatchResult> DispatchAsync(bool batchMode, Request request, DispatchTally tally)
    {
        if (!batchMode)
        {
            using LiveDispatcher live = Live();
            return await live.DispatchAsync(request, tally, Token);
        }

        // Opened anew: what is in it was written by an earlier process.
        using LedgerStore ledger = _fixture.OpenLedger("2:2@here");
        using var batches = new BatchDispatcher(ledger, _fixture.Cache, _fixture.SpoolFolder, _sealed.Add);
        DispatchResult result = await batches.DispatchAsync(request, tally, Token);
        await batches.FlushAsync(Token);
        return result;
    }
}
