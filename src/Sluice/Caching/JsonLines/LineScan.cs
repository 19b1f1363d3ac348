using System.Buffers;
using Sluice.Storage;

namespace Sluice.Caching.JsonLines;

/// <summary>A line of a JSONL store that is none: thrown where people have to look at it.</summary>
internal sealed class DamagedLineException(string path, long offset, Exception inner) : Exception($"{path}, byte {offset}: {inner.Message}", inner)
{
    /// <summary>Turns it into an error for people.</summary>
    public SluiceException Explain() => new(
        ErrorKind.Environment,
        $"{path} is damaged at byte {offset}: {InnerException!.Message}",
        $"`tail -c +{offset + 1} {path} | head -n 1` shows the line; delete it, or mend it, and run the same command again: what it answered is asked again",
        this);
}

/// <summary>Goes through a file of a JSONL store line by line, and knows where each line begins.</summary>
internal sealed class LineScan(string path, long from) : IDisposable
{
    private const int BlockSize = 256 * 1024;

    private readonly FileStream _file = Open(path, from);
    private byte[] _buffer = ArrayPool<byte>.Shared.Rent(BlockSize);
    private int _begin;
    private int _end;
    private int _lineLength;
    private bool _hasLine;
    private bool _isCut;

    /// <summary>Gets where the line begins in the file.</summary>
    public long Start { get; private set; } = from;

    /// <summary>Gets the line without its line feed; valid until the next one.</summary>
    public ReadOnlyMemory<byte> Line => _buffer.AsMemory(_begin, _lineLength);

    /// <summary>Gets how many bytes so far were never written: a power cut has taken what was to be there, and left what came after.</summary>
    public long Unwritten { get; private set; }

    /// <summary>Goes to the next whole line; false at the end, or where the last line is cut off.</summary>
    /// <param name="until">Where to stop.</param>
    public bool Next(long until = long.MaxValue)
    {
        do
        {
            if (_hasLine)
            {
                _begin += _lineLength + 1;
                Start += _lineLength + 1;
            }

            _hasLine = Start < until && FindEnd();
            SkipUnwritten();
        }
        while (_hasLine && Line.Span.Trim(" \t\r"u8).IsEmpty);
        return _hasLine;
    }

    /// <summary>Skips what a file system gives for bytes that it has never got: zeros, which no line has, with the rest of the line before them and, unless it is whole, of the one after.</summary>
    private void SkipUnwritten()
    {
        if (!_hasLine || Line.Span.LastIndexOf((byte)0) is not (>= 0 and var last))
        {
            return;
        }

        var rest = Line[(last + 1)..];
        var skipped = IsWhole(rest) ? last + 1 : _lineLength;
        Unwritten += skipped;
        Start += skipped;
        _begin += skipped;
        _lineLength -= skipped;
    }

    private static bool IsWhole(ReadOnlyMemory<byte> line)
    {
        try
        {
            ResponseLine.Read(line);
            return true;
        }
        catch (FormatException)
        {
            return false;
        }
    }

    /// <summary>Reads the line.</summary>
    /// <exception cref="DamagedLineException">It is none.</exception>
    public ResponseLine Read()
    {
        try
        {
            return ResponseLine.Read(Line);
        }
        catch (FormatException error)
        {
            throw new DamagedLineException(path, Start, error);
        }
    }

    /// <summary>At the end: puts a last line right that was cut off. One that only lacks its line feed gets it, and is the line now; any other is taken away. Only for the one who holds the lock.</summary>
    /// <returns>Whether there is one more line.</returns>
    public bool MendEnd(Action<string> warn)
    {
        if (!_isCut)
        {
            return false;
        }

        _isCut = false;
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite | FileShare.Delete, 1);
        try
        {
            ResponseLine.Read(Line);
            file.Position = Start + _lineLength;
            file.WriteByte((byte)'\n');
            return true;
        }
        catch (FormatException)
        {
            warn($"the last line of {path} was cut off: {_lineLength} bytes are taken away; what they answered is asked again");
            file.SetLength(Start);
            // Or a power cut could bring it back below what is appended in its place.
            file.Flush(flushToDisk: true);
            return false;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ArrayPool<byte>.Shared.Return(_buffer);
        _file.Dispose();
    }

    private static FileStream Open(string path, long from) =>
        new(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete, 1, FileOptions.SequentialScan) { Position = from };

    private bool FindEnd()
    {
        for (int scanned = 0, searched; ; scanned = searched)
        {
            searched = _end - _begin;
            var length = _buffer.AsSpan(_begin + scanned, searched - scanned).IndexOf((byte)'\n');
            if (length >= 0)
            {
                _lineLength = scanned + length;
                return true;
            }

            if (!Fill())
            {
                _lineLength = _end - _begin;
                _isCut = _lineLength > 0;
                return false;
            }
        }
    }

    private bool Fill()
    {
        var kept = _end - _begin;
        if (kept == _buffer.Length)
        {
            var larger = ArrayPool<byte>.Shared.Rent(checked(kept * 2));
            _buffer.AsSpan(_begin, kept).CopyTo(larger);
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = larger;
        }
        else
        {
            _buffer.AsSpan(_begin, kept).CopyTo(_buffer);
        }

        (_begin, _end) = (0, kept);
        var read = _file.Read(_buffer, _end, _buffer.Length - _end);
        _end += read;
        return read > 0;
    }
}
