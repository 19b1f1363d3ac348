using System.Text;
using Sluice.Datasets;

namespace Sluice.Tests.Datasets;

public sealed class JsonLinesTests : IDisposable
{
    private readonly DatasetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("", new string[0])]
    [InlineData("\n\r\n  \n", new string[0])]
    [InlineData("{\"a\":1}", new[] { "{\"a\":1}" })]
    [InlineData("{\"a\":1}\n", new[] { "{\"a\":1}" })]
    [InlineData("{\"a\":1}\r\n{\"a\":2}\r\n", new[] { "{\"a\":1}", "{\"a\":2}" })]
    [InlineData("\uFEFF{\"a\":1}\n\n \t\n  {\"a\":2} \r", new[] { "{\"a\":1}", "{\"a\":2}" })]
    [InlineData("{\"a\":\"\u2028 ü 🦆\"}\n{}", new[] { "{\"a\":\"\u2028 ü 🦆\"}", "{}" })]
    public async Task Lines_come_out_as_they_are_without_marks_blanks_and_line_ends(string content, string[] expected) =>
        Assert.Equal(expected, await DatasetFolder.ReadJsonAsync(new() { Path = _folder.Write("a.jsonl", content) }));

    [Fact]
    public async Task Records_know_their_number_line_and_default_id()
    {
        string path = _folder.Write("a.jsonl", "{\"n\":0}\n\n{\"n\":1}\n{\"n\":2}\n");

        List<DatasetRecord> records = await DatasetFolder.ReadAsync(new() { Path = path, Offset = 1 });

        Assert.Equal([("1", 1L, 3L), ("2", 2L, 4L)], records.Select(r => (r.Id, r.Number, r.Line)));
    }

    [Fact]
    public async Task Json_stays_valid_after_the_reader_has_moved_on()
    {
        string content = string.Concat(Enumerable.Range(0, 5_000).Select(i => $$"""{"n":{{i}},"pad":"{{new string('x', 100)}}"}""" + "\n"));

        string[] read = await DatasetFolder.ReadJsonAsync(new() { Path = _folder.Write("a.jsonl", content) });

        Assert.Equal(content, string.Concat(read.Select(j => j + "\n")));
    }

    [Theory]
    [InlineData("[1]", "no JSON object")]
    [InlineData("\"text\"", "no JSON object")]
    [InlineData("{\"a\":1", "not valid JSON at byte")]
    [InlineData("{\"a\":1}{\"b\":2}", "not valid JSON at byte 8")]
    [InlineData("{\"a\":01}", "not valid JSON at byte")]
    [InlineData("{\"a\":NaN}", "not valid JSON at byte")]
    [InlineData("{'a':1}", "not valid JSON at byte 2")]
    [InlineData("{\"a\":\"\\ud83d\"}", "half a surrogate pair")]
    [InlineData("{\"a\":\"\\ud83dx\\udd86\"}", "half a surrogate pair")]
    [InlineData("{\"a\":\"\\ud83d\\n\"}", "half a surrogate pair")]
    [InlineData("{\"a\":\"\\ud83d\\ud83d\\udd86\"}", "half a surrogate pair")]
    [InlineData("{\"a\":\"\\udd86\"}", "half a surrogate pair")]
    [InlineData("{\"\\udd86\":1}", "half a surrogate pair")]
    public async Task A_broken_line_is_named_with_file_line_and_reason(string line, string reason)
    {
        string path = _folder.Write("a.jsonl", "{}\n\n" + line + "\n{}\n");

        SluiceException error = await DatasetFolder.FailsAsync(new() { Path = path });

        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.StartsWith($"{path}, line 3: ", error.Message);
        Assert.Contains(reason, error.Message);
        Assert.Contains("on_error: skip", error.Hint);
    }

    [Theory]
    [InlineData("\\ud83e\\udd86")]
    [InlineData("\\\\ud83e")]
    [InlineData("a\\n\\u0041\\\"b")]
    public async Task Whole_surrogate_pairs_and_other_escapes_are_fine(string text) =>
        Assert.Equal([$"{{\"a\":\"{text}\"}}"], await DatasetFolder.ReadJsonAsync(new() { Path = _folder.Write("a.jsonl", $"{{\"a\":\"{text}\"}}") }));

    [Fact]
    public async Task Invalid_utf8_is_a_broken_record()
    {
        string path = _folder.Write("a.jsonl", [.. "{}\n{\"a\":\""u8, 0xC3, 0x28, .. "\"}\n"u8]);

        SluiceException error = await DatasetFolder.FailsAsync(new() { Path = path });

        Assert.Equal($"{path}, line 2: not valid UTF-8", error.Message);
    }

    [Fact]
    public async Task Skipping_leaves_broken_records_out_counts_them_and_keeps_the_numbers_of_the_others()
    {
        string path = _folder.Write("a.jsonl", "{\"n\":0}\nbroken\n{\"n\":2}\n[]\n{\"n\":4}\n");
        var stats = new DatasetReadStats();

        List<DatasetRecord> records = await DatasetFolder.ReadAsync(new() { Path = path, OnError = RecordErrorPolicy.Skip, Limit = 4 }, stats);

        Assert.Equal(["0", "2"], records.Select(r => r.Id));
        Assert.Equal((2, 2), (stats.Read, stats.Skipped));
        Assert.Equal([$"{path}, line 2: ", $"{path}, line 4: "], stats.Messages.Select(m => m[..(m.IndexOf(": ", StringComparison.Ordinal) + 2)]));
    }

    [Fact]
    public async Task Only_the_first_few_messages_are_kept()
    {
        var stats = new DatasetReadStats();

        await DatasetFolder.ReadAsync(new() { Path = _folder.Write("a.jsonl", string.Concat(Enumerable.Repeat("x\n", 100))), OnError = RecordErrorPolicy.Skip }, stats);

        Assert.Equal(100, stats.Skipped);
        Assert.Equal(5, stats.Messages.Count);
    }

    [Fact]
    public async Task Broken_records_before_the_offset_do_not_matter() =>
        Assert.Equal(["{}"], await DatasetFolder.ReadJsonAsync(new() { Path = _folder.Write("a.jsonl", "broken\n{}\n"), Offset = 1 }));

    [Theory]
    [InlineData(100)]
    [InlineData(300_000)]
    [InlineData(3_000_000)]
    public async Task A_line_of_exactly_the_cap_is_read_and_one_byte_more_is_named(int cap)
    {
        string fits = "{\"a\":\"" + new string('x', cap - 8) + "\"}";
        string path = _folder.Write("a.jsonl", $"{{}}\n{fits}\n{fits} \n{{\"last\":1}}");
        var stats = new DatasetReadStats();

        string[] read = await DatasetFolder.ReadJsonAsync(new() { Path = path, MaxRecordBytes = cap, OnError = RecordErrorPolicy.Skip }, stats);

        Assert.Equal(["{}", fits, "{\"last\":1}"], read);
        Assert.Contains("line 3: larger than", Assert.Single(stats.Messages));
    }

    [Fact]
    public async Task A_last_line_over_the_cap_is_named_too()
    {
        string path = _folder.Write("a.jsonl", "{}\n" + new string('x', 1_000_000));

        Assert.Contains("line 2: larger than 1,000 bytes", (await DatasetFolder.FailsAsync(new() { Path = path, MaxRecordBytes = 1000 })).Message);
    }

    [Fact]
    public async Task Ids_come_from_the_field_that_is_named()
    {
        string path = _folder.Write("a.jsonl", """
            {"x":{"id":"inner"},"id":"q-1"}
            {"id":12.50}
            {"\u0069d":"a\nb"}
            {"id":"first","id":"last"}
            """);

        Assert.Equal(["q-1", "12.50", "a\nb", "last"], (await DatasetFolder.ReadAsync(new() { Path = path, Id = "id" })).Select(r => r.Id));
    }

    [Theory]
    [InlineData("{\"x\":{\"id\":1}}", "no id field 'id'")]
    [InlineData("{\"id\":null}", "is null")]
    [InlineData("{\"id\":true}", "is a boolean")]
    [InlineData("{\"id\":[1]}", "is a list")]
    [InlineData("{\"id\":{}}", "is an object")]
    [InlineData("{\"id\":\"\\ud800\"}", "is no valid text")]
    public async Task A_missing_or_unusable_id_is_a_broken_record(string line, string reason)
    {
        SluiceException error = await DatasetFolder.FailsAsync(new() { Path = _folder.Write("a.jsonl", line), Id = "id" });

        Assert.Contains("line 1: ", error.Message);
        Assert.Contains(reason, error.Message);
    }

    [Fact]
    public async Task Utf16_is_refused_with_advice()
    {
        SluiceException error = await DatasetFolder.FailsAsync(new() { Path = _folder.Write("a.jsonl", [.. Encoding.Unicode.Preamble, .. Encoding.Unicode.GetBytes("{}")]) });

        Assert.Contains("UTF-16", error.Message);
        Assert.Equal("save it as UTF-8", error.Hint);
    }

    [Fact]
    public async Task Cancelling_ends_the_enumeration()
    {
        using var cancel = new CancellationTokenSource();
        DatasetOptions options = new() { Path = _folder.Write("a.jsonl", "{}\n{}\n{}\n") };

        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (DatasetRecord _ in DatasetReader.ReadAsync(options, new DatasetReadStats(), cancel.Token))
            {
                await cancel.CancelAsync();
            }
        });
    }
}
