using Microsoft.Data.Sqlite;
using Sluice.Storage;

namespace Sluice.Caching.Sqlite;

/// <summary>The one connection of a process that stores responses. Everything that it needs is prepared before anybody waits for it.</summary>
internal sealed class CacheWriter : IGroupWriter<CacheRow>
{
    /// <summary>From so many responses on, a dictionary is learnt.</summary>
    private const int LearnFrom = 2048;

    private readonly SqliteConnection _connection;
    private readonly BodyCodec _codec;
    private readonly KeyIndex _index;
    private readonly Statement _lastId;
    private readonly Statement _insert;
    private readonly Statement _insertRequest;
    private readonly Statement _delete;
    private readonly Statement _deleteRequest;
    private readonly Statement _addOrigin;
    private readonly Statement _findOrigin;
    private readonly Statement _dictionary;
    private bool _learns;
    private bool _isListed;

    /// <summary>Prepares a connection for writing; disposed with the writer.</summary>
    public CacheWriter(SqliteConnection connection, BodyCodec codec, bool compresses)
    {
        _connection = connection;
        _codec = codec;
        _index = new KeyIndex(connection);
        _lastId = new Statement(connection, "SELECT coalesce(max(id), 0) FROM responses");
        _insert = new Statement(connection, "INSERT INTO responses(id, key, origin, created, input_tokens, output_tokens, body, crc32c, dictionary, size) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)");
        _insertRequest = new Statement(connection, "INSERT INTO requests(id, dictionary, size, body) VALUES(?1, ?2, ?3, ?4)");
        _delete = new Statement(connection, "DELETE FROM responses WHERE id=?1");
        _deleteRequest = new Statement(connection, "DELETE FROM requests WHERE id=?1");
        _addOrigin = new Statement(connection, "INSERT INTO origins(provider, model, source) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING");
        _findOrigin = new Statement(connection, "SELECT id FROM origins WHERE provider=?1 AND model=?2 AND source=?3");
        _dictionary = new Statement(connection, "SELECT coalesce(max(id), 0) FROM dictionaries");
        _learns = compresses;
        if (compresses)
        {
            _codec.Use((int)Number(_dictionary));
        }
    }

    /// <inheritdoc/>
    public void Write(List<(CacheRow Row, int Put)> rows, int[] added)
    {
        SqliteStore.Execute(_connection, "BEGIN IMMEDIATE");
        try
        {
            SqliteStore.RequireInPlace(_connection);
            var id = Number(_lastId) + 1;
            var isNew = _index.Claim(rows, id, Drop);
            (ResponseOrigin? Origin, long Id) last = default;
            for (var i = 0; i < rows.Count; i++)
            {
                if (!isNew[i])
                {
                    continue;
                }

                var (row, put) = rows[i];
                if (!ReferenceEquals(last.Origin, row.Origin))
                {
                    last = (row.Origin, OriginId(row.Origin));
                }

                added[put] += _insert.Bind(1, id + i).Bind(2, row.Key).Bind(3, last.Id).Bind(4, row.CreatedAt).Bind(5, row.Usage.Input).Bind(6, row.Usage.Output)
                    .Bind(7, row.Body.Bytes.Span).Bind(8, (long)row.Checksum).Bind(9, row.Body.Dictionary).Bind(10, row.Body.Size).Run();
                if (row.Request is { } request)
                {
                    _insertRequest.Bind(1, id + i).Bind(2, request.Dictionary).Bind(3, request.Size).Bind(4, request.Bytes.Span).Run();
                }
            }

            _index.FoldWhenLarge(id + rows.Count);
            LearnWhenDue(id + rows.Count);
            SqliteStore.Execute(_connection, "COMMIT");
        }
        catch
        {
            SqliteStore.RollBack(_connection);
            throw;
        }
    }

    /// <inheritdoc/>
    public void Sync()
    {
        // The folder once: while this connection is open, the log stays where it is.
        SqliteStore.SyncLog(_connection.DataSource, withFolder: !_isListed);
        _isListed = true;
    }

    public void Dispose()
    {
        _lastId.Dispose();
        _index.Dispose();
        _insert.Dispose();
        _insertRequest.Dispose();
        _delete.Dispose();
        _deleteRequest.Dispose();
        _addOrigin.Dispose();
        _findOrigin.Dispose();
        _dictionary.Dispose();
        _connection.Dispose();
    }

    private static long Number(Statement query)
    {
        query.Step();
        var number = query.Integer(0);
        query.Reset();
        return number;
    }

    private void Drop(long id)
    {
        _delete.Bind(1, id).Run();
        _deleteRequest.Bind(1, id).Run();
    }

    private long OriginId(ResponseOrigin origin)
    {
        _addOrigin.Bind(1, origin.Provider).Bind(2, origin.Model).Bind(3, origin.Source).Run();
        _findOrigin.Bind(1, origin.Provider).Bind(2, origin.Model).Bind(3, origin.Source).Step();
        var id = _findOrigin.Integer(0);
        _findOrigin.Reset();
        return id;
    }

    /// <summary>Takes over a dictionary that another process has learnt, or learns the first one.</summary>
    private void LearnWhenDue(long responses)
    {
        if (_codec.Current != 0 || !_learns || responses < LearnFrom)
        {
            return;
        }

        var dictionary = (int)Number(_dictionary);
        if (dictionary == 0)
        {
            dictionary = CacheDictionary.Learn(_connection, _codec);
            _learns = dictionary != 0;
        }

        _codec.Use(dictionary);
    }
}
