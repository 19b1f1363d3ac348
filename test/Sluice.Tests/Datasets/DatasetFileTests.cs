using System.IO.Compression;
using System.Text;
using Sluice.Datasets;

namespace Sluice.Tests.Datasets;

public sealed class DatasetFileTests : IDisposable
{
    private readonly DatasetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("a.jsonl", null, "{\"a\":\"1\"}\n")]
    [InlineData("a.JSONL", null, "{\"a\":\"1\"}\n")]
    [InlineData("a.jsonl.gz", null, "{\"a\":\"1\"}\n")]
    [InlineData("a.jsonl.zst", null, "{\"a\":\"1\"}\n")]
    [InlineData("a.csv", null, "a\n1\n")]
    [InlineData("a.csv.gz", null, "a\n1\n")]
    [InlineData("a.tsv.zst", null, "a\n1\n")]
    [InlineData("a.data", "csv", "a\n1\n")]
    [InlineData("a.gz", "csv", "a\n1\n")]
    [InlineData("a.jsonl", "csv", "a\n1\n")]
    public async Task The_name_or_the_format_option_decides_how_a_file_is_read(string name, string? format, string content) =>
        Assert.Equal(["{\"a\":\"1\"}"], await DatasetFolder.ReadJsonAsync(new() { Path = _folder.Write(name, content), Format = format }));

    [Fact]
    public async Task The_format_option_may_name_the_compression_too()
    {
        string path = _folder.Write("blob", DatasetFolder.Compress(".zst", "a\n1\n"u8.ToArray()));

        Assert.Equal(["{\"a\":\"1\"}"], await DatasetFolder.ReadJsonAsync(new() { Path = path, Format = "csv.zst" }));
    }

    [Theory]
    [InlineData("a.jsnl", null, "'.jsnl' is not known", "did you mean jsonl?")]
    [InlineData("a.json", null, "'.json' is not known", "did you mean jsonl?")]
    [InlineData("a.xml.gz", null, "'.xml' is not known", "known are jsonl, csv, tsv or parquet")]
    [InlineData("a", null, "does not tell its format", "set dataset.format")]
    [InlineData("a.csv", "parket", "the format 'parket' is not known", "did you mean parquet?")]
    public async Task An_unknown_format_is_refused_with_the_nearest_known_one(string name, string? format, string message, string hint)
    {
        SluiceException error = await DatasetFolder.FailsAsync(new() { Path = _folder.Write(name, "x"), Format = format });

        Assert.Equal(ErrorKind.Usage, error.Kind);
        Assert.Contains(message, error.Message);
        Assert.Contains(hint, error.Hint);
    }

    [Fact]
    public async Task A_missing_file_is_named_with_a_similar_one_of_the_folder()
    {
        _folder.Write("gsm8k.jsonl", "{}");
        string path = Path.Combine(_folder.Path, "gms8k.jsonl");

        SluiceException error = await DatasetFolder.FailsAsync(new() { Path = path });

        Assert.Equal((ErrorKind.Usage, $"dataset {path} does not exist"), (error.Kind, error.Message));
        Assert.Contains("did you mean gsm8k.jsonl", error.Hint);
    }

    [Fact]
    public async Task Of_gzip_data_that_is_cut_off_nothing_comes_out_that_was_not_in_it()
    {
        byte[] content = Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 300).Select(i => $"{{\"custom_id\":\"{i * 7919 % 1009}\",\"text\":\"the answer to {i} is {i * i % 97}\"}}\n")));
        // The better levels have Huffman codes of their own, in which almost any bytes mean something.
        var packing = new MemoryStream();
        using (var gzip = new GZipStream(packing, CompressionLevel.SmallestSize, leaveOpen: true))
        {
            gzip.Write(content);
        }

        byte[] packed = packing.ToArray();
        for (int cut = 20; cut < packed.Length; cut++)
        {
            var unpacked = new MemoryStream();
            await using var stream = new GzipFileStream(new MemoryStream(packed[..cut]));

            await Assert.ThrowsAnyAsync<EndOfStreamException>(() => stream.CopyToAsync(unpacked, TestContext.Current.CancellationToken));

            Assert.True(content.AsSpan().StartsWith(unpacked.ToArray()), $"cut at {cut} of {packed.Length}");
        }
    }

    [Fact]
    public async Task A_missing_folder_is_named()
    {
        SluiceException error = await DatasetFolder.FailsAsync(new() { Path = Path.Combine(_folder.Path, "no", "a.jsonl") });

        Assert.Contains("does not exist either", error.Hint);
    }

    [Fact]
    public async Task A_folder_is_no_dataset()
    {
        string path = Directory.CreateDirectory(Path.Combine(_folder.Path, "a.jsonl")).FullName;

        Assert.Equal($"dataset {path} is a folder", (await DatasetFolder.FailsAsync(new() { Path = path })).Message);
    }

    [Fact]
    public async Task A_file_without_permission_is_named()
    {
        Assert.SkipWhen(OperatingSystem.IsWindows() || Environment.IsPrivilegedProcess, "root may read everything, and Windows has no modes");
        string path = _folder.Write("a.jsonl", "{}");
        if (!OperatingSystem.IsWindows())
        {
            File.SetUnixFileMode(path, UnixFileMode.None);
        }

        SluiceException error = await DatasetFolder.FailsAsync(new() { Path = path });

        Assert.Equal(ErrorKind.Environment, error.Kind);
        Assert.Contains("permission denied", error.Message);
    }

    [Theory]
    [InlineData("a.jsonl.gz")]
    [InlineData("a.jsonl.zst")]
    [InlineData("a.parquet.zst")]
    [InlineData("a.parquet.gz")]
    public async Task A_compressed_file_that_is_cut_off_anywhere_is_an_error(string name)
    {
        byte[] whole = DatasetFolder.Compress(name, Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 200).Select(i => $"{{\"n\":{i * 7919}}}\n"))));
        for (int length = 0; length < whole.Length; length += length is > 20 && length < whole.Length - 20 ? 53 : 1)
        {
            string path = Path.Combine(_folder.Path, name);
            await File.WriteAllBytesAsync(path, whole[..length], TestContext.Current.CancellationToken);

            SluiceException error = await DatasetFolder.FailsAsync(new() { Path = path });

            Assert.True(error.Message == $"dataset {path} is cut off: its {(name.EndsWith("gz") ? "gzip" : "zstd")} data ends too early", $"{length} of {whole.Length}: {error.Message}");
        }
    }

    [Theory]
    [InlineData("a.jsonl.gz", "gzip")]
    [InlineData("a.jsonl.zst", "zstd")]
    public async Task A_file_that_is_not_what_its_name_says_is_an_error(string name, string format)
    {
        string path = Path.Combine(_folder.Path, name);
        await File.WriteAllTextAsync(path, "{\"a\":1}\n{\"a\":2}\n", TestContext.Current.CancellationToken);

        Assert.Contains($"is damaged or no {format} file", (await DatasetFolder.FailsAsync(new() { Path = path })).Message);
    }

    [Theory]
    [InlineData("a.jsonl.gz")]
    [InlineData("a.jsonl.zst")]
    public async Task Several_compressed_parts_in_a_row_are_one_file(string name)
    {
        byte[] parts = [.. DatasetFolder.Compress(name, "{\"a\":1}\n{\"a\""u8.ToArray()), .. DatasetFolder.Compress(name, ":2}\n"u8.ToArray())];
        string path = Path.Combine(_folder.Path, name);
        await File.WriteAllBytesAsync(path, parts, TestContext.Current.CancellationToken);

        Assert.Equal(["{\"a\":1}", "{\"a\":2}"], await DatasetFolder.ReadJsonAsync(new() { Path = path }));
    }

    [Fact]
    public async Task Negative_windows_are_refused() =>
        Assert.Contains("must not be negative", (await DatasetFolder.FailsAsync(new() { Path = _folder.Write("a.jsonl", "{}"), Offset = -1 })).Message);

    [Fact]
    public async Task The_largest_offset_and_limit_do_not_overflow() =>
        Assert.Empty(await DatasetFolder.ReadAsync(new() { Path = _folder.Write("a.jsonl", "{}"), Offset = long.MaxValue, Limit = long.MaxValue }));

    [Fact]
    public async Task A_limit_of_zero_reads_nothing_but_still_needs_the_file()
    {
        Assert.Empty(await DatasetFolder.ReadAsync(new() { Path = _folder.Write("a.jsonl", "broken"), Limit = 0 }));
        await DatasetFolder.FailsAsync(new() { Path = Path.Combine(_folder.Path, "missing.jsonl"), Limit = 0 });
    }
}
