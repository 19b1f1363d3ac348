using System.IO.Compression;
using System.Text;
using System.Text.Json;
using Parquet;
using Parquet.Schema;

namespace Sluice.Journeys;

/// <summary>The same content in every format, in one sweep: the same results, paid for once.</summary>
[Trait("program", "native")]
public sealed class FormatJourneys : Journey
{
    private static readonly (string Id, string Question, string Answer)[] Content =
    [
        ("a", "plain echo: A: 1", "1"),
        ("b", "commas, \"quotes\" and; semicolons echo: A: 2", "2"),
        ("c", "Übergröße 漢字 😀 echo: A: 3", "3"),
        ("d", "two\nlines echo: A: 4", "4"),
        ("e", " blanks  around echo: A: 5 ", "5"),
        ("f", "{{ not a template }} {% nor this %} echo: A: 6", "6"),
        ("g", "back\\slash and \t tab echo: A: 1,000.5", "1000.5"),
    ];

    [Fact]
    public async Task All_formats_give_the_same_results_and_the_requests_are_sent_once()
    {
        await ProviderAsync();
        var json = string.Concat(Content.Select(r => JsonSerializer.Serialize(new Dictionary<string, string> { ["id"] = r.Id, ["question"] = r.Question, ["answer"] = r.Answer }) + "\n"));
        var csv = Delimited(',');
        var plain = new Dictionary<string, byte[]>
        {
            ["jsonl"] = Encoding.UTF8.GetBytes(json),
            ["csv"] = [.. Encoding.UTF8.Preamble, .. Encoding.UTF8.GetBytes(csv)],
            ["tsv"] = Encoding.UTF8.GetBytes(Delimited('\t')),
            ["parquet"] = await ParquetAsync(),
        };
        foreach (var (format, bytes) in plain)
        {
            await WriteAsync(format, bytes);
            await WriteAsync(format + ".gz", Gzip(bytes));
            await WriteAsync(format + ".zst", Zstandard(bytes));
        }

        var run = (await SweepAsync()).Is(0);

        Assert.Equal(12, run.Json["experiments"]!.AsArray().Count);
        Assert.Equal(Content.Length, run.Sent);
        Assert.Equal((Content.Length, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
        var expected = Results("f-jsonl");
        Assert.All(run.Json["experiments"]!.AsArray(), e => Assert.Equal(expected, Results((string)e!["name"]!)));
        Assert.All(Rows("f-jsonl"), row => Assert.Equal(1, row["scores"]!["accuracy"]!.GetValue<double>()));
    }

    private async Task WriteAsync(string extension, byte[] bytes)
    {
        await File.WriteAllBytesAsync(Path.Combine(Folder, "data." + extension), bytes, Cancel);
        var name = "f-" + extension.Replace('.', '-');
        Write($"configs/{name}.yaml", $$$"""
            name: {{{name}}}
            dataset: { path: data.{{{extension}}}, id: id }
            model: { provider: openai, name: gpt-4o-mini, params: { max_tokens: 64 } }
            user: "{{ sample.question }}"
            scores: [{ name: accuracy, type: numeric, value: "{{ steps.answer.text }}", target: "{{ sample.answer }}" }]
            """);
    }

    private static string Delimited(char separator)
    {
        var text = new StringBuilder().AppendJoin(separator, "id", "question", "answer").Append("\r\n");
        foreach (var (id, question, answer) in Content)
        {
            text.AppendJoin(separator, new[] { id, question, answer }.Select(field => $"\"{field.Replace("\"", "\"\"", StringComparison.Ordinal)}\"")).Append("\r\n");
        }

        return text.ToString();
    }

    private static async Task<byte[]> ParquetAsync()
    {
        DataField[] fields = [new DataField<string>("id"), new DataField<string>("question"), new DataField<string>("answer")];
        using var stream = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(fields), stream, cancellationToken: Cancel))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(fields[0], Content.Select(r => r.Id).ToArray());
            await group.WriteAsync(fields[1], Content.Select(r => r.Question).ToArray());
            await group.WriteAsync(fields[2], Content.Select(r => r.Answer).ToArray());
        }

        return stream.ToArray();
    }

    private static byte[] Gzip(byte[] bytes)
    {
        using var stream = new MemoryStream();
        using (var gzip = new GZipStream(stream, CompressionLevel.Fastest))
        {
            gzip.Write(bytes);
        }

        return stream.ToArray();
    }

    private static byte[] Zstandard(byte[] bytes)
    {
        using var compressor = new ZstdSharp.Compressor();
        return compressor.Wrap(bytes).ToArray();
    }
}
