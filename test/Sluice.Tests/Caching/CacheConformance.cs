using System.Text;
using Microsoft.Extensions.Time.Testing;
using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Tests.Caching;

/// <summary>What every cache must do. A new kind is done when a class that opens it here is green.</summary>
public abstract class CacheConformance : IDisposable
{
    protected static ResponseOrigin Batch { get; } = new("openai", "m", "batch_1");

    protected static ResponseOrigin Live { get; } = new("openai", "m", ResponseOrigin.LiveSource);

    protected string Folder { get; } = Path.Combine(Directory.CreateTempSubdirectory("sluice-cache-").FullName, "new");

    protected static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose()
    {
        Directory.Delete(Path.GetDirectoryName(Folder)!, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>Opens a cache.</summary>
    protected abstract IResponseCache Open(string folder, TimeProvider time);

    protected IResponseCache Open(string folder) => Open(folder, TimeProvider.System);

    protected static RequestKey Key(int number)
    {
        byte[] bytes = new byte[RequestKey.Length];
        new Random(number).NextBytes(bytes);
        return new RequestKey(bytes);
    }

    protected static CacheEntry Entry(int key, string body, ResponseOrigin? origin = null) =>
        new(Key(key), Encoding.UTF8.GetBytes(body), new TokenUsage(key, key + 1)) { Origin = origin ?? Batch };

    protected static Task<CachedResponse?[]> GetAsync(IResponseCache cache, params int[] keys) => GetAsync(cache, default(DateTimeOffset), keys);

    protected static async Task<CachedResponse?[]> GetAsync(IResponseCache cache, DateTimeOffset notBefore, params int[] keys)
    {
        var found = new CachedResponse?[keys.Length];
        await cache.GetAsync(keys.Select(Key).ToArray(), found, notBefore, Token);
        return found;
    }

    /// <summary>Returns a key whose first 8 bytes others share.</summary>
    protected static RequestKey Alike(byte eighth, int last)
    {
        byte[] bytes = new byte[RequestKey.Length];
        bytes.AsSpan(0, 7).Fill(0xFF);
        bytes[7] = eighth;
        bytes[^1] = (byte)last;
        return new RequestKey(bytes);
    }

    protected static string? Text(CachedResponse? response) => response is null ? null : Encoding.UTF8.GetString(response.Body.Span);

    [Fact]
    public async Task What_was_put_is_found_with_its_usage_and_kind()
    {
        await using IResponseCache cache = Open(Folder);

        int added = await cache.PutAsync([Entry(1, "one"), Entry(2, "zwei ü", Live)], cancellationToken: Token);

        CachedResponse?[] found = await GetAsync(cache, 1, 2);
        Assert.Equal(2, added);
        Assert.Equal(("one", new TokenUsage(1, 2), true), (Text(found[0]), found[0]!.Usage, found[0]!.IsBatch));
        Assert.Equal(("zwei ü", new TokenUsage(2, 3), false), (Text(found[1]), found[1]!.Usage, found[1]!.IsBatch));
    }

    [Fact]
    public async Task The_first_answer_stays_and_only_new_ones_are_counted()
    {
        await using IResponseCache cache = Open(Folder);
        await cache.PutAsync([Entry(1, "first", Live)], cancellationToken: Token);

        int added = await cache.PutAsync([Entry(1, "second"), Entry(2, "new"), Entry(2, "twin")], cancellationToken: Token);

        CachedResponse?[] found = await GetAsync(cache, 1, 2);
        Assert.Equal(1, added);
        Assert.Equal(("first", "new", false), (Text(found[0]), Text(found[1]), found[0]!.IsBatch));
    }

    [Fact]
    public async Task Misses_are_null_even_in_slots_that_held_something_and_twins_are_both_found()
    {
        await using IResponseCache cache = Open(Folder);
        await cache.PutAsync([Entry(1, "one"), Entry(3, "three")], cancellationToken: Token);
        var slots = new CachedResponse?[5];
        Array.Fill(slots, new CachedResponse(new byte[1], default, true));

        await cache.GetAsync(new[] { Key(3), Key(2), Key(1), Key(3), Key(4) }, slots, cancellationToken: Token);

        Assert.Equal(["three", null, "one", "three", null], slots.Select(Text));
    }

    [Theory]
    [InlineData(0x00)]
    [InlineData(0x7F)]
    [InlineData(0xFF)]
    public async Task Keys_that_begin_alike_are_told_apart(byte eighth)
    {
        await using IResponseCache cache = Open(Folder);
        RequestKey[] keys = [.. Enumerable.Range(0, 5).Select(i => Alike(eighth, i))];
        CacheEntry[] entries = [.. keys.Select((k, i) => Entry(i, $"{i}") with { Key = k })];

        Assert.Equal(2, await cache.PutAsync([entries[2], entries[0], entries[2]], cancellationToken: Token));
        Assert.Equal(2, await cache.PutAsync([entries[0], entries[1], entries[3], entries[2]], cancellationToken: Token));

        var found = new CachedResponse?[keys.Length];
        await cache.GetAsync(keys, found, cancellationToken: Token);
        Assert.Equal(["0", "1", "2", "3", null], found.Select(Text));
    }

    [Fact]
    public async Task Nothing_in_is_nothing_out()
    {
        await using IResponseCache cache = Open(Folder);

        Assert.Equal(0, await cache.PutAsync([], cancellationToken: Token));
        Assert.Empty(await GetAsync(cache));
        Assert.Null(Assert.Single(await GetAsync(cache, 1)));
    }

    [Fact]
    public async Task Bodies_may_be_empty_or_very_large()
    {
        await using IResponseCache cache = Open(Folder);
        byte[] large = new byte[32 * 1024 * 1024];
        new Random(7).NextBytes(large);

        await cache.PutAsync([Entry(1, ""), Entry(2, "") with { Body = large }], cancellationToken: Token);

        CachedResponse?[] found = await GetAsync(cache, 1, 2);
        Assert.Equal(0, found[0]!.Body.Length);
        Assert.True(found[1]!.Body.Span.SequenceEqual(large));
    }

    [Fact]
    public async Task A_body_belongs_to_its_reader_alone()
    {
        await using IResponseCache cache = Open(Folder);
        byte[] body = "mine"u8.ToArray();
        await cache.PutAsync([Entry(1, "") with { Body = body }], cancellationToken: Token);
        body.AsSpan().Fill((byte)'x');

        CachedResponse?[] first = await GetAsync(cache, 1);
        await GetAsync(cache, 2);
        await cache.PutAsync([Entry(2, "more")], cancellationToken: Token);

        Assert.Equal("mine", Text(first[0]));
        Assert.Equal("mine", Text((await GetAsync(cache, 1))[0]));
    }

    [Fact]
    public async Task A_response_that_is_too_old_counts_as_missing_and_gives_way_to_one_that_was_asked_for_since()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 24, 12, 0, 0, TimeSpan.Zero));
        await using IResponseCache cache = Open(Folder, time);
        DateTimeOffset made = time.GetUtcNow();
        await cache.PutAsync([Entry(1, "old"), Entry(2, "old two")], cancellationToken: Token);
        time.Advance(TimeSpan.FromDays(1));
        DateTimeOffset asked = time.GetUtcNow();

        Assert.Equal(["old", "old two"], (await GetAsync(cache, made, 1, 2)).Select(Text));
        Assert.Equal([null, null], (await GetAsync(cache, asked, 1, 2)).Select(Text));
        time.Advance(TimeSpan.FromHours(1));
        Assert.Equal(1, await cache.PutAsync([Entry(1, "new", Live)], asked, Token));
        Assert.Equal(["new", null], (await GetAsync(cache, asked, 1, 2)).Select(Text));
        Assert.Equal(["new", "old two"], (await GetAsync(cache, 1, 2)).Select(Text));
        Assert.Equal(0, await cache.PutAsync([Entry(1, "later")], asked, Token));
        Assert.Equal("new", Text((await GetAsync(cache, 1))[0]));
    }

    [Fact]
    public async Task An_answer_is_never_older_than_its_question_though_the_clock_be_set_back()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 24, 12, 0, 0, TimeSpan.Zero));
        await using IResponseCache cache = Open(Folder, time);
        DateTimeOffset asked = time.GetUtcNow().AddHours(2);

        await cache.PutAsync([Entry(1, "answer")], asked, Token);

        Assert.Equal("answer", Text((await GetAsync(cache, asked, 1))[0]));
    }

    [Fact]
    public async Task Usage_may_be_as_large_as_it_likes()
    {
        await using IResponseCache cache = Open(Folder);
        await cache.PutAsync([Entry(1, "a") with { Usage = new TokenUsage(long.MaxValue, 0) }], cancellationToken: Token);

        Assert.Equal(new TokenUsage(long.MaxValue, 0), (await GetAsync(cache, 1))[0]!.Usage);
    }

    [Fact]
    public async Task More_responses_than_fit_into_one_group_are_all_stored()
    {
        await using IResponseCache cache = Open(Folder);

        int[] added = await Task.WhenAll(Enumerable.Range(0, 5).Select(p => cache.PutAsync([.. Enumerable.Range(p * 2000, 4000).Select(i => Entry(i, $"{i}"))], cancellationToken: Token).AsTask()));

        Assert.Equal(12_000, added.Sum());
        CachedResponse?[] found = await GetAsync(cache, [.. Enumerable.Range(0, 12_001)]);
        Assert.Equal([.. Enumerable.Range(0, 12_000).Select(i => $"{i}"), null], found.Select(Text));
    }

    [Fact]
    public async Task Of_many_writers_exactly_one_stores_each_key_and_readers_never_see_it_change()
    {
        await using IResponseCache cache = Open(Folder);

        Assert.Equal(200, await RaceAsync(_ => cache));
    }

    protected static async Task<int> RaceAsync(Func<int, IResponseCache> store)
    {
        using var done = CancellationTokenSource.CreateLinkedTokenSource(Token);
        Task<int>[] writers = [.. Enumerable.Range(0, 8).Select(w => Task.Run(async () =>
        {
            int added = 0;
            var random = new Random(w);
            foreach (int[] chunk in Enumerable.Range(0, 200).OrderBy(_ => random.Next()).Chunk(7))
            {
                added += await store(w).PutAsync([.. chunk.Select(i => Entry(i, $"{i} by {w}"))], cancellationToken: Token);
            }

            return added;
        }, Token))];
        Task[] readers = [.. Enumerable.Range(0, 4).Select(r => Task.Run(async () =>
        {
            var seen = new string?[200];
            for (bool last = false; !last;)
            {
                last = done.IsCancellationRequested;
                CachedResponse?[] found = await GetAsync(store(r), [.. Enumerable.Range(0, 200)]);
                for (int i = 0; i < 200; i++)
                {
                    string? text = Text(found[i]);
                    Assert.True(text == seen[i] || seen[i] is null, $"{i}: `{seen[i]}` became `{text}`");
                    Assert.True(text is null || text.StartsWith($"{i} by ", StringComparison.Ordinal));
                    seen[i] = text;
                }
            }

            Assert.All(seen, Assert.NotNull);
        }, Token))];
        int[] added = await Task.WhenAll(writers);
        await done.CancelAsync();
        await Task.WhenAll(readers);
        return added.Sum();
    }
}
