using System.Buffers;
using System.Collections.Concurrent;
using System.Threading.Channels;
using Microsoft.Data.Sqlite;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching;

/// <summary>The default cache: one SQLite file, one group-committing writer, any number of readers.</summary>
/// <remarks>
/// Responses are stored in the order they arrive, so that a replay, which asks in dataset order, finds the next response on the page it has
/// just read; an index leads from the first 8 bytes of a key to its response, a third of the size of one over whole keys. The whole key is
/// compared with the one beside the response; of keys that share their first 8 bytes, later ones take the next free number.
/// 16 KiB pages beat 4 KiB (bench/cache).
/// </remarks>
public sealed class SqliteResponseCache : IResponseCache
{
    private const int MaxGroupRows = 8192;
    private const long MaxGroupBytes = 16 * 1024 * 1024;

    private static readonly string[] Schema =
    [
        SlotIndex.Tables("keys") +
        """
        CREATE TABLE origins(id INTEGER PRIMARY KEY, provider TEXT NOT NULL, model TEXT NOT NULL, source TEXT NOT NULL, UNIQUE(provider, model, source));
        CREATE TABLE responses(id INTEGER PRIMARY KEY, key BLOB NOT NULL, origin INTEGER NOT NULL, created INTEGER NOT NULL,
            input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, body BLOB NOT NULL);
        """,
        "ALTER TABLE responses ADD COLUMN crc32c INTEGER;",
    ];

    private readonly string _path;
    private readonly TimeProvider _time;
    private readonly ConcurrentBag<Reader> _readers = [];
    // Each has a page cache of its own; more of them than cores would only take memory.
    private readonly SemaphoreSlim _freeReaders = new(Math.Clamp(Environment.ProcessorCount, 2, 8));
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
        var connection = Open(cacheKib: 8 * 1024);
        SqliteStore.Migrate(connection, path, Schema);
        var writer = new Writer(connection);
        _writer = Task.Run(() => WriteLoopAsync(writer));
    }

    /// <inheritdoc/>
    public async ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, CancellationToken cancellationToken = default)
    {
        await _freeReaders.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!_readers.TryTake(out var reader))
            {
                reader = new Reader(Open(cacheKib: 4 * 1024));
            }

            try
            {
                reader.Get(keys.Span, responses.Span, IsBatch);
            }
            finally
            {
                _readers.Add(reader);
            }
        }
        finally
        {
            _freeReaders.Release();
        }
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
    public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default)
    {
        using var connection = Open(cacheKib: 64);
        using var any = new Statement(connection, "SELECT EXISTS(SELECT 1 FROM responses)");
        any.Step();
        return ValueTask.FromResult(any.Integer(0) == 0);
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

        _freeReaders.Dispose();
    }

    private SqliteConnection Open(int cacheKib) => SqliteStore.Open(_path, pageSize: 16384, cacheKib, walPages: 8192);

    private bool IsBatch(long origin, Reader reader) =>
        _originIsBatch.TryGetValue(origin, out var known) ? known : _originIsBatch.GetOrAdd(origin, reader.IsBatch(origin));

    private async Task WriteLoopAsync(Writer writer)
    {
        using var _ = writer;
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
            CrashPoint.Hit("cache.put.before");
            try
            {
                writer.Write(rows, added, _time.GetUtcNow());
                if (group.Exists(static p => p.Entries.Count == 0))
                {
                    writer.Sync();
                }
            }
            catch (SluiceException error)
            {
                foreach (var put in group)
                {
                    put.Done.SetException(error);
                }

                continue;
            }

            CrashPoint.Hit("cache.put.after");
            for (var i = 0; i < group.Count; i++)
            {
                group[i].Done.SetResult(added[i]);
            }
        }
    }

    private sealed record PendingPut(IReadOnlyList<CacheEntry> Entries)
    {
        public TaskCompletionSource<int> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }

    /// <summary>The one connection that writes. Everything that it needs is prepared before anybody waits for it.</summary>
    private sealed class Writer(SqliteConnection connection) : IDisposable
    {
        private readonly Statement _lastId = new(connection, "SELECT coalesce(max(id), 0) FROM responses");
        private readonly KeyIndex _index = new(connection);
        private readonly Statement _insert = new(connection, "INSERT INTO responses(id, key, origin, created, input_tokens, output_tokens, body, crc32c) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)");
        private readonly Statement _addOrigin = new(connection, "INSERT INTO origins(provider, model, source) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING");
        private readonly Statement _findOrigin = new(connection, "SELECT id FROM origins WHERE provider=?1 AND model=?2 AND source=?3");

        /// <summary>Stores what is new, in one transaction, and counts it per put.</summary>
        public void Write(List<(CacheEntry Entry, int Put)> rows, int[] added, DateTimeOffset now)
        {
            SqliteStore.Execute(connection, "BEGIN IMMEDIATE");
            try
            {
                _lastId.Step();
                var id = _lastId.Integer(0) + 1;
                _lastId.Reset();
                var isNew = _index.Claim(rows, id);
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
                        last = (entry.Origin, OriginId(entry.Origin));
                    }

                    added[put] += _insert.Bind(1, id + i).Bind(2, entry.Key).Bind(3, last.Id).Bind(4, now.ToUnixTimeMilliseconds())
                        .Bind(5, entry.Usage.Input).Bind(6, entry.Usage.Output).Bind(7, entry.Body.Span).Bind(8, (long)Checksum.Of(entry.Body.Span)).Run();
                }

                _index.FoldWhenLarge(id + rows.Count);
                SqliteStore.Execute(connection, "COMMIT");
            }
            catch (SluiceException)
            {
                SqliteStore.RollBack(connection);
                throw;
            }
        }

        /// <summary>Brings what is stored onto the disk: a checkpoint syncs the log before it copies from it (sqlite.org/pragma.html#pragma_synchronous, NORMAL).</summary>
        public void Sync() => SqliteStore.Execute(connection, "PRAGMA wal_checkpoint(PASSIVE)");

        public void Dispose()
        {
            _lastId.Dispose();
            _index.Dispose();
            _insert.Dispose();
            _addOrigin.Dispose();
            _findOrigin.Dispose();
            connection.Dispose();
        }

        private long OriginId(ResponseOrigin origin)
        {
            _addOrigin.Bind(1, origin.Provider).Bind(2, origin.Model).Bind(3, origin.Source).Run();
            _findOrigin.Bind(1, origin.Provider).Bind(2, origin.Model).Bind(3, origin.Source).Step();
            var id = _findOrigin.Integer(0);
            _findOrigin.Reset();
            return id;
        }
    }

    /// <summary>The writer's side of the index.</summary>
    private sealed class KeyIndex(SqliteConnection connection) : IDisposable
    {
        private readonly SlotIndex _slots = new(connection, "keys");
        private readonly Statement _key = new(connection, "SELECT key FROM responses WHERE id=?1");

        /// <summary>Enters the keys that are not there yet, and tells which ones they were.</summary>
        /// <param name="rows">The entries; each is to be stored under the first id plus its position.</param>
        /// <param name="firstId">An id above all that are stored.</param>
        public bool[] Claim(List<(CacheEntry Entry, int Put)> rows, long firstId)
        {
            var slots = ArrayPool<long>.Shared.Rent(rows.Count);
            var order = ArrayPool<int>.Shared.Rent(rows.Count);
            for (var i = 0; i < rows.Count; i++)
            {
                slots[i] = rows[i].Entry.Key.Slot;
            }

            // Equal keys in one group keep their order: the first one wins, as everywhere.
            SlotOrder.Sort(slots.AsSpan(0, rows.Count), order.AsSpan(0, rows.Count));
            var isNew = new bool[rows.Count];
            foreach (var row in order.AsSpan(0, rows.Count))
            {
                isNew[row] = Claim(rows, row, firstId);
            }

            ArrayPool<long>.Shared.Return(slots);
            ArrayPool<int>.Shared.Return(order);
            return isNew;
        }

        /// <summary>Keeps the index cheap to write to; once per group.</summary>
        public void FoldWhenLarge(long entries) => _slots.FoldWhenLarge(entries);

        public void Dispose()
        {
            _slots.Dispose();
            _key.Dispose();
        }

        private bool Claim(List<(CacheEntry Entry, int Put)> rows, int row, long firstId)
        {
            var key = rows[row].Entry.Key;
            for (var slot = key.Slot; ; slot = unchecked(slot + 1))
            {
                if (_slots.TryAdd(slot, firstId + row) is not { } id)
                {
                    return true;
                }

                if (id >= firstId ? rows[(int)(id - firstId)].Entry.Key == key : IsStoredAs(id, key))
                {
                    return false;
                }
            }
        }

        private bool IsStoredAs(long id, RequestKey key)
        {
            _key.Bind(1, id).Step();
            var same = new RequestKey(_key.Blob(0)) == key;
            _key.Reset();
            return same;
        }
    }

    private sealed class Reader(SqliteConnection connection) : IDisposable
    {
        private const int ManyKeys = 256;

        private readonly Statement _get = new(connection, $"SELECT r.key, r.body, r.input_tokens, r.output_tokens, r.origin, r.crc32c FROM ({SlotIndex.Lookup("keys")}) k CROSS JOIN responses r ON r.id=k.value");
        private readonly Statement _origin = new(connection, "SELECT source FROM origins WHERE id=?1");

        public void Get(ReadOnlySpan<RequestKey> keys, Span<CachedResponse?> responses, Func<long, Reader, bool> isBatch)
        {
            // One read transaction for the whole call: its locks cost as much as a look-up.
            SqliteStore.Execute(connection, "BEGIN");
            try
            {
                GetAll(keys, responses, isBatch);
                SqliteStore.Execute(connection, "COMMIT");
            }
            catch (SluiceException)
            {
                SqliteStore.RollBack(connection);
                throw;
            }
        }

        private void GetAll(ReadOnlySpan<RequestKey> keys, Span<CachedResponse?> responses, Func<long, Reader, bool> isBatch)
        {
            if (keys.Length < ManyKeys)
            {
                for (var i = 0; i < keys.Length; i++)
                {
                    responses[i] = Get(keys[i], isBatch);
                }

                return;
            }

            // Among so many there are neighbours in the index.
            foreach (var i in InSlotOrder(keys))
            {
                responses[i] = Get(keys[i], isBatch);
            }
        }

        private static int[] InSlotOrder(ReadOnlySpan<RequestKey> keys)
        {
            var slots = new long[keys.Length];
            var order = new int[keys.Length];
            for (var i = 0; i < keys.Length; i++)
            {
                slots[i] = keys[i].Slot;
            }

            SlotOrder.Sort(slots, order);
            return order;
        }

        private CachedResponse? Get(RequestKey key, Func<long, Reader, bool> isBatch)
        {
            for (var slot = key.Slot; ; slot = unchecked(slot + 1))
            {
                if (!_get.Bind(1, slot).Step())
                {
                    _get.Reset();
                    return null;
                }

                if (new RequestKey(_get.Blob(0)) == key)
                {
                    var body = _get.Blob(1).ToArray();
                    // Responses of older releases have no checksum.
                    if (!_get.IsNull(5) && (uint)_get.Integer(5) != Checksum.Of(body))
                    {
                        throw new SluiceException(ErrorKind.Environment, $"{connection.DataSource} is damaged: the response to {key} is not what was stored", "`sluice doctor` says what to do");
                    }

                    var response = new CachedResponse(body, new TokenUsage(_get.Integer(2), _get.Integer(3)), isBatch(_get.Integer(4), this));
                    _get.Reset();
                    return response;
                }

                _get.Reset();
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
