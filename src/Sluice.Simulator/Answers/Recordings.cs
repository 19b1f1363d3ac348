using System.Buffers;
using System.Text.Json;
using Microsoft.Win32.SafeHandles;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Answers;

/// <summary>Finds recorded answers by model and prompt. In memory is an index of 16 bytes per recording; the text stays on disk.</summary>
internal sealed class Recordings : IDisposable
{
    private readonly SafeFileHandle _file;
    private readonly ulong[] _keys;
    private readonly long[] _offsets;

    private Recordings(SafeFileHandle file, ulong[] keys, long[] offsets)
    {
        _file = file;
        _keys = keys;
        _offsets = offsets;
    }

    /// <summary>Reads a file once and indexes it.</summary>
    /// <exception cref="InvalidDataException">A line is not a recording; the message names file and line.</exception>
    public static async Task<Recordings> OpenAsync(string path, CancellationToken cancellationToken)
    {
        var keys = new List<ulong>();
        var offsets = new List<long>();
        using var row = new RecordingRow();
        var stream = DataFiles.OpenRead(path);
        await using (stream.ConfigureAwait(false))
        {
            using var lines = new LineReader(stream);
            var number = 0;
            do
            {
                while (lines.TryRead(out var line))
                {
                    number++;
                    if (line.Span.Trim(" \t"u8).IsEmpty)
                    {
                        continue;
                    }

                    if (!row.TryRead(line.Span, out var problem))
                    {
                        throw new InvalidDataException($"{path}:{number}: {problem}");
                    }

                    keys.Add(KeyOf(row.Model, row.Prompt));
                    offsets.Add(lines.LineOffset);
                }
            }
            while (await lines.FillAsync(cancellationToken).ConfigureAwait(false));
        }

        var sortedKeys = keys.ToArray();
        var sortedOffsets = offsets.ToArray();
        Array.Sort(sortedKeys, sortedOffsets);
        return new Recordings(File.OpenHandle(path, options: FileOptions.RandomAccess), sortedKeys, sortedOffsets);
    }

    /// <summary>Appends the completion recorded for a model and prompt; a recording without a model fits any.</summary>
    public bool TryWrite(ReadOnlySpan<byte> model, ReadOnlySpan<byte> prompt, ArrayBufferWriter<byte> text) =>
        TryWriteExactly(model, prompt, text) || TryWriteExactly([], prompt, text);

    public void Dispose() => _file.Dispose();

    private static ulong KeyOf(ReadOnlySpan<byte> model, ReadOnlySpan<byte> prompt) => StableHash.Of(prompt, StableHash.Of(model));

    private bool TryWriteExactly(ReadOnlySpan<byte> model, ReadOnlySpan<byte> prompt, ArrayBufferWriter<byte> text)
    {
        var key = KeyOf(model, prompt);
        var index = Array.BinarySearch(_keys, key);
        while (index > 0 && _keys[index - 1] == key)
        {
            index--;
        }

        for (; index >= 0 && index < _keys.Length && _keys[index] == key; index++)
        {
            using var row = new RecordingRow();
            var buffer = ReadLine(_offsets[index], out var length);
            try
            {
                // The prompt is compared in full: two prompts may share a hash.
                if (row.TryRead(buffer.AsSpan(0, length), out _) && row.Model.SequenceEqual(model) && row.Prompt.SequenceEqual(prompt))
                {
                    text.Write(row.Completion);
                    return true;
                }
            }
            finally
            {
                ArrayPool<byte>.Shared.Return(buffer);
            }
        }

        return false;
    }

    private byte[] ReadLine(long offset, out int length)
    {
        for (var size = 4096; ; size *= 4)
        {
            var buffer = ArrayPool<byte>.Shared.Rent(size);
            var read = RandomAccess.Read(_file, buffer, offset);
            length = buffer.AsSpan(0, read).IndexOf((byte)'\n');
            if (length >= 0 || read < buffer.Length)
            {
                length = length < 0 ? read : length;
                return buffer;
            }

            ArrayPool<byte>.Shared.Return(buffer);
        }
    }
}
