using System.Buffers;
using System.Collections.Concurrent;
using Microsoft.Win32.SafeHandles;
using Sluice.Storage;

namespace Sluice.Caching.JsonLines;

/// <summary>Where a line lies.</summary>
/// <param name="File">The number of its file.</param>
/// <param name="Offset">Its first byte.</param>
internal readonly record struct LinePlace(int File, long Offset)
{
    private const int OffsetBits = 40;

    /// <summary>Takes a place apart that an index holds as one number.</summary>
    public static LinePlace Of(long packed) => new((int)(packed >> OffsetBits), packed & ((1L << OffsetBits) - 1));

    /// <summary>Returns the place as one number: up to 8 million files of 1 TiB.</summary>
    public long Packed => ((long)File << OffsetBits) | Offset;
}

/// <summary>Reads single lines of the files of a JSONL store. Thread-safe.</summary>
/// <param name="folder">The folder of the files.</param>
/// <param name="nameOf">Returns the name of a file by its number, or null when there is none.</param>
internal sealed class LineStore(string folder, Func<int, string?> nameOf) : IDisposable
{
    /// <summary>The most files that are kept open.</summary>
    private const int MostOpen = 16;

    private readonly ConcurrentDictionary<int, SafeFileHandle> _open = new();
    private readonly ConcurrentDictionary<int, string> _names = new();

    /// <summary>Gets the folder.</summary>
    public string Folder => folder;

    /// <summary>Returns a file's path, or null when the index no longer knows it.</summary>
    public string? PathOf(int file)
    {
        if (!_names.TryGetValue(file, out var name) && (name = nameOf(file)) is not null)
        {
            _names[file] = name;
        }

        return name is null ? null : Path.Combine(folder, name);
    }

    /// <summary>Learns the name of a file that the index has not committed yet.</summary>
    public void Know(int file, string name) => _names[file] = name;

    /// <summary>Forgets all names: a number whose file was not committed is given to another one.</summary>
    public void Forget()
    {
        _names.Clear();
        // Another thread may be reading them: they are closed when the last one lets go.
        _open.Clear();
    }

    /// <summary>Reads a line without its line feed; null when there is none at this place.</summary>
    /// <param name="place">Where it begins.</param>
    /// <param name="window">What the caller has read last; lines that lie next to each other are read together.</param>
    public ReadOnlyMemory<byte>? Read(LinePlace place, LineWindow window)
    {
        if (window.Find(place) is { } line)
        {
            return line;
        }

        try
        {
            if (Open(place.File) is { } handle)
            {
                return window.Fill(handle, place);
            }

            return null;
        }
        catch (FileNotFoundException)
        {
            // Rewritten or deleted a moment ago: the index will tell.
            return null;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var handle in _open.Values)
        {
            handle.Dispose();
        }
    }

    private SafeFileHandle? Open(int file)
    {
        if (_open.TryGetValue(file, out var handle))
        {
            return handle;
        }

        if (PathOf(file) is not { } path)
        {
            return null;
        }

        if (_open.Count >= MostOpen)
        {
            _open.Clear();
        }

        return _open.GetOrAdd(file, _ => File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete));
    }
}

/// <summary>The piece of a file that a reader has read last; for one thread at a time.</summary>
internal sealed class LineWindow : IDisposable
{
    /// <summary>For a line alone, which mostly fits, and for a run of lines.</summary>
    private const int Single = 4 * 1024, Run = 64 * 1024;

    private byte[] _buffer = [];
    private int _file = -1;
    private long _start;
    private int _length;

    /// <summary>Returns a line that has been read already.</summary>
    public ReadOnlyMemory<byte>? Find(LinePlace place)
    {
        var skip = place.Offset - _start;
        if (place.File != _file || skip < 0 || skip >= _length)
        {
            return null;
        }

        var rest = _buffer.AsMemory((int)skip, _length - (int)skip);
        var end = rest.Span.IndexOf((byte)'\n');
        // Not as one expression: its null would become an empty memory.
        if (end < 0)
        {
            return null;
        }

        return rest[..end];
    }

    /// <summary>Reads on from a place until a line is whole.</summary>
    public ReadOnlyMemory<byte>? Fill(SafeFileHandle handle, LinePlace place)
    {
        var follows = place.File == _file && place.Offset >= _start && place.Offset - _start - _length < Run;
        (_file, _start, _length) = (place.File, place.Offset, 0);
        for (var wanted = follows ? Run : Single; ; wanted = checked(wanted * 4))
        {
            MakeRoom(wanted);
            var read = RandomAccess.Read(handle, _buffer.AsSpan(_length, wanted - _length), place.Offset + _length);
            var end = _buffer.AsSpan(_length, read).IndexOf((byte)'\n');
            var before = _length;
            _length += read;
            if (end >= 0)
            {
                return _buffer.AsMemory(0, before + end);
            }

            if (_length < wanted)
            {
                // The file ends here. (A read of a file that is shorter than asked is its end.)
                return null;
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Return();

    private void MakeRoom(int wanted)
    {
        if (wanted <= _buffer.Length)
        {
            return;
        }

        var larger = ArrayPool<byte>.Shared.Rent(wanted);
        _buffer.AsSpan(0, _length).CopyTo(larger);
        Return();
        _buffer = larger;
    }

    private void Return()
    {
        if (_buffer.Length > 0)
        {
            ArrayPool<byte>.Shared.Return(_buffer);
            _buffer = [];
        }
    }
}
