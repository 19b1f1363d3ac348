using System.Buffers;

namespace Sluice.Simulator.Storage;

/// <summary>Reads a stream line by line from one rented buffer, which grows only for a line that does not fit.</summary>
/// <remarks>A line is valid until the next fill. Lines end with LF; a CR before it is dropped.</remarks>
internal sealed class LineReader(Stream stream, int bufferSize = 128 * 1024) : IDisposable
{
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(bufferSize);
    private int _start;
    private int _end;
    private int _scanned;
    private bool _atEnd;
    private long _consumed;

    /// <summary>Gets the offset in the stream at which the last line began.</summary>
    public long LineOffset { get; private set; }

    /// <summary>Takes the next whole line out of the buffer.</summary>
    /// <returns>False when the buffer has to be filled first, or the stream is at its end.</returns>
    public bool TryRead(out ReadOnlyMemory<byte> line)
    {
        var newline = _buffer.AsSpan(_scanned, _end - _scanned).IndexOf((byte)'\n');
        if (newline < 0)
        {
            _scanned = _end;
            if (!_atEnd || _start == _end)
            {
                line = default;
                return false;
            }

            line = Take(_end - _start, 0);
            return true;
        }

        line = Take(_scanned + newline - _start, 1);
        return true;
    }

    /// <summary>Reads more of the stream.</summary>
    /// <returns>False when every line has been read.</returns>
    public async ValueTask<bool> FillAsync(CancellationToken cancellationToken)
    {
        if (_atEnd)
        {
            return _start < _end;
        }

        MakeRoom();
        var read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
        _end += read;
        _atEnd = read == 0;
        return _start < _end;
    }

    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _buffer = [];
        _start = _end = _scanned = 0;
    }

    private ReadOnlyMemory<byte> Take(int length, int terminator)
    {
        var line = _buffer.AsMemory(_start, length);
        LineOffset = _consumed;
        _consumed += length + terminator;
        _start += length + terminator;
        _scanned = _start;
        return line.Length > 0 && line.Span[^1] == '\r' ? line[..^1] : line;
    }

    private void MakeRoom()
    {
        if (_start > 0)
        {
            _buffer.AsSpan(_start, _end - _start).CopyTo(_buffer);
            _end -= _start;
            _scanned -= _start;
            _start = 0;
        }
        else if (_end == _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(_buffer.Length * 2);
            _buffer.AsSpan(0, _end).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
    }
}
