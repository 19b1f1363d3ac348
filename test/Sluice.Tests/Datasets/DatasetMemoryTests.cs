using System.Text;
using Sluice.Datasets;
using ZstdSharp;

namespace Sluice.Tests.Datasets;

/// <summary>Tests that measure the whole process's memory: no other test may run beside them.</summary>
[CollectionDefinition(nameof(MeasuresProcessMemory), DisableParallelization = true)]
public sealed class MeasuresProcessMemory;

[Collection(nameof(MeasuresProcessMemory))]
public sealed class DatasetMemoryTests : IDisposable
{
    private readonly DatasetFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task Reading_200_megabytes_holds_a_few_hundred_kilobytes()
    {
        const int Records = 200_000;
        string path = Path.Combine(_folder.Path, "large.jsonl.zst");
        await using (var file = new CompressionStream(File.Create(path), level: 1, leaveOpen: false))
        {
            string pad = new('x', 970);
            for (int i = 0; i < Records; i++)
            {
                file.Write(Encoding.UTF8.GetBytes($$"""{"n":{{i}},"pad":"{{pad}}","end":true}""" + "\n"));
            }
        }

        long before = GC.GetTotalMemory(forceFullCollection: true);
        long peak = 0;
        long bytes = 0;
        var stats = new DatasetReadStats();
        await foreach (DatasetRecord record in DatasetReader.ReadAsync(new() { Path = path }, stats, TestContext.Current.CancellationToken))
        {
            bytes += record.Json.Length;
            if (record.Number % 20_000 == 0)
            {
                peak = Math.Max(peak, GC.GetTotalMemory(forceFullCollection: true) - before);
            }
        }

        Assert.Equal(Records, stats.Read);
        Assert.InRange(bytes, 195_000_000, 210_000_000);
        Assert.InRange(peak, long.MinValue, 1024 * 1024);
    }

    [Fact]
    public async Task A_line_far_over_the_cap_is_never_gathered()
    {
        string path = Path.Combine(_folder.Path, "line.jsonl.zst");
        await using (var file = new CompressionStream(File.Create(path), level: 1, leaveOpen: false))
        {
            byte[] block = new byte[1024 * 1024];
            block.AsSpan().Fill((byte)'x');
            for (int i = 0; i < 100; i++)
            {
                file.Write(block);
            }

            file.Write("\n{}\n"u8);
        }

        long allocated = GC.GetTotalAllocatedBytes(precise: true);
        var stats = new DatasetReadStats();
        List<DatasetRecord> records = await DatasetFolder.ReadAsync(new() { Path = path, MaxRecordBytes = 1024 * 1024, OnError = RecordErrorPolicy.Skip }, stats);
        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;

        Assert.Equal((1, 1L), (Assert.Single(records).Number, stats.Skipped));
        Assert.InRange(allocated, 0, 16 * 1024 * 1024);
    }
}
