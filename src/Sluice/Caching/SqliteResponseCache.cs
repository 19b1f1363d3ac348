using System.Buffers;
using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Data.Sqlite;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching;

/// <summary>The default cache: one SQLite file, one group-committing writer, any number of readers.</summary>
/// <remarks>
/// Keys and responses are two tables: keys are written sorted, so that neighbours share a page, and responses in the order they arrive,
/// so that a replay, which asks in dataset order, finds the next response on the page it has just read. 16 KiB pages beat 4 KiB twice.
/// </remarks>
public sealed class SqliteResponseCache : IResponseCache
{
    private const int MaxGroupRows = 8192;
    private const long MaxGroupBytes = 16 * 1024 * 1024;

    private static readonly string[] Schema =
    [
        """
        CREATE TABLE origins(id INTEGER PRIMARY KEY, provider TEXT NOT NULL, model TEXT NOT NULL, source TEXT NOT NULL, UNIQUE(provider, model, source));
        CREATE TABLE keys(key BLOB PRIMARY KEY, id INTEGER NOT NULL) WITHOUT ROWID;
        CREATE TABLE responses(id INTEGER PRIMARY KEY, key BLOB NOT NULL, origin INTEGER NOT NULL, created INTEGER NOT NULL,
            input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, body BLOB NOT NULL);
        """,
    ];

    private readonly string _path;
    private readonly TimeProvider _time;
    private readonly ConcurrentBag<Reader> _readers = [];
    private readonly ConcurrentDictionary<long, bool> _originIsBatch = new();
    private readonly Channel<PendingPut> _puts = Channel.CreateBounded<PendingPut>(new BoundedChannelOptions(64) { SingleReader = true });
    private readonly Task _writer;

    /// <summary>Opens or makes the cache.</summary>
    /// <param name="path">The database file.</param>
    /// <param name="time">The clock that stamps entries.</param>
    /// <exception cref="SluiceException">The file cannot be used.</exception>
    public SqliteResponseCache(string path, TimeProvider time)
    {
        _path = path;
        _time = time;
        var connection = Open(cacheKib: 16 * 1024);
        SqliteStore.Migrate(connection, path, Schema);
        _writer = Task.Run(() => WriteLoopAsync(connection));
    }

    /// <inheritdoc/>
    public ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, CancellationToken cancellationToken = default)
    {
        if (!_readers.TryTake(out var reader))
        {
            reader = new Reader(Open(cacheKib: 2 * 1024));
        }

        try
        {
            reader.Get(keys.Span, responses.Span, IsBatch);
        }
        catch (SqliteException error)
        {
            throw SqliteStore.Explain(error, _path);
        }

        _readers.Add(reader);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, CancellationToken cancellationToken = default)
    {
        if (entries.Count == 0)
        {
            return 0;
        }

        var put = new PendingPut(entries);
        await _puts.Writer.WriteAsync(put, cancellationToken).ConfigureAwait(false);
        return await put.Done.Task.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask SyncAsync(CancellationToken cancellationToken = default)
    {
        var sync = new PendingPut([]);
        await _puts.Writer.WriteAsync(sync, cancellationToken).ConfigureAwait(false);
        await sync.Done.Task.ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        _puts.Writer.TryComplete();
        await _writer.ConfigureAwait(false);
        while (_readers.TryTake(out var reader))
        {
            reader.Dispose();
        }
    }

    private SqliteConnection Open(int cacheKib) => SqliteStore.Open(_path, pageSize: 16384, cacheKib, walPages: 8192);

    private bool IsBatch(long origin, Reader reader) =>
        _originIsBatch.TryGetValue(origin, out var known) ? known : _originIsBatch.GetOrAdd(origin, reader.IsBatch(origin));

    private async Task WriteLoopAsync(SqliteConnection connection)
    {
        using var _ = connection;
        using var lastId = new Statement(connection, "SELECT coalesce(max(id), 0) FROM responses");
        using var insertKey = new Statement(connection, "INSERT INTO keys(key, id) VALUES(?1, ?2) ON CONFLICT(key) DO NOTHING");
        using var insert = new Statement(connection, "INSERT INTO responses(id, key, origin, created, input_tokens, output_tokens, body) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)");
        using var addOrigin = new Statement(connection, "INSERT INTO origins(provider, model, source) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING");
        using var findOrigin = new Statement(connection, "SELECT id FROM origins WHERE provider=?1 AND model=?2 AND source=?3");
        var group = new List<PendingPut>();
        var rows = new List<(CacheEntry Entry, int Put)>();
        while (await _puts.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            group.Clear();
            rows.Clear();
            long bytes = 0;
            while (rows.Count < MaxGroupRows && bytes < MaxGroupBytes && _puts.Reader.TryRead(out var put))
            {
                foreach (var entry in put.Entries)
                {
                    rows.Add((entry, group.Count));
                    bytes += entry.Body.Length;
                }

                group.Add(put);
            }

            var added = new int[group.Count];
            try
            {
                SqliteStore.Execute(connection, "BEGIN IMMEDIATE");
                var created = _time.GetUtcNow().ToUnixTimeMilliseconds();
                lastId.Step();
                var id = lastId.Integer(0) + 1;
                lastId.Reset();
                var isNew = ClaimKeys(insertKey, rows, id);
                (ResponseOrigin? Origin, long Id) last = default;
                for (var i = 0; i < rows.Count; i++)
                {
                    if (!isNew[i])
                    {
                        continue;
                    }

                    var (entry, put) = rows[i];
                    if (!ReferenceEquals(last.Origin, entry.Origin))
                    {
                        last = (entry.Origin, OriginId(addOrigin, findOrigin, entry.Origin));
                    }

                    added[put] += insert.Bind(1, id + i).Bind(2, entry.Key).Bind(3, last.Id).Bind(4, created)
                        .Bind(5, entry.Usage.Input).Bind(6, entry.Usage.Output).Bind(7, entry.Body.Span).Run();
                }

                SqliteStore.Execute(connection, "COMMIT");
                if (group.Exists(static p => p.Entries.Count == 0))
                {
                    // A checkpoint syncs the log before it copies from it (sqlite.org/pragma.html#pragma_synchronous, NORMAL).
                    SqliteStore.Execute(connection, "PRAGMA wal_checkpoint(PASSIVE)");
                }
            }
            catch (SqliteException error)
            {
                RollBack(connection);
                foreach (var put in group)
                {
                    put.Done.SetException(SqliteStore.Explain(error, _path));
                }

                continue;
            }

            for (var i = 0; i < group.Count; i++)
            {
                group[i].Done.SetResult(added[i]);
            }
        }
    }

    /// <summary>Writes the keys that are not there yet, in sorted order, and tells which ones they were.</summary>
    private static bool[] ClaimKeys(Statement insert, List<(CacheEntry Entry, int Put)> rows, long firstId)
    {
        var keys = ArrayPool<RequestKey>.Shared.Rent(rows.Count);
        var order = ArrayPool<int>.Shared.Rent(rows.Count);
        for (var i = 0; i < rows.Count; i++)
        {
            keys[i] = rows[i].Entry.Key;
            order[i] = i;
        }

        // Equal keys in one group: the first one wins, as everywhere.
        Array.Sort(keys, order, 0, rows.Count);
        var isNew = new bool[rows.Count];
        for (var i = 0; i < rows.Count; i++)
        {
            var first = order[i];
            while (i + 1 < rows.Count && keys[i + 1] == keys[i])
            {
                first = Math.Min(first, order[++i]);
            }

            isNew[first] = insert.Bind(1, keys[i]).Bind(2, firstId + first).Run() == 1;
        }

        ArrayPool<RequestKey>.Shared.Return(keys);
        ArrayPool<int>.Shared.Return(order);
        return isNew;
    }

    private static long OriginId(Statement add, Statement find, ResponseOrigin origin)
    {
        add.Bind(1, origin.Provider).Bind(2, origin.Model).Bind(3, origin.Source).Run();
        find.Bind(1, origin.Provider).Bind(2, origin.Model).Bind(3, origin.Source).Step();
        var id = find.Integer(0);
        find.Reset();
        return id;
    }

    private static void RollBack(SqliteConnection connection)
    {
        if (SQLitePCL.raw.sqlite3_get_autocommit(connection.Handle) == 0)
        {
            SqliteStore.Execute(connection, "ROLLBACK");
        }
    }

    private sealed record PendingPut(IReadOnlyList<CacheEntry> Entries)
    {
        public TaskCompletionSource<int> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    private sealed class Reader(SqliteConnection connection) : IDisposable
    {
        private readonly Statement _get = new(connection, "SELECT body, input_tokens, output_tokens, origin FROM responses WHERE id=(SELECT id FROM keys WHERE key=?1)");
        private readonly Statement _origin = new(connection, "SELECT source FROM origins WHERE id=?1");

        public void Get(ReadOnlySpan<RequestKey> keys, Span<CachedResponse?> responses, Func<long, Reader, bool> isBatch)
        {
            // One read transaction for the whole call: its locks cost as much as a look-up.
            SqliteStore.Execute(connection, "BEGIN");
            try
            {
                for (var i = 0; i < keys.Length; i++)
                {
                    _get.Bind(1, keys[i]);
                    responses[i] = _get.Step()
                        ? new CachedResponse(_get.Blob(0).ToArray(), new TokenUsage(_get.Integer(1), _get.Integer(2)), isBatch(_get.Integer(3), this))
                        : null;
                    _get.Reset();
                }
            }
            finally
            {
                _get.Reset();
                SqliteStore.Execute(connection, "COMMIT");
            }
        }

        public bool IsBatch(long origin)
        {
            _origin.Bind(1, origin).Step();
            var batch = _origin.Text(0) != ResponseOrigin.LiveSource;
            _origin.Reset();
            return batch;
        }

        public void Dispose()
        {
            _get.Dispose();
            _origin.Dispose();
            connection.Dispose();
        }
    }
}
