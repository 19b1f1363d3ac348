using Sluice.Caching;
using Sluice.Ledger;
using Sluice.Recovery;
using Sluice.Requests;
using Sluice.Tests.Dispatch;

namespace Sluice.Tests.Recovery;

/// <summary>When an empty cache counts as one that has lost what was paid for.</summary>
public sealed class LossTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Fact]
    public async Task Live_answers_are_missed_where_the_cache_is_empty_and_would_have_them()
    {
        Assert.Empty(await FindAsync(_fixture.Cache));
        Keep(1);
        Loss loss = Assert.Single(await FindAsync(_fixture.Cache));
        Assert.Equal("the cache is empty, but the ledger has 1 live answer that was paid for", loss.Problem);
        Assert.Contains("`sluice adopt --results`", loss.Remedy, StringComparison.Ordinal);

        // Older than what the command takes; of a cache that never keeps any; any answer says that the store is the same.
        Assert.Empty(await FindAsync(_fixture.Cache, _fixture.Time.GetUtcNow().AddSeconds(1)));
        Assert.Empty(await FindAsync(new MemoryResponseCache(1000, _fixture.Time)));
        await _fixture.PutAsync(_fixture.Request(9).Key);
        Assert.Empty(await FindAsync(_fixture.Cache));
    }

    private void Keep(int number)
    {
        RequestKey key = _fixture.Request(number).Key;
        Assert.Equal(0, _fixture.Ledger.ClaimLive(key, retryFailed: false));
        _fixture.Ledger.EndLive(key, "m", new ModelUsage(1, 1, 1, 1), isKept: true);
    }

    private Task<IReadOnlyList<Loss>> FindAsync(IResponseCache cache, DateTimeOffset since = default) => Loss.FindAsync(_fixture.Ledger, cache, _fixture.SpoolFolder, since, Token);
}
