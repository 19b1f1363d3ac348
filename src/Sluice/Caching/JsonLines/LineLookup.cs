using Microsoft.Data.Sqlite;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching.JsonLines;

/// <summary>Looks keys up in the index and reads their lines; for one thread at a time.</summary>
internal sealed class LineLookup(SqliteConnection connection, LineStore lines) : IDisposable
{
    private readonly Statement _find = new(connection, SlotIndex.Lookup(LineIndex.Keys));
    private readonly LineWindow _window = new();

    /// <summary>Looks keys up in one read transaction; false when index and files do not belong together, at least not any more.</summary>
    public bool TryGet(ReadOnlySpan<RequestKey> keys, Span<CachedResponse?> responses, DateTimeOffset notBefore)
    {
        SqliteStore.Execute(connection, "BEGIN");
        try
        {
            for (var i = 0; i < keys.Length; i++)
            {
                if (!TryFind(keys[i], out var line) || line is { IsSound: false })
                {
                    return false;
                }

                responses[i] = line is { } found && found.CreatedAt >= notBefore ? new CachedResponse(found.Body.ToArray(), found.Usage, found.IsBatch) : null;
            }

            return true;
        }
        finally
        {
            SqliteStore.Execute(connection, "COMMIT");
        }
    }

    /// <summary>Finds a key's line, which is valid until the next one, or null; false when there is no such line where the index says.</summary>
    public bool TryFind(RequestKey key, out ResponseLine? found)
    {
        found = null;
        for (var slot = key.Slot; Find(slot) is { } packed; slot = unchecked(slot + 1))
        {
            if (lines.Read(LinePlace.Of(packed), _window) is not { } bytes || Parse(bytes) is not { } line)
            {
                return false;
            }

            if (line.Key == key)
            {
                found = line;
                return true;
            }
        }

        return true;
    }

    /// <summary>Tells whether a line is the one that counts for its key, or none does: then the files were changed by hand, and it counts until the index is made anew.</summary>
    public bool IsLive(RequestKey key, LinePlace place)
    {
        if (IsIndexed(key, place))
        {
            return true;
        }

        return !TryFind(key, out var other) || other is null;
    }

    private bool IsIndexed(RequestKey key, LinePlace place)
    {
        for (var slot = key.Slot; Find(slot) is { } packed; slot = unchecked(slot + 1))
        {
            if (packed == place.Packed)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Returns the files of the store, oldest first.</summary>
    public List<IndexedFile> Files()
    {
        using var query = new Statement(connection, "SELECT id, name, indexed FROM files WHERE dropped=0 ORDER BY name");
        var files = new List<IndexedFile>();
        while (query.Step())
        {
            files.Add(new IndexedFile((int)query.Integer(0), query.Text(1)!, query.Integer(2)));
        }

        return files;
    }

    public void Dispose()
    {
        _find.Dispose();
        _window.Dispose();
        connection.Dispose();
    }

    private static ResponseLine? Parse(ReadOnlyMemory<byte> line)
    {
        try
        {
            return ResponseLine.Read(line);
        }
        catch (FormatException)
        {
            // The caller brings the index up to date, and says what is wrong if it still is.
            return null;
        }
    }

    private long? Find(long slot)
    {
        long? value = _find.Bind(1, slot).Step() ? _find.Integer(0) : null;
        _find.Reset();
        return value;
    }
}
