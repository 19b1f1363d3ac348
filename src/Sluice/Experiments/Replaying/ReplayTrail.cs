using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Experiments.Replaying;

/// <summary>What the replays of one experiment ask during a command, sample by sample, so that a prompt that changes by itself is noticed before it is paid for.</summary>
/// <remarks>
/// The entries lie in a scratch file, so memory does not grow with the samples. An entry holds checksums of the record and, for each step that was reached, of the
/// request, of its fields and of the answer. Chunks may read and write entries at the same time.
/// </remarks>
internal sealed class ReplayTrail : IDisposable
{
    private const int RecordBytes = sizeof(ulong);

    private readonly int[] _offsets;
    private readonly int[] _fields;
    private SafeFileHandle? _before;
    private SafeFileHandle? _now;
    private long _countBefore;
    private readonly ReplayTrail? _of;
    private int _hasOtherRecords;

    /// <summary>Creates the trail of an experiment.</summary>
    public ReplayTrail(ExperimentPlan plan)
    {
        _fields = [.. plan.Steps.Select(s => s.Body.Fields.Count)];
        _offsets = new int[_fields.Length + 1];
        _offsets[0] = RecordBytes;
        for (var i = 0; i < _fields.Length; i++)
        {
            _offsets[i + 1] = _offsets[i] + (2 * sizeof(ulong)) + (_fields[i] * sizeof(uint));
        }
    }

    private ReplayTrail(ReplayTrail of)
    {
        (_offsets, _fields, _before, _countBefore, _of) = (of._offsets, of._fields, of._before, of._countBefore, of);
    }

    /// <summary>Gets the bytes of one entry.</summary>
    public int EntryBytes => _offsets[^1];

    /// <summary>Gets whether the dataset has changed since the replay before: some of what was asked then may not be asked for any more.</summary>
    public bool HasOtherRecords => Volatile.Read(ref _hasOtherRecords) != 0;

    /// <summary>Returns a view for a replay that only looks: it is compared with the last one and leaves no entries. Valid until the next replay ends.</summary>
    public ReplayTrail Looking() => new(this);

    /// <summary>Begins a replay.</summary>
    public void Begin()
    {
        if (_of is not null)
        {
            return;
        }

        _now?.Dispose();
        var path = Path.Combine(Path.GetTempPath(), $"sluice-{Environment.ProcessId}-{Path.GetRandomFileName()}.trail");
        try
        {
            _now = PrivateFiles.OpenScratch(path);
            // Without a name from here on: nothing is left behind, whatever becomes of the process.
            File.Delete(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw Explain(error);
        }
    }

    /// <summary>Ends a replay that has come to its end: the next one is compared with it.</summary>
    /// <param name="samples">How many samples it had, epochs counted.</param>
    public void Complete(long samples)
    {
        if (_before is not null && samples != _countBefore)
        {
            NoteOtherRecords();
        }

        if (_of is not null)
        {
            return;
        }

        _before?.Dispose();
        (_before, _now, _countBefore) = (_now, null, samples);
    }

    /// <summary>Reads the entries of the replay before; null for the first one.</summary>
    /// <param name="first">The first sample.</param>
    /// <param name="count">How many samples.</param>
    public byte[]? ReadBefore(long first, int count)
    {
        if (_before is null)
        {
            return null;
        }

        var entries = new byte[count * EntryBytes];
        var read = 0;
        try
        {
            for (var got = -1; got != 0 && read < entries.Length; read += got)
            {
                got = RandomAccess.Read(_before, entries.AsSpan(read), (first * EntryBytes) + read);
            }
        }
        catch (IOException error)
        {
            throw Explain(error);
        }

        return entries;
    }

    /// <summary>Writes the entries of this replay.</summary>
    public void Write(long first, ReadOnlySpan<byte> entries)
    {
        if (_of is not null)
        {
            return;
        }

        try
        {
            RandomAccess.Write(_now!, entries, first * EntryBytes);
        }
        catch (IOException error)
        {
            throw Explain(error);
        }
    }

    /// <summary>Puts the record's checksum into an entry.</summary>
    public void SetRecord(Span<byte> entry, ReadOnlySpan<byte> before, ReadOnlySpan<byte> json)
    {
        BinaryPrimitives.WriteUInt64LittleEndian(entry, Mark(Checksum.Of(json), json.Length));
        if (!before.IsEmpty && !before[..RecordBytes].SequenceEqual(entry[..RecordBytes]))
        {
            NoteOtherRecords();
        }
    }

    /// <summary>Puts a request into an entry.</summary>
    /// <returns>The field that is another than in the replay before, although the record and all earlier answers are the same; -1 when none is, or none can be told; the number of fields when the body differs elsewhere.</returns>
    public int SetRequest(Span<byte> entry, ReadOnlySpan<byte> before, int step, RequestKey key, ReadOnlySpan<uint> fields)
    {
        var at = _offsets[step];
        BinaryPrimitives.WriteInt64LittleEndian(entry[at..], key.Slot);
        MemoryMarshal.AsBytes(fields).CopyTo(entry[(at + (2 * sizeof(ulong)))..]);
        if (before.IsEmpty || !before[..at].SequenceEqual(entry[..at]) || BinaryPrimitives.ReadInt64LittleEndian(before[at..]) is var old && (old == 0 || old == key.Slot))
        {
            return -1;
        }

        var marks = MemoryMarshal.Cast<byte, uint>(before.Slice(at + (2 * sizeof(ulong)), _fields[step] * sizeof(uint)));
        var same = marks.CommonPrefixLength(fields);
        return same;
    }

    /// <summary>Puts an answer into an entry: what templates can see of it.</summary>
    public void SetAnswer(Span<byte> entry, int step, Response answer)
    {
        var state = Checksum.Append(Checksum.Start, MemoryMarshal.AsBytes(answer.Text.AsSpan()));
        state = Checksum.Append(state, MemoryMarshal.AsBytes(answer.Finish.AsSpan()));
        Span<long> tokens = [answer.Usage.Input, answer.Usage.Output];
        BinaryPrimitives.WriteUInt64LittleEndian(entry[(_offsets[step] + sizeof(ulong))..], Mark(Checksum.Append(state, MemoryMarshal.AsBytes(tokens)), answer.Text.Length));
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_of is not null)
        {
            return;
        }

        _before?.Dispose();
        _now?.Dispose();
    }

    private void NoteOtherRecords()
    {
        Interlocked.Exchange(ref _hasOtherRecords, 1);
        _of?.NoteOtherRecords();
    }

    /// <summary>Joins a checksum and a length; never zero, which stands for what is not there.</summary>
    private static ulong Mark(uint checksum, int length) => (1UL << 63) | ((ulong)(uint)length << 32) | checksum;

    private static SluiceException Explain(Exception error) =>
        DiskTrouble.Explain(error) ?? new SluiceException(ErrorKind.Environment, $"cannot write into {Path.GetTempPath()}: {error.Message}", "free some space there, or name another folder with TMPDIR", error);
}
