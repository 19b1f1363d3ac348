using System.IO.Compression;
using System.Text;
using Sluice.Datasets;
using ZstdSharp;

namespace Sluice.Tests.Datasets;

/// <summary>A temporary folder with dataset files in it.</summary>
public sealed class DatasetFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("sluice-datasets-").FullName;

    public string Write(string name, string content) => Write(name, Encoding.UTF8.GetBytes(content));

    public string Write(string name, byte[] content)
    {
        string path = System.IO.Path.Combine(Path, name);
        File.WriteAllBytes(path, Compress(name, content));
        return path;
    }

    public static byte[] Compress(string name, byte[] content)
    {
        var memory = new MemoryStream();
        switch (System.IO.Path.GetExtension(name))
        {
            case ".gz" when content.Length == 0:
                // The runtime writes nothing at all for nothing; gzip itself writes a header and a trailer.
                return [0x1F, 0x8B, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x03, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00];
            case ".gz":
                using (var gzip = new GZipStream(memory, CompressionLevel.Fastest, leaveOpen: true))
                {
                    gzip.Write(content);
                }

                break;
            case ".zst":
                using (var zstd = new CompressionStream(memory, level: 1))
                {
                    zstd.Write(content);
                }

                break;
            default:
                return content;
        }

        return memory.ToArray();
    }

    public static async Task<List<DatasetRecord>> ReadAsync(DatasetOptions options, DatasetReadStats? stats = null)
    {
        var records = new List<DatasetRecord>();
        await foreach (DatasetRecord record in DatasetReader.ReadAsync(options, stats ?? new DatasetReadStats(), TestContext.Current.CancellationToken))
        {
            records.Add(record);
        }

        return records;
    }

    public static async Task<string[]> ReadJsonAsync(DatasetOptions options, DatasetReadStats? stats = null) =>
        [.. (await ReadAsync(options, stats)).Select(r => Encoding.UTF8.GetString(r.Json.Span))];

    public static Task<SluiceException> FailsAsync(DatasetOptions options) =>
        Assert.ThrowsAsync<SluiceException>(() => ReadAsync(options));

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
