using Microsoft.Extensions.Time.Testing;
using Sluice.Caching;

namespace Sluice.Tests.Caching;

public sealed class TieredResponseCacheTests : CacheConformance
{
    protected override IResponseCache Open(string folder, TimeProvider time) =>
        new TieredResponseCache(new MemoryResponseCache(512 * 1024 * 1024, time), new SqliteResponseCache(Path.Combine(folder, "cache.db"), time));

    [Fact]
    public async Task What_was_found_once_is_found_in_memory()
    {
        var store = new SqliteResponseCache(Path.Combine(Folder, "cache.db"), TimeProvider.System);
        await using var cache = new TieredResponseCache(new MemoryResponseCache(1_000_000, TimeProvider.System), store);
        await cache.PutAsync([Entry(1, "one"), Entry(2, "two")], cancellationToken: Token);
        await GetAsync(cache, 1);

        Assert.Equal(2, await store.DeleteAsync(CacheFilter.All, Token));

        Assert.Equal(["one", null], (await GetAsync(cache, 1, 2)).Select(Text));
    }

    [Fact]
    public async Task An_answer_that_another_process_has_refreshed_is_seen_by_those_who_ask_for_a_young_one()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 24, 12, 0, 0, TimeSpan.Zero));
        await using IResponseCache cache = Open(Folder, time);
        await using IResponseCache other = Open(Folder, time);
        await cache.PutAsync([Entry(1, "old")], cancellationToken: Token);
        Assert.Equal("old", Text((await GetAsync(cache, 1))[0]));
        time.Advance(TimeSpan.FromHours(1));
        DateTimeOffset asked = time.GetUtcNow();

        await other.PutAsync([Entry(1, "new")], asked, Token);

        Assert.Equal("new", Text((await GetAsync(cache, asked, 1))[0]));
        Assert.Equal("new", Text((await GetAsync(cache, 1))[0]));
    }
}
