using Microsoft.Extensions.Time.Testing;
using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Tests.Caching;

/// <summary>What every cache must do that outlives its process and can be looked into.</summary>
public abstract class CacheStoreConformance : CacheConformance
{
    private static readonly DateTimeOffset s_noon = new(2026, 11, 24, 12, 0, 0, TimeSpan.Zero);

    protected sealed override IResponseCache Open(string folder, TimeProvider time) => OpenStore(folder, time);

    /// <summary>Opens the store of a folder; the same folder is the same store.</summary>
    protected abstract ICacheStore OpenStore(string folder, TimeProvider time);

    protected static async Task<List<StoredResponse>> ListAsync(ICacheStore cache, CacheFilter filter, bool withBodies = true)
    {
        var found = new List<StoredResponse>();
        await foreach (StoredResponse entry in cache.ListAsync(filter, withBodies, Token))
        {
            found.Add(entry);
        }

        return found;
    }

    [Fact]
    public async Task What_was_put_is_still_there_when_the_store_is_opened_again()
    {
        await using (IResponseCache cache = Open(Folder))
        {
            await cache.PutAsync([Entry(1, "kept", Live)], cancellationToken: Token);
        }

        await using IResponseCache again = Open(Folder);
        int added = await again.PutAsync([Entry(1, "late"), Entry(2, "more")], cancellationToken: Token);

        CachedResponse?[] found = await GetAsync(again, 1, 2);
        Assert.Equal((1, "kept", false, "more"), (added, Text(found[0]), found[0]!.IsBatch, Text(found[1])));
    }

    [Fact]
    public async Task Disposing_stores_what_was_put_before()
    {
        Task<int> put;
        await using (IResponseCache cache = Open(Folder))
        {
            put = cache.PutAsync([Entry(1, "kept")], cancellationToken: Token).AsTask();
        }

        Assert.Equal(1, await put);
        await using IResponseCache again = Open(Folder);
        Assert.Equal("kept", Text((await GetAsync(again, 1))[0]));
    }

    [Fact]
    public async Task Two_instances_of_one_store_are_one_domain()
    {
        await using IResponseCache one = Open(Folder);
        await using IResponseCache two = Open(Folder);

        Assert.Equal(200, await RaceAsync(writer => writer % 2 == 0 ? one : two));
        await one.PutAsync([Entry(9000, "from one")], cancellationToken: Token);
        Assert.Equal("from one", Text((await GetAsync(two, 9000))[0]));
    }

    [Fact]
    public async Task Everything_that_was_stored_is_told()
    {
        await using ICacheStore cache = OpenStore(Folder, new FakeTimeProvider(s_noon));
        await cache.PutAsync([Entry(1, "one") with { Request = "{}"u8.ToArray() }, Entry(2, "zwei ü", Live)], cancellationToken: Token);

        List<StoredResponse> found = await ListAsync(cache, CacheFilter.All);

        Assert.Equal(2, found.Count);
        StoredResponse one = found.Single(e => e.Key == Key(1));
        Assert.Equal((Batch, s_noon, new TokenUsage(1, 2), 3, null), (one.Origin, one.CreatedAt, one.Usage, one.Size, one.Problem));
        Assert.Equal(("one", "{}"), (Text(one.Body), Text(one.Request)));
        Assert.Null(found.Single(e => e.Key == Key(2)).Request);
        StoredResponse? alone = await cache.FindAsync(Key(1), Token);
        Assert.Equal((one.Origin, one.CreatedAt, "one", "{}"), (alone!.Origin, alone.CreatedAt, Text(alone.Body), Text(alone.Request)));
        Assert.Null(await cache.FindAsync(Key(3), Token));
        Assert.All(await ListAsync(cache, CacheFilter.All, withBodies: false), e => Assert.Equal((null, e.Key == Key(1) ? 3 : 7), (e.Body, e.Size)));
        Assert.True(await cache.StoredBytesAsync(Token) > 10);
    }

    [Fact]
    public async Task A_filter_lets_through_what_it_says()
    {
        var time = new FakeTimeProvider(s_noon);
        await using ICacheStore cache = OpenStore(Folder, time);
        await cache.PutAsync([Entry(1, "1"), Entry(2, "22", new ResponseOrigin("openai", "n", "batch_2"))], cancellationToken: Token);
        time.Advance(TimeSpan.FromDays(1));
        await cache.PutAsync([Entry(3, "333", Live), Entry(4, "4444", new ResponseOrigin("anthropic", "m", "batch_1"))], cancellationToken: Token);

        Assert.Equal("1, 3, 4", await KeysAsync(new CacheFilter { Model = "m" }));
        Assert.Equal("4", await KeysAsync(new CacheFilter { Provider = "anthropic" }));
        Assert.Equal("3", await KeysAsync(new CacheFilter { Source = "live" }));
        Assert.Equal("1, 2", await KeysAsync(new CacheFilter { Before = s_noon.AddDays(1) }));
        Assert.Equal("3, 4", await KeysAsync(new CacheFilter { From = s_noon.AddDays(1) }));
        Assert.Equal("2, 3", await KeysAsync(new CacheFilter { LeastBytes = 2, MostBytes = 3 }));
        Assert.Equal("", await KeysAsync(new CacheFilter { Model = "n", Provider = "anthropic" }));

        async Task<string> KeysAsync(CacheFilter filter) =>
            string.Join(", ", (await ListAsync(cache, filter, withBodies: false)).Select(e => Enumerable.Range(1, 4).Single(n => Key(n) == e.Key)).Order());
    }

    [Fact]
    public async Task What_is_deleted_is_gone_and_may_be_stored_again()
    {
        await using ICacheStore cache = OpenStore(Folder, TimeProvider.System);
        await using ICacheStore other = OpenStore(Folder, TimeProvider.System);
        await cache.PutAsync([.. Enumerable.Range(0, 2000).Select(i => Entry(i, $"{i}", i % 2 == 0 ? Batch : Live))], cancellationToken: Token);

        Assert.Equal(1000, await cache.DeleteAsync(new CacheFilter { Source = "live" }, Token));

        foreach (ICacheStore store in (ICacheStore[])[cache, other])
        {
            CachedResponse?[] found = await GetAsync(store, [.. Enumerable.Range(0, 2000)]);
            Assert.All(Enumerable.Range(0, 2000), i => Assert.Equal(i % 2 == 0 ? $"{i}" : null, Text(found[i])));
        }

        Assert.Equal(0, await cache.DeleteAsync(new CacheFilter { Source = "live" }, Token));
        Assert.Equal(1, await other.PutAsync([Entry(1, "anew"), Entry(2, "late")], cancellationToken: Token));
        await cache.CompactAsync(Token);
        Assert.Equal(["anew", "2", null], (await GetAsync(cache, 1, 2, 3)).Select(Text));
        Assert.Equal(1001, (await ListAsync(other, CacheFilter.All)).Count);
        Assert.Equal(1001, await other.DeleteAsync(CacheFilter.All, Token));
        Assert.True(await cache.IsEmptyAsync(Token));
    }

    [Fact]
    public async Task One_entry_is_removed_by_its_key_and_all_others_stay()
    {
        await using ICacheStore cache = OpenStore(Folder, TimeProvider.System);
        await cache.PutAsync([.. Enumerable.Range(0, 3).Select(i => Entry(i, $"{i}", Batch))], cancellationToken: Token);

        Assert.True(await cache.RemoveAsync(Entry(1, "", Batch).Key, Token));
        Assert.False(await cache.RemoveAsync(Entry(1, "", Batch).Key, Token));

        Assert.Equal(["0", null, "2"], (await GetAsync(cache, 0, 1, 2)).Select(Text));
        Assert.Equal(1, await cache.PutAsync([Entry(1, "anew", Batch)], cancellationToken: Token));
    }

    [Fact]
    public async Task Of_keys_that_begin_alike_any_may_be_deleted()
    {
        await using ICacheStore cache = OpenStore(Folder, TimeProvider.System);
        RequestKey[] keys = [.. Enumerable.Range(0, 6).Select(i => Alike(i < 4 ? (byte)0x7F : (byte)0x80, i))];
        await cache.PutAsync([.. keys.Select((k, i) => Entry(i, $"{i}", new ResponseOrigin("p", $"m{i}", "b")) with { Key = k })], cancellationToken: Token);

        foreach (int gone in (int[])[1, 0, 4])
        {
            Assert.Equal(1, await cache.DeleteAsync(new CacheFilter { Model = $"m{gone}" }, Token));
        }

        var found = new CachedResponse?[keys.Length];
        await cache.GetAsync(keys, found, cancellationToken: Token);
        Assert.Equal([null, null, "2", "3", null, "5"], found.Select(Text));
        Assert.Equal(1, await cache.PutAsync([Entry(1, "again") with { Key = keys[1] }, Entry(2, "late") with { Key = keys[2] }], cancellationToken: Token));
        await cache.GetAsync(keys, found, cancellationToken: Token);
        Assert.Equal([null, "again", "2", "3", null, "5"], found.Select(Text));
    }

    [Fact]
    public async Task Compacting_changes_nothing_that_is_stored()
    {
        await using ICacheStore cache = OpenStore(Folder, TimeProvider.System);
        string Body(int i) => $$$"""{"id":"chatcmpl-{{{i}}}","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"The answer to number {{{i * 7919}}} is {{{i}}}."},"finish_reason":"stop"}]}""";
        await cache.PutAsync([.. Enumerable.Range(0, 3000).Select(i => Entry(i, Body(i)) with { Request = i % 3 == 0 ? "{\"a\":1}"u8.ToArray() : null })], cancellationToken: Token);
        List<StoredResponse> before = await ListAsync(cache, CacheFilter.All);

        await cache.CompactAsync(Token);

        Assert.Equal(Enumerable.Range(0, 3000).Select(Body), (await GetAsync(cache, [.. Enumerable.Range(0, 3000)])).Select(Text));
        List<StoredResponse> after = await ListAsync(cache, CacheFilter.All);
        Assert.Equal(before.Select(Everything).Order(StringComparer.Ordinal), after.Select(Everything).Order(StringComparer.Ordinal));
        Assert.Equal(1, await cache.PutAsync([Entry(1, "late"), Entry(4000, Body(4000))], cancellationToken: Token));
        Assert.Equal(Body(4000), Text((await GetAsync(cache, 4000))[0]));

        static string Everything(StoredResponse e) => $"{e.Key} {e.Origin} {e.CreatedAt:O} {e.Usage} {e.Size} {Text(e.Body)} {Text(e.Request)} {e.Problem}";
    }

    [Fact]
    public async Task A_copy_keeps_the_time_of_making()
    {
        await using ICacheStore cache = OpenStore(Folder, new FakeTimeProvider(s_noon));
        await cache.PutAsync([Entry(1, "old") with { CreatedAt = s_noon.AddYears(-1) }], cancellationToken: Token);

        Assert.Equal(s_noon.AddYears(-1), Assert.Single(await ListAsync(cache, CacheFilter.All)).CreatedAt);
        Assert.Null((await GetAsync(cache, s_noon.AddDays(-30), 1))[0]);
    }

    protected static string? Text(byte[]? bytes) => bytes is null ? null : System.Text.Encoding.UTF8.GetString(bytes);
}
