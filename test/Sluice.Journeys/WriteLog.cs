using System.Buffers.Binary;
using System.Text;

namespace Sluice.Journeys;

/// <summary>What test/faultfs/writelog.c has noted.</summary>
internal enum WriteKind
{
    Create = 1,
    Write,
    Truncate,
    Sync,
    Rename,
    Unlink,
    Link,
    MakeFolder,
    RemoveFolder,

    /// <summary>A request that makes a batch is about to leave.</summary>
    Sent,

    /// <summary>Something that cannot be followed.</summary>
    Odd,
}

/// <summary>One call that changed a file or a folder; paths are relative to the folder that was watched, which itself is empty.</summary>
internal sealed record WriteEntry(WriteKind Kind, string Path, string Other, long Offset, long Size, ReadOnlyMemory<byte> Bytes)
{
    public override string ToString() => Kind switch
    {
        WriteKind.Write => $"write {Path} at {Offset}, {Bytes.Length} bytes",
        WriteKind.Truncate => $"truncate {Path} to {Size}",
        WriteKind.Rename => $"rename {Path} to {Other}",
        _ => $"{Kind} {Path}",
    };
}

/// <summary>The log of everything that a child did to the files below a folder.</summary>
internal static class WriteLog
{
    private const int HeaderSize = 40;
    private const uint Magic = 0x474f4c57;

    /// <summary>Returns the variables that make a child keep the log; skips the test where that cannot be done.</summary>
    public static Dictionary<string, string> Of(string folder, string log) =>
        new() { ["LD_PRELOAD"] = FaultLibrary.PathOf("writelog"), ["WRITELOG_ROOT"] = folder, ["WRITELOG_FILE"] = log };

    /// <summary>Reads a log.</summary>
    public static IReadOnlyList<WriteEntry> Read(string log, string folder)
    {
        var bytes = File.ReadAllBytes(log);
        var entries = new List<WriteEntry>();
        for (var at = 0; at < bytes.Length;)
        {
            var header = bytes.AsSpan(at, HeaderSize);
            Assert.Equal(Magic, BinaryPrimitives.ReadUInt32LittleEndian(header));
            var path = BinaryPrimitives.ReadInt32LittleEndian(header[24..]);
            var other = BinaryPrimitives.ReadInt32LittleEndian(header[28..]);
            var size = BinaryPrimitives.ReadInt32LittleEndian(header[32..]);
            at += HeaderSize;
            entries.Add(new WriteEntry(
                (WriteKind)BinaryPrimitives.ReadUInt32LittleEndian(header[4..]),
                Relative(bytes.AsSpan(at, path)), Relative(bytes.AsSpan(at + path, other)),
                BinaryPrimitives.ReadInt64LittleEndian(header[8..]), BinaryPrimitives.ReadInt64LittleEndian(header[16..]), bytes.AsMemory(at + path + other, size)));
            at += path + other + size;
        }

        Assert.DoesNotContain(entries, entry => entry.Kind == WriteKind.Odd);
        return entries;

        string Relative(ReadOnlySpan<byte> text)
        {
            var whole = Encoding.UTF8.GetString(text);
            return whole.StartsWith(folder, StringComparison.Ordinal) ? whole[folder.Length..].TrimStart('/') : whole;
        }
    }
}
