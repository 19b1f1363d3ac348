using System.Text;
using System.Text.Json.Nodes;
using CsCheck;
using Sluice.Caching;
using Sluice.Caching.Exchange;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Tests.Caching.Exchange;

public sealed class ExportImportTests
{
    private static readonly DateTimeOffset s_noon = new(2026, 11, 24, 12, 0, 0, 123, TimeSpan.Zero);

    private static readonly Gen<string> s_text = Gen.OneOf(Gen.String, Gen.OneOf("", "\n", "\r\n", "\"", "ü🦆", "\u2028", "\0", "\\", "}", "{}"));

    private static readonly Gen<byte[]> s_body = Gen.OneOf(
        Gen.Byte.Array[0, 60],
        s_text.Select(Encoding.UTF8.GetBytes),
        Gen.Select(s_text, Gen.Double, Gen.Bool, (text, number, indented) => Encoding.UTF8.GetBytes(
            new JsonObject { ["a"] = text, ["n"] = double.IsFinite(number) ? number : 0, ["l"] = new JsonArray(null, true) }.ToJsonString(new() { WriteIndented = indented }))),
        Gen.OneOf("", " ", "null", "{ }", " {}", "{}\n", "{\"a\": 1}", "\ufeff{}", "{\"a\":\"\\ud83d\"}", "{\"a\":1} {\"b\":2}", "[").Select(Encoding.UTF8.GetBytes));

    private static readonly Gen<CacheEntry> s_entry = Gen.Select(
        Gen.Int[0, 1_000_000], s_body, s_body.Null(), Gen.Select(s_text, s_text, s_text), Gen.Select(Gen.Long[0, 1_000_000], Gen.Long[0, 1_000_000]), Gen.Long[1, 4_000_000_000_000],
        (key, body, request, origin, usage, made) => new CacheEntry(TemporaryCache.Key(key), body, new TokenUsage(usage.Item1, usage.Item2))
        {
            Origin = new ResponseOrigin(Whole(origin.Item1), Whole(origin.Item2), Whole(origin.Item3)), Request = request, CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(made),
        });

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("x.jsonl")]
    [InlineData("x.jsonl.gz")]
    [InlineData("x.jsonl.zst")]
    public Task What_is_exported_comes_back_byte_for_byte(string name) => s_entry.Array[0, 12].SampleAsync(
        async entries =>
        {
            await using var cache = new TemporaryCache();
            await cache.PutAsync(entries);
            string path = Path.Combine(cache.Folder, name);

            await new CacheExport(cache.Cache, CacheFilter.All).WriteAsync(path, cancellationToken: Token);
            SqliteResponseCache copy = cache.Another("copy.db");
            using var import = new CacheImport(copy);
            await import.ReadAsync(path, Token);

            Assert.Equal(0, import.Broken.Count);
            Assert.Equal(await TemporaryCache.FactsAsync(cache.Cache), await TemporaryCache.FactsAsync(copy));
        },
        iter: 60, threads: 1);

    [Fact]
    public async Task Broken_lines_are_all_named_and_the_others_are_taken_in()
    {
        await using var cache = new TemporaryCache();
        await cache.PutAsync(TemporaryCache.Entry(1, """{"a":1}""", made: s_noon), TemporaryCache.Entry(2, """{"a":2}""", made: s_noon));
        using var written = new MemoryStream();
        await new CacheExport(cache.Cache, CacheFilter.All).WriteAsync(written, Token);
        string[] lines = Encoding.UTF8.GetString(written.ToArray()).TrimEnd('\n').Split('\n');
        string path = cache.Write("broken.jsonl", string.Join('\n',
            lines[0], "", "no json", "[]", "{}", """{"key":"short"}""", lines[1].Replace("\"a\":2", "\"a\":3", StringComparison.Ordinal), "  \r", lines[1] + " \r", "\"\\ud83d\""));

        SqliteResponseCache copy = cache.Another("copy.db");
        using var import = new CacheImport(copy);
        await import.ReadAsync(path, Token);

        SluiceException? error = import.Broken.ToError(import.Responses);
        Assert.Equal((2L, 2L, 6L, ErrorKind.Usage), (import.Responses, import.New, import.Broken.Count, error!.Kind));
        Assert.Equal(["6 lines cannot be taken in:", "3", "4", "5", "6", "7", "10"], error.Message.Split('\n').Select((l, i) => i == 0 ? l : l.Split("line ")[1].Split(':')[0]));
        Assert.Contains($"{path}, line 7: the response to {TemporaryCache.Key(2)} is not what was exported", error.Message, StringComparison.Ordinal);
        Assert.Contains("2 responses, which are kept", error.Hint, StringComparison.Ordinal);
        Assert.Equal(await TemporaryCache.FactsAsync(cache.Cache), await TemporaryCache.FactsAsync(copy));
    }

    [Fact]
    public async Task Of_many_broken_lines_the_first_are_named_and_all_counted()
    {
        await using var cache = new TemporaryCache();
        using var import = new CacheImport(cache.Cache);

        await import.ReadAsync(cache.Write("broken.jsonl", string.Concat(Enumerable.Repeat("x\n", 1000))), Token);

        string[] message = import.Broken.ToError(0)!.Message.Split('\n');
        Assert.Equal((22, "1000 lines cannot be taken in:", "... and 980 more"), (message.Length, message[0], message[^1]));
    }

    [Fact]
    public async Task What_is_there_already_stays()
    {
        await using var cache = new TemporaryCache();
        await cache.PutAsync([.. Enumerable.Range(0, 2000).Select(i => TemporaryCache.Entry(i, $"{i}"))]);
        string path = Path.Combine(cache.Folder, "x.jsonl");
        await new CacheExport(cache.Cache, CacheFilter.All).WriteAsync(path, cancellationToken: Token);
        SqliteResponseCache copy = cache.Another("copy.db");
        await copy.PutAsync([TemporaryCache.Entry(7, "mine")], cancellationToken: Token);

        using var import = new CacheImport(copy);
        await import.ReadAsync(path, Token);
        await import.ReadAsync(path, Token);

        Assert.Equal((4000L, 1999L), (import.Responses, import.New));
        Assert.Equal("mine", Encoding.UTF8.GetString((await copy.FindAsync(TemporaryCache.Key(7), Token))!.Body!));
    }

    [Theory]
    [InlineData("x.jsonl.gz")]
    [InlineData("x.jsonl.zst")]
    public async Task Of_a_file_that_is_cut_off_what_comes_before_is_kept(string name)
    {
        await using var cache = new TemporaryCache();
        var random = new Random(1);
        await cache.PutAsync([.. Enumerable.Range(0, 3000).Select(i => TemporaryCache.Entry(i, $"{random.NextInt64()}{random.NextInt64()}{random.NextInt64()}"))]);
        string path = Path.Combine(cache.Folder, name);
        await new CacheExport(cache.Cache, CacheFilter.All).WriteAsync(path, cancellationToken: Token);
        byte[] whole = await File.ReadAllBytesAsync(path, Token);
        await File.WriteAllBytesAsync(path, whole[..(whole.Length / 2)], Token);

        SqliteResponseCache copy = cache.Another("copy.db");
        using var import = new CacheImport(copy);
        var error = await Assert.ThrowsAsync<SluiceException>(() => import.ReadAsync(path, Token));

        Assert.InRange(import.Responses, 1, 2999);
        Assert.Contains($"{name} is cut off", error.Message, StringComparison.Ordinal);
        Assert.EndsWith($"{import.Responses} responses are kept", error.Message, StringComparison.Ordinal);
        Assert.Equal(import.Responses, (await TemporaryCache.ListAsync(copy)).Count);
    }

    [Fact]
    public async Task A_file_that_is_there_is_not_written_over_and_a_failed_export_leaves_none()
    {
        await using var cache = new TemporaryCache();
        string there = cache.Write("there.jsonl", "precious");
        string failed = Path.Combine(cache.Folder, "failed.jsonl");
        var export = new CacheExport(cache.Cache, CacheFilter.All);

        Assert.Contains("exists already", (await Assert.ThrowsAsync<SluiceException>(() => export.WriteAsync(there, cancellationToken: Token))).Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<InvalidOperationException>(() => export.WriteAsync(failed, () => throw new InvalidOperationException(), Token));

        Assert.Equal("precious", await File.ReadAllTextAsync(there, Token));
        Assert.False(File.Exists(failed));
        Assert.Empty(Directory.EnumerateFiles(cache.Folder, "*.tmp"));
    }

    [Fact]
    public async Task Damaged_entries_are_told_and_left_out_of_exports_and_copies()
    {
        await using var cache = new TemporaryCache();
        await cache.PutAsync(TemporaryCache.Entry(1, "sound"), TemporaryCache.Entry(2, "damaged"));
        using (var connection = SqliteStore.Open(cache.Cache.Name, 16384, 64, 100))
        {
            SqliteStore.Execute(connection, "UPDATE responses SET body=CAST('dumaged' AS BLOB) WHERE body=CAST('damaged' AS BLOB)");
        }

        var damaged = new List<RequestKey>();
        var export = new CacheExport(cache.Cache, CacheFilter.All) { Damaged = e => damaged.Add(e.Key) };
        await export.WriteAsync(Stream.Null, Token);
        SqliteResponseCache target = cache.Another("copy.db");
        var copy = new CacheCopy(cache.Cache, target) { Damaged = e => damaged.Add(e.Key) };
        await copy.RunAsync(CacheFilter.All, Token);

        Assert.Equal((1L, 1L, 1L), (export.Responses, copy.Responses, copy.New));
        Assert.Equal([TemporaryCache.Key(2), TemporaryCache.Key(2)], damaged);
        Assert.Equal([TemporaryCache.Key(1)], (await TemporaryCache.ListAsync(target)).Select(e => e.Key));
    }

    [Fact]
    public async Task A_copy_keeps_everything_and_goes_on_where_another_stopped()
    {
        await using var cache = new TemporaryCache();
        await cache.PutAsync([.. Enumerable.Range(0, 2000).Select(i => TemporaryCache.Entry(i, $"{i}", made: s_noon.AddMinutes(i)) with { Request = i % 2 == 0 ? [(byte)'{', (byte)'}'] : null })]);
        SqliteResponseCache target = cache.Another("copy.db");
        await target.PutAsync((await TemporaryCache.ListAsync(cache.Cache)).Take(800).Select(e => e.ToEntry()).ToList(), cancellationToken: Token);

        var copy = new CacheCopy(cache.Cache, target);
        await copy.RunAsync(CacheFilter.All, Token);

        Assert.Equal((2000L, 1200L), (copy.Responses, copy.New));
        Assert.Equal(await TemporaryCache.FactsAsync(cache.Cache), await TemporaryCache.FactsAsync(target));
    }

    /// <summary>What UTF-8 can hold of a text.</summary>
    private static string Whole(string text) => Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.Replace("\0", "", StringComparison.Ordinal)));
}
