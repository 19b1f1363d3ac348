using Microsoft.Data.Sqlite;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching.Sqlite;

/// <summary>Goes through a SQLite cache page by page: lists, deletes, compresses anew. One page is one short transaction, so that nobody waits long.</summary>
internal sealed class CacheKeeper(SqliteConnection connection, BodyCodec codec) : IDisposable
{
    private const int PageRows = 256;

    private readonly SqliteConnection _connection = connection;
    private readonly Dictionary<long, ResponseOrigin> _origins = [];
    private Statement? _find;
    private Statement? _findAlone;
    private Statement? _holds;
    private Statement? _next;
    private Statement? _before;

    /// <summary>Opens a cache to go through it.</summary>
    public static CacheKeeper Open(string path, BodyCodec codec) => new(CacheSchema.Open(path, cacheKib: 2 * 1024), codec);

    /// <summary>Streams entries, bodies with them or not.</summary>
    public IEnumerable<StoredResponse> List(CacheFilter filter, bool withBodies)
    {
        var body = withBodies ? "r.body" : "NULL";
        using var page = new Statement(_connection, $"SELECT {Columns(body)} FROM responses r LEFT JOIN requests q ON q.id=r.id WHERE r.id>?1 ORDER BY r.id LIMIT {(withBodies ? 32 : PageRows)}");
        var found = new List<StoredResponse>(PageRows);
        for (long last = 0; ;)
        {
            found.Clear();
            var read = 0;
            for (page.Bind(1, last); page.Step(); read++)
            {
                last = page.Integer(0);
                if (Read(page, filter, withBodies) is { } entry)
                {
                    found.Add(entry);
                }
            }

            page.Reset();
            foreach (var entry in found)
            {
                yield return entry;
            }

            if (read == 0)
            {
                yield break;
            }
        }
    }

    /// <summary>Returns one entry by its id, with its bodies.</summary>
    /// <param name="id">The id.</param>
    /// <param name="withRequest">Whether its request is read too; in a damaged database that may be what cannot be read.</param>
    public StoredResponse? Find(long id, bool withRequest = true)
    {
        var find = withRequest
            ? _find ??= new Statement(_connection, $"SELECT {Columns("r.body")} FROM responses r LEFT JOIN requests q ON q.id=r.id WHERE r.id=?1")
            : _findAlone ??= new Statement(_connection, $"SELECT {Columns("r.body")} FROM responses r LEFT JOIN (SELECT 0 AS id, 0 AS dictionary, 0 AS size, NULL AS body) q ON q.id=r.id WHERE r.id=?1");
        try
        {
            return find.Bind(1, id).Step() ? Read(find, CacheFilter.All, withBodies: true) : null;
        }
        finally
        {
            find.Reset();
        }
    }

    /// <summary>Tells whether there is a response of this id that can be reached; false where it is on a page that cannot be read, and without the price of an error.</summary>
    public bool Holds(long id)
    {
        _holds ??= new Statement(_connection, "SELECT 1 FROM responses WHERE id=?1");
        try
        {
            return _holds.Bind(1, id).TryStep();
        }
        finally
        {
            _holds.Reset();
        }
    }

    /// <summary>Returns the next id after, or before, another one; null where there is none, or it is on a page that cannot be read.</summary>
    public long? Next(long id, bool upwards)
    {
        var next = upwards
            ? _next ??= new Statement(_connection, "SELECT id FROM responses WHERE id>?1 ORDER BY id LIMIT 1")
            : _before ??= new Statement(_connection, "SELECT id FROM responses WHERE id<?1 ORDER BY id DESC LIMIT 1");
        try
        {
            return next.Bind(1, id).TryStep() ? next.Integer(0) : null;
        }
        finally
        {
            next.Reset();
        }
    }

    /// <summary>Returns the least and the largest id that responses or their index tell, as far as they can be read; the largest is null where neither tells.</summary>
    public (long Least, long? Most) Bounds()
    {
        var (least, most, isKnown) = (long.MaxValue, 0L, false);
        foreach (var (range, tellsMost) in ((string, bool)[])[("SELECT min(id), min(id) FROM responses", false), ("SELECT max(id), max(id) FROM responses", true),
            ($"SELECT min(value), max(value) FROM {CacheSchema.Keys}", true), ($"SELECT min(value), max(value) FROM {CacheSchema.Keys}_recent", true)])
        {
            try
            {
                using var ask = new Statement(_connection, range);
                if (ask.TryStep() && !ask.IsNull(0))
                {
                    (least, most, isKnown) = (Math.Min(least, ask.Integer(0)), Math.Max(most, ask.Integer(1)), isKnown || tellsMost);
                }
            }
            catch (SluiceException)
            {
                // The table itself is gone; the others may tell.
            }
        }

        return (Math.Clamp(least, 1, Math.Max(1, most)), isKnown ? most : null);
    }

    /// <summary>Deletes entries and returns how many.</summary>
    public long Delete(CacheFilter filter, CancellationToken cancellationToken)
    {
        using var index = new KeyIndex(_connection);
        using var page = new Statement(_connection, $"SELECT {Columns("NULL")} FROM responses r LEFT JOIN requests q ON q.id=r.id WHERE r.id>?1 ORDER BY r.id LIMIT {PageRows}");
        using var delete = new Statement(_connection, "DELETE FROM responses WHERE id=?1");
        using var deleteRequest = new Statement(_connection, "DELETE FROM requests WHERE id=?1");
        var doomed = new List<(long Id, RequestKey Key)>(PageRows);
        long deleted = 0;
        for (long last = 0; ;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            doomed.Clear();
            var before = last;
            InTransaction(() =>
            {
                for (page.Bind(1, last); page.Step();)
                {
                    last = page.Integer(0);
                    if (Read(page, filter, withBodies: false) is { } entry)
                    {
                        doomed.Add((last, entry.Key));
                    }
                }

                page.Reset();
                foreach (var (id, key) in doomed)
                {
                    index.Remove(key, id);
                    delete.Bind(1, id).Run();
                    deleteRequest.Bind(1, id).Run();
                }
            });
            deleted += doomed.Count;
            if (last == before)
            {
                return deleted;
            }
        }
    }

    /// <summary>Deletes one entry and tells whether it was there.</summary>
    public bool Remove(RequestKey key, long id)
    {
        using var index = new KeyIndex(_connection);
        using var look = new Statement(_connection, "SELECT key FROM responses WHERE id=?1");
        using var delete = new Statement(_connection, "DELETE FROM responses WHERE id=?1");
        using var deleteRequest = new Statement(_connection, "DELETE FROM requests WHERE id=?1");
        var isThere = false;
        InTransaction(() =>
        {
            // Since it was looked up it may have given way to another one.
            isThere = look.Bind(1, id).Step() && new RequestKey(look.Blob(0)) == key;
            look.Reset();
            if (isThere)
            {
                index.Remove(key, id);
                delete.Bind(1, id).Run();
                deleteRequest.Bind(1, id).Run();
            }
        });
        return isThere;
    }

    /// <summary>Compresses every body with a dictionary learnt from all of them, and writes the file anew without gaps.</summary>
    public void Compact(CancellationToken cancellationToken)
    {
        // A damaged database is not written anew: what is lost then would never be noticed.
        SqliteStore.RequireSound(_connection);
        var dictionary = 0;
        InTransaction(() => dictionary = CacheDictionary.Learn(_connection, codec));
        if (dictionary != 0)
        {
            codec.Use(dictionary);
            foreach (var table in (string[])["responses", "requests"])
            {
                Recompress(table, dictionary, cancellationToken);
            }
        }

        SqliteStore.Execute(_connection, "DELETE FROM origins WHERE id NOT IN (SELECT origin FROM responses)");
        CrashPoint.Hit("cache.vacuum.before");
        SqliteStore.Execute(_connection, "VACUUM");
        CrashPoint.Hit("cache.vacuum.after");
        SqliteStore.Execute(_connection, "PRAGMA wal_checkpoint(TRUNCATE)");
        CrashPoint.Hit("cache.checkpoint.after");
    }

    /// <summary>Copies the whole cache into a new file, as it is at this moment, while others go on.</summary>
    public void BackUp(string target)
    {
        SqliteStore.RequireSound(_connection);
        using var copy = SqliteStore.Create(target);
        try
        {
            _connection.BackupDatabase(copy);
        }
        catch (SqliteException error)
        {
            throw SqliteStore.Explain(error, target);
        }
    }

    public void Dispose()
    {
        _find?.Dispose();
        _findAlone?.Dispose();
        _holds?.Dispose();
        _next?.Dispose();
        _before?.Dispose();
        _connection.Dispose();
    }

    private static string Columns(string body) =>
        $"r.id, r.key, r.origin, r.created, r.input_tokens, r.output_tokens, r.crc32c, r.dictionary, coalesce(r.size, length(r.body)), {body}, q.dictionary, q.size, {(body == "NULL" ? "NULL" : "q.body")}";

    private StoredResponse? Read(Statement row, CacheFilter filter, bool withBodies)
    {
        var origin = Origin(row.Integer(2));
        var created = DateTimeOffset.FromUnixTimeMilliseconds(row.Integer(3));
        var size = row.Integer(8);
        if (!filter.Admits(origin, created, size))
        {
            return null;
        }

        if (row.Blob(1).Length != RequestKey.Length)
        {
            return new StoredResponse { Key = default, Origin = origin, CreatedAt = created, Size = size, Problem = "its row is damaged" };
        }

        var body = withBodies ? Decode(row.Blob(9), (int)row.Integer(7), size) : null;
        var isSound = !withBodies || (body is not null && (row.IsNull(6) || (uint)row.Integer(6) == Checksum.Of(body)));
        return new StoredResponse
        {
            Key = new RequestKey(row.Blob(1)),
            Origin = origin,
            CreatedAt = created,
            Usage = new TokenUsage(row.Integer(4), row.Integer(5)),
            Size = size,
            Body = isSound ? body : null,
            Request = row.IsNull(12) ? null : Decode(row.Blob(12), (int)row.Integer(10), row.Integer(11)),
            Problem = isSound ? null : "its checksum differs: it is not what was stored",
        };
    }

    private byte[]? Decode(ReadOnlySpan<byte> stored, int dictionary, long size) => dictionary == 0 ? stored.ToArray() : codec.Decode(stored, dictionary, (int)size);

    private ResponseOrigin Origin(long id)
    {
        if (_origins.TryGetValue(id, out var known))
        {
            return known;
        }

        using var find = new Statement(_connection, "SELECT provider, model, source FROM origins WHERE id=?1");
        var origin = find.Bind(1, id).Step() ? new ResponseOrigin(find.Text(0)!, find.Text(1)!, find.Text(2)!) : new ResponseOrigin("", "", "unknown");
        // One for each batch: a few thousand at most.
        _origins.Add(id, origin);
        return origin;
    }

    private void Recompress(string table, int dictionary, CancellationToken cancellationToken)
    {
        using var page = new Statement(_connection, $"SELECT id, body, dictionary, coalesce(size, length(body)) FROM {table} WHERE id>?1 AND dictionary<>?2 ORDER BY id LIMIT {PageRows}");
        using var update = new Statement(_connection, $"UPDATE {table} SET body=?2, dictionary=?3, size=?4 WHERE id=?1");
        var room = new byte[64 * 1024];
        var smaller = new List<(long Id, byte[] Bytes, int Size)>(PageRows);
        for (long last = 0, before = -1; before != last;)
        {
            cancellationToken.ThrowIfCancellationRequested();
            before = last;
            smaller.Clear();
            InTransaction(() =>
            {
                for (page.Bind(1, last).Bind(2, dictionary); page.Step();)
                {
                    last = page.Integer(0);
                    var size = page.Integer(3);
                    if (size <= room.Length && Decode(page.Blob(1), (int)page.Integer(2), size) is { } body
                        && codec.TryEncode(body, room, out var written) == dictionary && written < page.Blob(1).Length)
                    {
                        smaller.Add((last, room[..written], (int)size));
                    }
                }

                page.Reset();
                foreach (var (id, bytes, size) in smaller)
                {
                    update.Bind(1, id).Bind(2, bytes).Bind(3, dictionary).Bind(4, size).Run();
                }
            });
        }
    }

    private void InTransaction(Action work)
    {
        SqliteStore.Execute(_connection, "BEGIN IMMEDIATE");
        try
        {
            work();
            CrashPoint.Hit("cache.edit.commit.before");
            SqliteStore.Execute(_connection, "COMMIT");
            CrashPoint.Hit("cache.edit.commit.after");
        }
        catch
        {
            SqliteStore.RollBack(_connection);
            throw;
        }
    }
}
