using Sluice.Caching;

namespace Sluice.Tests.Caching;

public sealed class ShadowResponseCacheTests : CacheConformance
{
    private readonly List<string> _remarks = [];

    protected override IResponseCache Open(string folder, TimeProvider time) =>
        new ShadowResponseCache(Sqlite(folder, time), new JsonlResponseCache(Path.Combine(folder, "second"), time, _remarks.Add), _remarks.Add);

    [Fact]
    public async Task Differences_are_counted_and_the_first_store_counts()
    {
        var (first, second) = (Sqlite(Folder, TimeProvider.System), Sqlite(Path.Combine(Folder, "second"), TimeProvider.System));
        await using var cache = new ShadowResponseCache(first, second, _remarks.Add);
        await first.PutAsync([Entry(1, "only there"), Entry(2, "one")], cancellationToken: Token);
        await second.PutAsync([Entry(2, "another"), Entry(3, "only here")], cancellationToken: Token);
        await cache.PutAsync([Entry(4, "both")], cancellationToken: Token);

        Assert.Equal(["only there", "one", null, "both", null], (await GetAsync(cache, 1, 2, 3, 4, 5)).Select(Text));
        Assert.Equal(new ShadowReport(Compared: 4, Differ: 1, Missing: 1, Surplus: 1, Troubles: 0), cache.Report);
    }

    [Fact]
    public async Task Trouble_with_the_second_store_is_remarked_on_once_and_not_in_the_way()
    {
        var second = new JsonlResponseCache(Path.Combine(Folder, "second"), TimeProvider.System, _remarks.Add);
        await using var cache = new ShadowResponseCache(Sqlite(Folder, TimeProvider.System), second, _remarks.Add);
        await cache.PutAsync([Entry(1, "one")], cancellationToken: Token);
        string file = Assert.Single(Directory.GetFiles(second.Name, "*.jsonl"));
        await File.WriteAllTextAsync(file, "broken\n", Token);

        Assert.Equal("one", Text((await GetAsync(cache, 1))[0]));
        Assert.Equal("one", Text((await GetAsync(cache, 1))[0]));

        Assert.Equal(2, cache.Report.Troubles);
        Assert.Single(_remarks, r => r.StartsWith("the shadow cache: ", StringComparison.Ordinal));
    }

    private static SqliteResponseCache Sqlite(string folder, TimeProvider time) => new(Path.Combine(folder, "cache.db"), time);
}
