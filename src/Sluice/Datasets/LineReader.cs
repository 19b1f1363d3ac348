using System.Buffers;

namespace Sluice.Datasets;

/// <summary>Splits a stream into lines over one pooled buffer that is never larger than the longest line allowed.</summary>
internal sealed class LineReader(Stream stream, int maxLineBytes) : IDisposable
{
    private const int BlockSize = 64 * 1024;

    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(BlockSize);
    private int _start;
    private int _end;
    private long _before;
    private bool _started;
    private bool _ended;

    /// <summary>Gets the current line without its line feed; valid until the next read. Empty when <see cref="TooLong"/>.</summary>
    public ReadOnlyMemory<byte> Line { get; private set; }

    /// <summary>Gets whether the current line was longer than allowed, and thrown away unread.</summary>
    public bool TooLong { get; private set; }

    /// <summary>Gets whether a line feed ended the current line, rather than the stream.</summary>
    public bool HasLineFeed { get; private set; }

    /// <summary>Gets the number of the current line, from 1.</summary>
    public long Number { get; private set; }

    /// <summary>Gets where the current line begins, in bytes from the start of the stream; of one that was thrown away, no more than that it was before its end.</summary>
    public long Offset { get; private set; }

    /// <summary>Goes to the next line.</summary>
    /// <returns>False at the end of the stream.</returns>
    public ValueTask<bool> ReadAsync(CancellationToken cancellationToken)
    {
        int length = _buffer.AsSpan(_start, _end - _start).IndexOf((byte)'\n');
        if (length < 0)
        {
            return ReadSlowAsync(cancellationToken);
        }

        Take(length, lineFeed: 1);
        return new ValueTask<bool>(true);
    }

    public void Dispose()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
        }
    }

    private async ValueTask<bool> ReadSlowAsync(CancellationToken cancellationToken)
    {
        int scanned = _end - _start;
        bool tooLong = false;
        while (!_ended)
        {
            if (scanned > maxLineBytes)
            {
                tooLong = true;
                _before += _end;
                _start = _end = scanned = 0;
            }

            MakeRoom();
            await FillAsync(cancellationToken).ConfigureAwait(false);
            int length = _buffer.AsSpan(_start + scanned, _end - _start - scanned).IndexOf((byte)'\n');
            if (length >= 0)
            {
                Take(scanned + length, lineFeed: 1, tooLong);
                return true;
            }

            scanned = _end - _start;
        }

        if (scanned == 0 && !tooLong)
        {
            return false;
        }

        Take(scanned, lineFeed: 0, tooLong);
        return true;
    }

    private void Take(int length, int lineFeed, bool tooLong = false)
    {
        Number++;
        HasLineFeed = lineFeed > 0;
        Offset = _before + _start;
        TooLong = tooLong || length > maxLineBytes;
        Line = TooLong ? default : _buffer.AsMemory(_start, length);
        _start += length + lineFeed;
    }

    private void MakeRoom()
    {
        int pending = _end - _start;
        bool grow = pending == _buffer.Length;
        bool shrink = _buffer.Length > 8 * BlockSize && pending < BlockSize;
        if (grow || shrink)
        {
            byte[] next = ArrayPool<byte>.Shared.Rent(grow ? (int)Math.Min(2L * _buffer.Length, Array.MaxLength) : BlockSize);
            _buffer.AsSpan(_start, pending).CopyTo(next);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = next;
        }
        else
        {
            _buffer.AsSpan(_start, pending).CopyTo(_buffer);
        }

        _before += _start;
        (_start, _end) = (0, pending);
    }

    private async ValueTask FillAsync(CancellationToken cancellationToken)
    {
        int read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
        _ended = read == 0;
        _end += read;
        if (!_started)
        {
            _started = true;
            while (_end < 3 && !_ended)
            {
                read = await stream.ReadAsync(_buffer.AsMemory(_end), cancellationToken).ConfigureAwait(false);
                _ended = read == 0;
                _end += read;
            }

            SkipByteOrderMark();
        }
    }

    private void SkipByteOrderMark()
    {
        ReadOnlySpan<byte> head = _buffer.AsSpan(0, _end);
        if (head.StartsWith((ReadOnlySpan<byte>)[0xEF, 0xBB, 0xBF]))
        {
            _start = 3;
        }
        else if (head.StartsWith((ReadOnlySpan<byte>)[0xFF, 0xFE]) || head.StartsWith((ReadOnlySpan<byte>)[0xFE, 0xFF]))
        {
            throw new InvalidTextException("it is UTF-16, and only UTF-8 is read", "save it as UTF-8");
        }
    }
}
