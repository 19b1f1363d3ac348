using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Tests.Caching;

public sealed class CacheStatisticsTests
{
    private static readonly DateTimeOffset s_noon = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Fact]
    public async Task Models_are_counted_apart_and_together()
    {
        await using var cache = new TemporaryCache();
        await cache.PutAsync(
            TemporaryCache.Entry(1, "1", "a", made: s_noon), TemporaryCache.Entry(2, "22", "b", made: s_noon.AddDays(1)),
            TemporaryCache.Entry(3, "333", "b", ResponseOrigin.LiveSource, s_noon.AddDays(-1)), TemporaryCache.Entry(4, "", "b", "batch_2", s_noon));

        CacheStatistics all = await CacheStatistics.CollectAsync(cache.Cache, CacheFilter.All, cancellationToken: Token);
        CacheStatistics some = await CacheStatistics.CollectAsync(cache.Cache, new CacheFilter { Model = "a" }, cancellationToken: Token);

        Assert.Equal(["b", "a"], all.Models.Select(m => m.Model));
        Assert.Equal((3L, 2L, 5L, new TokenUsage(9, 3)), (all.Models[0].Responses, all.Models[0].Batch, all.Models[0].BodyBytes, all.Models[0].Usage));
        Assert.Equal((s_noon.AddDays(-1), s_noon.AddDays(1)), (all.Models[0].Oldest, all.Models[0].Newest));
        Assert.Equal((4L, 3L, 6L, new TokenUsage(10, 4)), (all.Total.Responses, all.Total.Batch, all.Total.BodyBytes, all.Total.Usage));
        Assert.Equal((1L, s_noon), (some.Total.Responses, some.Total.Oldest));
        Assert.True(all.StoredBytes > 0);
    }

    [Fact]
    public async Task Of_nothing_there_is_nothing_to_say()
    {
        await using var cache = new TemporaryCache();

        CacheStatistics none = await CacheStatistics.CollectAsync(cache.Cache, CacheFilter.All, cancellationToken: Token);

        Assert.Empty(none.Models);
        Assert.Equal((0L, null, null), (none.Total.Responses, none.Total.Oldest, none.Total.Newest));
    }

    [Theory]
    [InlineData("gpt-4o-mni", "did you mean gpt-4o-mini?")]
    [InlineData("claude", "it has: gpt-4o-mini, o9")]
    public async Task A_name_that_is_not_there_is_told_from_one_that_has_nothing_left(string wrong, string hint)
    {
        await using var cache = new TemporaryCache();
        await cache.PutAsync(TemporaryCache.Entry(1, "1", "gpt-4o-mini"), TemporaryCache.Entry(2, "2", "o9"));

        await CacheNames.RequireAsync(cache.Cache, new CacheFilter { Model = "gpt-4o-mini", Provider = "openai", Source = "batch_1" }, Token);
        var error = await Assert.ThrowsAsync<SluiceException>(() => CacheNames.RequireAsync(cache.Cache, new CacheFilter { Model = wrong }, Token));

        Assert.Equal((ErrorKind.Usage, hint), (error.Kind, error.Hint));
        Assert.Contains($"no response of model `{wrong}`", error.Message, StringComparison.Ordinal);
    }
}
