using System.Buffers;
using Microsoft.Win32.SafeHandles;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching.JsonLines;

/// <summary>An entry as it is appended: its line, line feed included.</summary>
internal readonly record struct LineRow(RequestKey Key, ReadOnlyMemory<byte> Line, long ReplacedBefore);

/// <summary>Appends lines: one write for a group, then their places enter the index.</summary>
internal sealed class LineWriter(LineIndex index, LineStore lines, TimeProvider time, long maxFileBytes) : IGroupWriter<LineRow>
{
    private (int File, SafeFileHandle Handle)? _current;
    private string? _listed;

    /// <inheritdoc/>
    public void Write(List<(LineRow Row, int Put)> rows, int[] added) => LineTrouble.Explained(lines.Folder, () => index.Locked(() => Append(rows, added)));

    /// <inheritdoc/>
    /// <remarks>Lines of other processes are synced too, dead ones among them: what this one found stored it has not stored again.</remarks>
    public void Sync() => LineTrouble.Explained(lines.Folder, () =>
    {
        // The newest file is enough: all others were synced before it was begun.
        while (LineFile.In(lines.Folder) is [.., var newest] && !TrySync(newest))
        {
            // It has been rewritten a moment ago.
        }

        return true;
    });

    public void Dispose()
    {
        _current?.Handle.Dispose();
        index.Dispose();
    }

    /// <summary>Syncs a file and, the first time, its name; false when it is gone.</summary>
    private bool TrySync(string name)
    {
        try
        {
            using var file = File.OpenHandle(Path.Combine(lines.Folder, name), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
            RandomAccess.FlushToDisk(file);
        }
        catch (FileNotFoundException)
        {
            return false;
        }

        if (name != _listed)
        {
            CrashPoint.Hit("cache.folder.before");
            FolderSync.Sync(lines.Folder);
            _listed = name;
        }

        return true;
    }

    private bool Append(List<(LineRow Row, int Put)> rows, int[] added)
    {
        var order = InSlotOrder(rows);
        var claims = Claims(rows, order);
        var bytes = 0;
        for (var i = 0; i < rows.Count; i++)
        {
            bytes += claims[i].IsNew ? rows[i].Row.Line.Length : 0;
        }

        if (bytes == 0)
        {
            return false;
        }

        var file = FileToGrow();
        var places = new LinePlace[rows.Count];
        var buffer = ArrayPool<byte>.Shared.Rent(bytes);
        try
        {
            var used = 0;
            for (var i = 0; i < rows.Count; i++)
            {
                if (claims[i].IsNew)
                {
                    places[i] = new LinePlace(file.Id, file.Indexed + used);
                    rows[i].Row.Line.CopyTo(buffer.AsMemory(used));
                    used += rows[i].Row.Line.Length;
                    added[rows[i].Put]++;
                }
            }

            WriteAtEnd(file, buffer.AsSpan(0, used));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(buffer);
        }

        CrashPoint.Hit("cache.append.after");
        Enter(rows, order, claims, places);
        index.Advance(file.Id, file.Indexed + bytes);
        return true;
    }

    private static int[] InSlotOrder(List<(LineRow Row, int Put)> rows)
    {
        var slots = new long[rows.Count];
        var order = new int[rows.Count];
        for (var i = 0; i < rows.Count; i++)
        {
            slots[i] = rows[i].Row.Key.Slot;
        }

        SlotOrder.Sort(slots, order);
        return order;
    }

    /// <summary>Tells of each row whether it is to be stored, and whose slot it takes over.</summary>
    private Claim[] Claims(List<(LineRow Row, int Put)> rows, int[] order)
    {
        var claims = new Claim[rows.Count];
        for (var at = 0; at < order.Length; at++)
        {
            var row = rows[order[at]].Row;
            if (IsTwin(rows, order, at))
            {
                continue;
            }

            var known = index.Find(row.Key);
            claims[order[at]] = known is not { } stored ? new Claim(true, null)
                : stored.Line.CreatedAt.ToUnixTimeMilliseconds() < row.ReplacedBefore ? new Claim(true, stored.Slot) : default;
        }

        return claims;
    }

    /// <summary>Tells whether the group has the same key before; equal keys have equal slots, and so lie next to each other.</summary>
    private static bool IsTwin(List<(LineRow Row, int Put)> rows, int[] order, int at)
    {
        var key = rows[order[at]].Row.Key;
        for (var before = at - 1; before >= 0 && rows[order[before]].Row.Key.Slot == key.Slot; before--)
        {
            if (rows[order[before]].Row.Key == key)
            {
                return true;
            }
        }

        return false;
    }

    private void Enter(List<(LineRow Row, int Put)> rows, int[] order, Claim[] claims, LinePlace[] places)
    {
        var count = 0;
        foreach (var i in order)
        {
            if (!claims[i].IsNew)
            {
                continue;
            }

            count++;
            if (claims[i].Replaces is { } slot)
            {
                index.Replace(slot, places[i]);
            }
            else
            {
                index.Add(rows[i].Row.Key, places[i]);
            }
        }

        index.FoldWhenLarge(count);
    }

    private IndexedFile FileToGrow()
    {
        var now = time.GetUtcNow();
        if (index.Files() is [.., var last])
        {
            if (last.Indexed < maxFileBytes && LineFile.MayGrow(last.Name, now))
            {
                return last;
            }

            // When the store is synced, only the newest file is: all others have been.
            RandomAccess.FlushToDisk(HandleOf(last));
        }

        var name = LineFile.Next(LineFile.In(lines.Folder), now);
        PrivateFiles.Touch(Path.Combine(lines.Folder, name));
        return index.AddFile(name, 0);
    }

    private void WriteAtEnd(IndexedFile file, ReadOnlySpan<byte> bytes)
    {
        var handle = HandleOf(file);
        try
        {
            RandomAccess.Write(handle, bytes, file.Indexed);
        }
        catch (IOException)
        {
            // A part of a line may have come to the disk; what is left of it is found and taken away later, too.
            RandomAccess.SetLength(handle, file.Indexed);
            throw;
        }
    }

    private SafeFileHandle HandleOf(IndexedFile file)
    {
        if (_current is { } current && current.File == file.Id)
        {
            return current.Handle;
        }

        _current?.Handle.Dispose();
        _current = null;
        var handle = File.OpenHandle(Path.Combine(lines.Folder, file.Name), FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite | FileShare.Delete);
        _current = (file.Id, handle);
        return handle;
    }

    private readonly record struct Claim(bool IsNew, long? Replaces);
}
