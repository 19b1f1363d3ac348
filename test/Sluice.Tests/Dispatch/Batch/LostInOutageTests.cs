using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Ledger;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch.Batch;

/// <summary>A store that goes away between the puts of a batch's answers and the batch's end, and comes back without them or with them.</summary>
public sealed class LostInOutageTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Fact]
    public async Task A_batch_whose_answers_the_store_has_lost_is_read_again_before_it_is_closed()
    {
        RequestKey[] keys = await _fixture.SpoolAsync(5);
        var cache = new InterruptedCache(_fixture.Cache, loses: true);

        await RunAsync(cache);

        Assert.Equal(2, _fixture.Provider.CountOf("open"));
        foreach (RequestKey key in keys)
        {
            Assert.NotNull(await _fixture.GetAsync(key));
        }

        Assert.Contains(_fixture.Events.OfType<Remark>(), remark => remark.Text.Contains("has lost answers", StringComparison.Ordinal));
        Assert.Single(_fixture.Events.OfType<BatchSettled>());
        Assert.Empty(_fixture.Spools);
    }

    [Fact]
    public async Task A_batch_whose_answers_are_all_still_there_is_closed_once_they_are_synced_again()
    {
        await _fixture.SpoolAsync(5);
        var cache = new InterruptedCache(_fixture.Cache, loses: false);

        await RunAsync(cache);

        Assert.Equal(1, _fixture.Provider.CountOf("open"));
        Assert.Equal(2, cache.Syncs);
        Assert.Single(_fixture.Events.OfType<BatchSettled>());
    }

    private async Task RunAsync(IResponseCache cache)
    {
        var context = new BatchContext(_fixture.Ledger, cache, _fixture.Provider.Registry(), _fixture.SpoolFolder, _fixture.Time, _fixture.Events.Enqueue);
        await _fixture.RunUntilAsync(() => _fixture.Ledger.Open().Count == 0, new BatchEngine(context));
    }

    /// <summary>A store that is away when it is synced for the first time, and comes back.</summary>
    private sealed class InterruptedCache(ICacheStore inner, bool loses) : IResponseCache
    {
        public int Syncs { get; private set; }

        public long Interruptions { get; private set; }

        public ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default) =>
            inner.GetAsync(keys, responses, notBefore, cancellationToken);

        public ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default) =>
            inner.PutAsync(entries, replacedBefore, cancellationToken);

        public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => inner.IsEmptyAsync(cancellationToken);

        public async ValueTask SyncAsync(CancellationToken cancellationToken = default)
        {
            if (++Syncs == 1)
            {
                Interruptions++;
                if (loses)
                {
                    await inner.DeleteAsync(CacheFilter.All, cancellationToken);
                }
            }

            await inner.SyncAsync(cancellationToken);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
