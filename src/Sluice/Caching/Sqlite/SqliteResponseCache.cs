using System.Buffers;
using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Microsoft.Data.Sqlite;
using Sluice.Caching.Sqlite;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching;

/// <summary>The default cache: one SQLite file, one group-committing writer, any number of readers.</summary>
/// <remarks>
/// Responses are stored in the order they arrive, so that a replay, which asks in dataset order, finds the next response on the page it has
/// just read; an index leads from the first 8 bytes of a key to its response, a third of the size of one over whole keys. The whole key is
/// compared with the one beside the response; of keys that share their first 8 bytes, later ones take the next free number.
/// </remarks>
public sealed class SqliteResponseCache : ICacheStore
{
    private readonly string _path;
    private readonly TimeProvider _time;
    private readonly BodyCodec _codec;
    private readonly ConcurrentBag<CacheReader> _readers = [];
    // Each has a page cache of its own; more of them than cores would only take memory.
    private readonly SemaphoreSlim _freeReaders = new(Math.Clamp(Environment.ProcessorCount, 2, 8));
    private readonly ConcurrentDictionary<long, bool> _originIsBatch = new();
    private readonly PutQueue<CacheRow> _puts;

    /// <summary>Opens or makes the cache.</summary>
    /// <param name="path">The database file.</param>
    /// <param name="time">The clock that stamps entries.</param>
    /// <param name="compresses">Whether new bodies are compressed as they come, where that saves something: a fifth of the size, and a third slower (bench/cache). Compressed ones are read anyway.</param>
    /// <param name="lockWait">How long a put waits for another process's lock before it is a <see cref="CacheAwayException"/>; a minute by default.</param>
    /// <exception cref="SluiceException">The file cannot be used.</exception>
    public SqliteResponseCache(string path, TimeProvider time, bool compresses = false, TimeSpan? lockWait = null)
    {
        _path = path;
        _time = time;
        _codec = new BodyCodec(dictionary => CacheDictionary.Load(path, dictionary));
        var connection = CacheSchema.OpenForWriting(path);
        if (lockWait is { } wait)
        {
            SqliteStore.WaitForLocks(connection, wait);
        }

        _puts = new PutQueue<CacheRow>(new CacheWriter(connection, _codec, compresses));
    }

    /// <summary>Tells whether a file has entries, without making or changing one; of a file that cannot be looked at nobody knows, so it may.</summary>
    public static bool MayHaveEntries(string path)
    {
        if (!File.Exists(path))
        {
            return false;
        }

        try
        {
            using var connection = SqliteStore.OpenForReading(path);
            // A process that was killed right at the beginning leaves a database without tables.
            return Is(connection, "SELECT EXISTS(SELECT 1 FROM sqlite_master WHERE name='responses')") && Is(connection, "SELECT EXISTS(SELECT 1 FROM responses)");
        }
        catch (SluiceException)
        {
            return true;
        }

        static bool Is(SqliteConnection connection, string question)
        {
            using var ask = new Statement(connection, question);
            return ask.Step() && ask.Integer(0) == 1;
        }
    }

    /// <inheritdoc/>
    public string Name => _path;

    /// <inheritdoc/>
    public async ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default) =>
        await ReadAsync(
            (keys, responses, notBefore),
            static (reader, ask) =>
            {
                reader.Get(ask.keys.Span, ask.responses.Span, ask.notBefore.ToUnixTimeMilliseconds());
                return true;
            },
            cancellationToken).ConfigureAwait(false);

    /// <inheritdoc/>
    public async ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entries);
        if (entries.Count == 0)
        {
            return 0;
        }

        // Compressed here, by each caller for himself, and not by the one writer.
        long bytes = 0;
        for (var i = 0; i < entries.Count; i++)
        {
            bytes += entries[i].Body.Length + (entries[i].Request?.Length ?? 0);
        }

        var room = ArrayPool<byte>.Shared.Rent(_codec.Current == 0 ? 0 : (int)Math.Min(bytes, 32 * 1024 * 1024));
        var rows = ArrayPool<CacheRow>.Shared.Rent(entries.Count);
        try
        {
            var now = _time.GetUtcNow();
            var used = 0;
            for (var i = 0; i < entries.Count; i++)
            {
                var entry = entries[i];
                rows[i] = new CacheRow(
                    entry.Key, entry.Origin, entry.StampedAt(now, replacedBefore).ToUnixTimeMilliseconds(), entry.Usage, Encode(entry.Body, room, ref used),
                    Checksum.Of(entry.Body.Span), entry.Request is { } request ? Encode(request, room, ref used) : null, replacedBefore.ToUnixTimeMilliseconds());
            }

            return await _puts.PutAsync(new ArraySegment<CacheRow>(rows, 0, entries.Count), bytes, cancellationToken).ConfigureAwait(false);
        }
        catch (SluiceException error) when (SqliteStore.IsLock(error))
        {
            throw CacheAwayException.Locked(Name, error);
        }
        finally
        {
            ArrayPool<CacheRow>.Shared.Return(rows, clearArray: true);
            ArrayPool<byte>.Shared.Return(room);
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default)
    {
        using var connection = CacheSchema.Open(_path, cacheKib: 64);
        using var any = new Statement(connection, "SELECT EXISTS(SELECT 1 FROM responses)");
        any.Step();
        return ValueTask.FromResult(any.Integer(0) == 0);
    }

    /// <inheritdoc/>
    public async ValueTask SyncAsync(CancellationToken cancellationToken = default)
    {
        try
        {
            await _puts.SyncAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (SluiceException error) when (SqliteStore.IsLock(error))
        {
            throw CacheAwayException.Locked(Name, error);
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoredResponse> ListAsync(CacheFilter filter, bool withBodies, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        await Task.Yield();
        using var keeper = CacheKeeper.Open(_path, _codec);
        foreach (var entry in keeper.List(filter, withBodies))
        {
            cancellationToken.ThrowIfCancellationRequested();
            yield return entry;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<StoredResponse?> FindAsync(RequestKey key, CancellationToken cancellationToken = default)
    {
        if (await ReadAsync(key, static (reader, wanted) => reader.Find(wanted), cancellationToken).ConfigureAwait(false) is not { } id)
        {
            return null;
        }

        using var keeper = CacheKeeper.Open(_path, _codec);
        return keeper.Find(id);
    }

    /// <inheritdoc/>
    public ValueTask<long> DeleteAsync(CacheFilter filter, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        using var keeper = CacheKeeper.Open(_path, _codec);
        return ValueTask.FromResult(keeper.Delete(filter, cancellationToken));
    }

    /// <inheritdoc/>
    public async ValueTask<bool> RemoveAsync(RequestKey key, CancellationToken cancellationToken = default)
    {
        if (await ReadAsync(key, static (reader, wanted) => reader.Find(wanted), cancellationToken).ConfigureAwait(false) is not { } id)
        {
            return false;
        }

        using var keeper = CacheKeeper.Open(_path, _codec);
        return keeper.Remove(key, id);
    }

    /// <inheritdoc/>
    public ValueTask<long> StoredBytesAsync(CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(((string[])[_path, _path + "-wal"]).Where(File.Exists).Sum(f => new FileInfo(f).Length));

    /// <inheritdoc/>
    public ValueTask CompactAsync(CancellationToken cancellationToken = default)
    {
        // A codec of its own: that old bodies are compressed does not mean that new ones are to be.
        using var codec = new BodyCodec(dictionary => CacheDictionary.Load(_path, dictionary));
        using var keeper = CacheKeeper.Open(_path, codec);
        keeper.Compact(cancellationToken);
        return ValueTask.CompletedTask;
    }

    /// <summary>Copies the whole cache into a new file, as it is at this moment, while others read and write.</summary>
    /// <exception cref="SluiceException">There is such a file already, or it cannot be written.</exception>
    public void BackUp(string target)
    {
        using var keeper = CacheKeeper.Open(_path, _codec);
        keeper.BackUp(target);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _puts.DisposeAsync().ConfigureAwait(false);
        while (_readers.TryTake(out var reader))
        {
            reader.Dispose();
        }

        _freeReaders.Dispose();
        _codec.Dispose();
    }

    private StoredBody Encode(ReadOnlyMemory<byte> body, byte[] room, ref int used)
    {
        if (used + body.Length <= room.Length && _codec.TryEncode(body.Span, room.AsSpan(used), out var written) is var dictionary and not 0)
        {
            used += written;
            return new StoredBody(room.AsMemory(used - written, written), dictionary, body.Length);
        }

        return new StoredBody(body, 0, body.Length);
    }

    private async ValueTask<TResult> ReadAsync<TAsk, TResult>(TAsk ask, Func<CacheReader, TAsk, TResult> read, CancellationToken cancellationToken)
    {
        await _freeReaders.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!_readers.TryTake(out var reader))
            {
                reader = new CacheReader(CacheSchema.Open(_path, cacheKib: 4 * 1024), _codec, _originIsBatch);
            }

            try
            {
                return read(reader, ask);
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
}
