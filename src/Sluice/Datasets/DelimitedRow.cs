using System.Buffers;

namespace Sluice.Datasets;

internal enum RowState
{
    /// <summary>The row ended with the line.</summary>
    Complete,

    /// <summary>A quoted field goes on in the next line.</summary>
    Open,

    /// <summary>The row cannot be understood; the next line starts a new one.</summary>
    Malformed,
}

/// <summary>The fields of one row of CSV or TSV (RFC 4180), fed line by line so that a quoted field may span lines.</summary>
/// <remarks>
/// Works on bytes: the characters that matter are ASCII, and invalid UTF-8 must stay visible until it can be blamed on a row.
/// A quote inside an unquoted field is an ordinary character, as in <c>5" pipe</c>.
/// </remarks>
internal sealed class DelimitedRow(byte delimiter)
{
    private const byte Quote = (byte)'"';
    private readonly List<int> _ends = [];
    private ArrayBufferWriter<byte> _text = new();
    private bool _quoted;

    /// <summary>Gets the number of fields.</summary>
    public int Count => _ends.Count;

    /// <summary>Gets the bytes gathered so far.</summary>
    public int Length => _text.WrittenCount;

    /// <summary>Returns a field without its quotes; valid until the next row.</summary>
    public ReadOnlySpan<byte> this[int index]
    {
        get
        {
            int start = index == 0 ? 0 : _ends[index - 1];
            return _text.WrittenSpan[start.._ends[index]];
        }
    }

    /// <summary>Starts a new row.</summary>
    public void Clear()
    {
        _ends.Clear();
        _quoted = false;
        if (_text.Capacity > 1024 * 1024)
        {
            _text = new ArrayBufferWriter<byte>();
        }
        else
        {
            _text.ResetWrittenCount();
        }
    }

    /// <summary>Adds a line, without its line feed.</summary>
    public RowState Add(ReadOnlySpan<byte> line)
    {
        while (true)
        {
            if (!_quoted && !line.IsEmpty && line[0] == Quote)
            {
                _quoted = true;
                line = line[1..];
            }

            if (!_quoted)
            {
                int next = line.IndexOf(delimiter);
                if (next < 0)
                {
                    _text.Write(line is [.., (byte)'\r'] ? line[..^1] : line);
                    _ends.Add(Length);
                    return RowState.Complete;
                }

                _text.Write(line[..next]);
                _ends.Add(Length);
                line = line[(next + 1)..];
                continue;
            }

            if (!ReadQuoted(ref line))
            {
                return RowState.Open;
            }

            _ends.Add(Length);
            if (line.IsEmpty || line is [(byte)'\r'])
            {
                return RowState.Complete;
            }

            if (line[0] != delimiter)
            {
                return RowState.Malformed;
            }

            line = line[1..];
        }
    }

    // Leaves the line after the closing quote; returns false when the line ends before it.
    private bool ReadQuoted(ref ReadOnlySpan<byte> line)
    {
        while (true)
        {
            int quote = line.IndexOf(Quote);
            if (quote < 0)
            {
                _text.Write(line);
                _text.Write("\n"u8);
                return false;
            }

            _text.Write(line[..quote]);
            line = line[(quote + 1)..];
            if (line.IsEmpty || line[0] != Quote)
            {
                _quoted = false;
                return true;
            }

            _text.Write("\""u8);
            line = line[1..];
        }
    }
}
