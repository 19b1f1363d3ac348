using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Time.Testing;
using Sluice.Caching;

namespace Sluice.Tests.Caching;

public sealed class JsonlResponseCacheTests : CacheStoreConformance
{
    private readonly List<string> _warnings = [];

    protected override ICacheStore OpenStore(string folder, TimeProvider time) => new JsonlResponseCache(folder, time, _warnings.Add, maxFileBytes: 16 * 1024);

    private string[] Files() => [.. Directory.GetFiles(Folder, "*.jsonl").Order(StringComparer.Ordinal)];

    [Fact]
    public async Task A_line_is_one_JSON_object_with_the_response_in_it()
    {
        await using (ICacheStore cache = OpenStore(Folder, new FakeTimeProvider(new DateTimeOffset(2026, 11, 24, 12, 0, 0, 123, TimeSpan.Zero))))
        {
            await cache.PutAsync([Entry(1, """{"choices":[{"text":"naïve"}]}""") with { Request = """{"model":"m"}"""u8.ToArray() }], cancellationToken: Token);
        }

        string file = Assert.Single(Files());
        Assert.Equal("2026-11-24-0001.jsonl", Path.GetFileName(file));
        string text = await File.ReadAllTextAsync(file, Token);
        Assert.EndsWith("""
            "provider":"openai","model":"m","source":"batch_1","input_tokens":1,"output_tokens":2,"crc32c":3393667144,"request":{"model":"m"},"response":{"choices":[{"text":"naïve"}]}}

            """.ReplaceLineEndings("\n"), text, StringComparison.Ordinal);
        using var line = JsonDocument.Parse(text);
        Assert.Equal(Key(1).ToString(), line.RootElement.GetProperty("key").GetString());
        Assert.Equal("2026-11-24T12:00:00.123Z", line.RootElement.GetProperty("created").GetString());
    }

    [Theory]
    [InlineData("not JSON", "response_text")]
    [InlineData("{\n  \"indented\": true\n}", "response_text")]
    [InlineData(" {}", "response_text")]
    [InlineData("", "response_text")]
    [InlineData("\u00FF", "response_base64")]
    public async Task A_body_that_is_no_line_of_JSON_comes_back_byte_for_byte(string text, string member)
    {
        byte[] body = Encoding.Latin1.GetBytes(text);
        await using ICacheStore cache = OpenStore(Folder, TimeProvider.System);
        await cache.PutAsync([Entry(1, "") with { Body = body }], cancellationToken: Token);

        Assert.Equal(body, (await GetAsync(cache, 1))[0]!.Body.ToArray());
        Assert.Contains($"\"{member}\":", await File.ReadAllTextAsync(Assert.Single(Files()), Token), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_file_that_is_large_enough_or_of_yesterday_is_followed_by_another()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 24, 23, 0, 0, TimeSpan.Zero));
        await using ICacheStore cache = OpenStore(Folder, time);
        await cache.PutAsync([Entry(1, new string('x', 20_000))], cancellationToken: Token);
        await cache.PutAsync([Entry(2, "two")], cancellationToken: Token);
        time.Advance(TimeSpan.FromHours(2));
        await cache.PutAsync([Entry(3, "three")], cancellationToken: Token);
        time.AutoAdvanceAmount = TimeSpan.Zero;

        Assert.Equal(["2026-11-24-0001.jsonl", "2026-11-24-0002.jsonl", "2026-11-25-0001.jsonl"], Files().Select(f => Path.GetFileName(f)));
        Assert.Equal(["two", "three"], (await GetAsync(cache, 2, 3)).Select(Text));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_lost_index_is_made_again_and_files_of_others_are_taken_in(bool isOpen)
    {
        await FillAsync(100);
        await using ICacheStore? before = isOpen ? OpenStore(Folder, TimeProvider.System) : null;
        string[] old = Files();
        string other = Path.Combine(Folder, "from-elsewhere.jsonl");
        File.Copy(old[0], other);
        if (!isOpen)
        {
            File.Delete(Path.Combine(Folder, "index.db"));
            File.Delete(old[0]);
        }

        await using ICacheStore cache = before ?? OpenStore(Folder, TimeProvider.System);

        Assert.Equal(0, await cache.PutAsync([Entry(5, "late")], cancellationToken: Token));
        Assert.Equal([.. Enumerable.Range(0, 100).Select(i => $"body {i}"), null], (await GetAsync(cache, [.. Enumerable.Range(0, 101)])).Select(Text));
        Assert.Empty(_warnings);
    }

    [Fact]
    public async Task A_line_that_was_cut_off_at_the_end_is_taken_away_with_a_warning()
    {
        await FillAsync(3);
        string file = Assert.Single(Files());
        await File.AppendAllTextAsync(file, """{"key":"half a li""", Token);

        await using ICacheStore cache = OpenStore(Folder, TimeProvider.System);
        await cache.PutAsync([Entry(3, "body 3")], cancellationToken: Token);

        Assert.Equal(["body 0", "body 1", "body 2", "body 3"], (await GetAsync(cache, 0, 1, 2, 3)).Select(Text));
        Assert.Contains("cut off", Assert.Single(_warnings), StringComparison.Ordinal);
        Assert.Equal(4, (await File.ReadAllLinesAsync(file, Token)).Length);
    }

    [Fact]
    public async Task A_last_line_that_only_lacks_its_line_feed_is_kept()
    {
        await FillAsync(3);
        string file = Assert.Single(Files());
        byte[] bytes = await File.ReadAllBytesAsync(file, Token);
        await File.WriteAllBytesAsync(file, bytes[..^1], Token);

        await using ICacheStore cache = OpenStore(Folder, TimeProvider.System);

        Assert.Equal(["body 0", "body 1", "body 2"], (await GetAsync(cache, 0, 1, 2)).Select(Text));
        Assert.Equal(bytes, await File.ReadAllBytesAsync(file, Token));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task A_damaged_line_in_the_middle_is_refused_with_file_and_byte(bool beforeItIsOpened)
    {
        await FillAsync(3);
        string file = Assert.Single(Files());
        byte[] bytes = await File.ReadAllBytesAsync(file, Token);
        int second = bytes.AsSpan().IndexOf((byte)'\n') + 1;
        bytes[second + 1] = (byte)'x';
        ICacheStore? open = beforeItIsOpened ? null : OpenStore(Folder, TimeProvider.System);
        await File.WriteAllBytesAsync(file, bytes, Token);
        if (beforeItIsOpened)
        {
            File.Delete(Path.Combine(Folder, "index.db"));
        }

        SluiceException error = await Assert.ThrowsAsync<SluiceException>(async () =>
        {
            await using ICacheStore cache = open ?? OpenStore(Folder, TimeProvider.System);
            await GetAsync(cache, 0, 1, 2);
        });

        Assert.Equal(ErrorKind.Environment, error.Kind);
        Assert.Contains($"{file} is damaged at byte {second}", error.Message, StringComparison.Ordinal);
        Assert.Equal(bytes, await File.ReadAllBytesAsync(file, Token));
    }

    [Fact]
    public async Task A_response_that_was_changed_by_hand_is_never_given_out()
    {
        await FillAsync(3);
        string file = Assert.Single(Files());
        await File.WriteAllTextAsync(file, (await File.ReadAllTextAsync(file, Token)).Replace("body 1", "Body 1", StringComparison.Ordinal), Token);
        await using ICacheStore cache = OpenStore(Folder, TimeProvider.System);

        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => GetAsync(cache, 0, 1));

        Assert.Contains("checksum", error.Message, StringComparison.Ordinal);
        Assert.Contains("checksum", (await ListAsync(cache, CacheFilter.All)).Single(e => e.Key == Key(1)).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lines_that_were_deleted_by_hand_are_gone_and_the_others_are_found()
    {
        await FillAsync(50);
        await using ICacheStore open = OpenStore(Folder, TimeProvider.System);
        string file = Files()[0];
        string[] lines = await File.ReadAllLinesAsync(file, Token);
        await File.WriteAllLinesAsync(file, lines.Where(l => !l.Contains("body 7\"", StringComparison.Ordinal)), Token);

        Assert.Equal(["body 6", null, "body 8"], (await GetAsync(open, 6, 7, 8)).Select(Text));
        Assert.Equal(1, await open.PutAsync([Entry(7, "again")], cancellationToken: Token));
        Assert.Contains("changed by hand", Assert.Single(_warnings), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task An_empty_line_that_was_put_in_by_hand_costs_nothing(bool isOpen)
    {
        await FillAsync(50);
        ICacheStore? open = isOpen ? OpenStore(Folder, TimeProvider.System) : null;
        string file = Files()[0];
        string[] lines = await File.ReadAllLinesAsync(file, Token);
        await File.WriteAllLinesAsync(file, [.. lines[..10], "", .. lines[10..]], Token);
        await using ICacheStore cache = open ?? OpenStore(Folder, TimeProvider.System);

        Assert.Equal(50, (await ListAsync(cache, CacheFilter.All)).Count);
        await cache.CompactAsync(Token);
        Assert.Equal(50, (await ListAsync(cache, CacheFilter.All)).Count);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"body {i}"), (await GetAsync(cache, [.. Enumerable.Range(0, 50)])).Select(Text));
    }

    [Fact]
    public async Task Lines_that_changed_places_by_hand_are_found_and_kept()
    {
        await FillAsync(50);
        await using ICacheStore cache = OpenStore(Folder, TimeProvider.System);
        string file = Files()[0];
        string[] lines = await File.ReadAllLinesAsync(file, Token);
        await File.WriteAllLinesAsync(file, lines.Reverse(), Token);

        await cache.CompactAsync(Token);

        Assert.Equal(50, (await ListAsync(cache, CacheFilter.All)).Count);
        Assert.Equal(Enumerable.Range(0, 50).Select(i => $"body {i}"), (await GetAsync(cache, [.. Enumerable.Range(0, 50)])).Select(Text));
    }

    [Theory]
    [InlineData(5000)]
    [InlineData(0)]
    public async Task A_damaged_index_is_made_anew(int garbage)
    {
        await FillAsync(100);
        byte[] bytes = new byte[garbage];
        new Random(1).NextBytes(bytes);
        await File.WriteAllBytesAsync(Path.Combine(Folder, "index.db"), bytes, Token);

        await using ICacheStore cache = OpenStore(Folder, TimeProvider.System);

        Assert.Equal(Enumerable.Range(0, 100).Select(i => $"body {i}"), (await GetAsync(cache, [.. Enumerable.Range(0, 100)])).Select(Text));
        Assert.Equal(garbage == 0 ? 0 : 1, _warnings.Count);
    }

    [Fact]
    public async Task A_folder_with_files_of_something_else_is_no_store()
    {
        await FillAsync(1);
        string other = Path.Combine(Folder, "other");
        Directory.CreateDirectory(other);
        Assert.False(JsonlResponseCache.IsStore(other));
        await File.WriteAllTextAsync(Path.Combine(other, "data.jsonl"), "{\"question\":1}\n", Token);

        Assert.False(JsonlResponseCache.IsStore(other));
        Assert.False(JsonlResponseCache.IsStore(Path.Combine(other, "none")));
        Assert.True(JsonlResponseCache.IsStore(Folder));
    }

    [Fact]
    public async Task The_last_line_of_a_key_counts_when_the_index_is_made_again()
    {
        var time = new FakeTimeProvider(new DateTimeOffset(2026, 11, 24, 12, 0, 0, TimeSpan.Zero));
        await using (ICacheStore cache = OpenStore(Folder, time))
        {
            await cache.PutAsync([Entry(1, "old")], cancellationToken: Token);
            time.Advance(TimeSpan.FromHours(1));
            await cache.PutAsync([Entry(1, "new")], time.GetUtcNow(), Token);
        }

        File.Delete(Path.Combine(Folder, "index.db"));
        await using ICacheStore again = OpenStore(Folder, time);

        Assert.Equal("new", Text((await GetAsync(again, 1))[0]));
        Assert.Equal(2, (await File.ReadAllLinesAsync(Assert.Single(Files()), Token)).Length);
        await again.CompactAsync(Token);
        Assert.Single(await File.ReadAllLinesAsync(Assert.Single(Files()), Token));
        Assert.Equal("new", Text((await GetAsync(again, 1))[0]));
    }

    private async Task FillAsync(int count)
    {
        await using ICacheStore cache = OpenStore(Folder, TimeProvider.System);
        await cache.PutAsync([.. Enumerable.Range(0, count).Select(i => Entry(i, $"body {i}"))], cancellationToken: Token);
    }
}
