using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using CsCheck;
using Sluice.Datasets;

namespace Sluice.Tests.Datasets;

public sealed class DatasetPropertyTests : IDisposable
{
    private static readonly Gen<string> s_text = Gen.OneOf(Gen.String.AlphaNumeric, Gen.OneOf("", ",", "\t", "\"", "\n", "\r\n", "ü🦆", "a\"\"b", "#", "'", "\\", "\u2028", " "), Gen.String[Gen.Char[' ', '~'], 0, 40]);

    private static readonly Gen<string> s_object = Gen.Select(s_text, s_text, Gen.Int, Gen.Double.Array[0, 5], (a, b, i, d) =>
        new JsonObject { ["a"] = a, [b + "_"] = i, ["d"] = new JsonArray([.. d.Where(double.IsFinite).Select(x => (JsonNode)x)]), ["n"] = null }.ToJsonString());

    private static readonly Gen<string> s_lineEnd = Gen.OneOf("\n", "\r\n", "\n\n", "  \n", " \r\n\t\n");

    private static readonly Gen<(int Offset, int? Limit)> s_window = Gen.Select(Gen.Int[0, 12], Gen.Int[0, 12].Select(l => (int?)l), Gen.Bool, (o, l, all) => (o, all ? null : l));

    private readonly DatasetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.jsonl")]
    [InlineData("a.jsonl.gz")]
    [InlineData("a.jsonl.zst")]
    public Task Objects_written_as_lines_are_read_back_the_same_and_a_window_is_skip_and_take(string name) =>
        Gen.Select(Gen.Select(s_object, s_lineEnd).Array[0, 20], Gen.Bool, s_window).SampleAsync(async (lines, trailing, window) =>
        {
            string content = string.Concat(lines.Select(l => l.Item1 + l.Item2));
            string path = _folder.Write(Guid.NewGuid() + name, trailing ? content : content.TrimEnd('\n', '\r'));

            List<DatasetRecord> read = await DatasetFolder.ReadAsync(new() { Path = path, Offset = window.Offset, Limit = window.Limit });

            var expected = lines.Select((l, i) => (i.ToString(), l.Item1)).Skip(window.Offset).Take(window.Limit ?? int.MaxValue);
            Assert.Equal(expected, read.Select(r => (r.Id, Encoding.UTF8.GetString(r.Json.Span))));
        }, iter: 100, threads: 1);

    [Theory]
    [InlineData("a.csv", ',')]
    [InlineData("a.tsv.zst", '\t')]
    public Task Rows_written_by_the_rules_are_read_back_the_same(string name, char delimiter) =>
        Gen.Select(Gen.Select(s_text, s_text, Gen.Bool, Gen.Bool).Array[0, 20], Gen.OneOf("\n", "\r\n"), s_window).SampleAsync(async (rows, lineEnd, window) =>
        {
            string Field(string value, bool quoted) => quoted || value.AsSpan().IndexOfAny(delimiter, '\n', '\r') >= 0 || value.StartsWith('"')
                ? $"\"{value.Replace("\"", "\"\"")}\"" : value;
            string content = $"a{delimiter}b{lineEnd}" + string.Concat(rows.Select(r => Field(r.Item1, r.Item3) + delimiter + Field(r.Item2, r.Item4) + lineEnd));
            string path = _folder.Write(Guid.NewGuid() + name, content);

            List<DatasetRecord> read = await DatasetFolder.ReadAsync(new() { Path = path, Offset = window.Offset, Limit = window.Limit });

            var values = read.Select(r => JsonDocument.Parse(r.Json).RootElement).Select(e => (e.GetProperty("a").GetString(), e.GetProperty("b").GetString()));
            Assert.Equal(rows.Skip(window.Offset).Take(window.Limit ?? int.MaxValue).Select(r => (r.Item1, r.Item2)), values!);
        }, iter: 100, threads: 1);

    [Fact]
    public Task Lines_do_not_depend_on_where_the_stream_breaks_them() =>
        Gen.Select(Gen.Int[0, 300].Array[0, 40], Gen.Int[1, 400], Gen.Int[20, 200]).SampleAsync(async (lengths, chunk, cap) =>
        {
            string[] lines = [.. lengths.Select((l, i) => new string((char)('a' + (i % 26)), l))];
            var stream = new ChunkedStream(Encoding.UTF8.GetBytes(string.Join('\n', lines)), chunk);
            using var reader = new LineReader(stream, cap);
            var read = new List<string>();
            while (await reader.ReadAsync(TestContext.Current.CancellationToken))
            {
                read.Add(reader.TooLong ? "!" : Encoding.UTF8.GetString(reader.Line.Span));
            }

            // A text that ends with a line feed has no line after it.
            IEnumerable<string> expected = lines is [.., ""] ? lines[..^1] : lines;
            Assert.Equal(expected.Select(l => l.Length > cap ? "!" : l), read);
        }, iter: 500, threads: 1);

    private sealed class ChunkedStream(byte[] content, int chunk) : MemoryStream(content)
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) =>
            base.ReadAsync(buffer[..Math.Min(chunk, buffer.Length)], cancellationToken);
    }
}
