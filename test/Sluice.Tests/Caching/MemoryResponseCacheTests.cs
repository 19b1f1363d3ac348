using Sluice.Caching;

namespace Sluice.Tests.Caching;

public sealed class MemoryResponseCacheTests : CacheConformance
{
    protected override IResponseCache Open(string folder, TimeProvider time) => new MemoryResponseCache(512 * 1024 * 1024, time);

    [Fact]
    public async Task What_was_used_least_recently_goes_first()
    {
        await using var cache = new MemoryResponseCache(10_000, TimeProvider.System);
        await cache.PutAsync([.. Enumerable.Range(0, 8).Select(i => Entry(i, new string('x', 900)))], cancellationToken: Token);
        Assert.Equal(0, cache.Evictions);
        await GetAsync(cache, 0, 1);

        await cache.PutAsync([Entry(8, new string('x', 900)), Entry(9, new string('x', 900))], cancellationToken: Token);

        CachedResponse?[] found = await GetAsync(cache, [.. Enumerable.Range(0, 10)]);
        Assert.Equal("0, 1, 4, 5, 6, 7, 8, 9", string.Join(", ", Enumerable.Range(0, 10).Where(i => found[i] is not null)));
        Assert.Equal(2, cache.Evictions);
    }

    [Fact]
    public async Task A_body_that_would_throw_out_nearly_everything_is_not_taken_in()
    {
        await using var cache = new MemoryResponseCache(10_000, TimeProvider.System);
        await cache.PutAsync([Entry(1, "small"), Entry(2, new string('x', 9000))], cancellationToken: Token);

        Assert.Equal(["small", null], (await GetAsync(cache, 1, 2)).Select(Text));
    }
}
