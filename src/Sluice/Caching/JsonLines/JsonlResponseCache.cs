using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Sluice.Caching.JsonLines;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching;

/// <summary>A cache of plain text files, one response a line, appended under a lock; made for <c>jq</c>, <c>grep</c> and <c>tail</c>.</summary>
/// <remarks>
/// The files alone count. An index beside them, <c>index.db</c>, leads from keys to lines; it is made again when it is gone, or when the files
/// were changed by hand. Of several lines of a key the last one counts. A line that was cut off at the end of a file is taken away with a warning;
/// a damaged one in the middle is an error that names file and byte.
/// </remarks>
public sealed class JsonlResponseCache : ICacheStore
{
    private readonly string _folder;
    private readonly TimeProvider _time;
    private readonly Action<string> _warn;
    private readonly LineStore _lines;
    private readonly PutQueue<LineRow> _puts;
    private readonly ConcurrentBag<LineLookup> _lookups = [];
    private readonly SemaphoreSlim _freeLookups = new(Math.Clamp(Environment.ProcessorCount, 2, 8));

    /// <summary>Opens or makes the cache.</summary>
    /// <param name="folder">The folder of the files.</param>
    /// <param name="time">The clock that stamps entries and names files.</param>
    /// <param name="warn">Told what was put right; must not block.</param>
    /// <param name="maxFileBytes">The size from which on a new file is begun, in bytes; a new day begins one too.</param>
    /// <param name="lockWait">How long a put waits for another process's lock before it is a <see cref="CacheAwayException"/>; a minute by default.</param>
    /// <exception cref="SluiceException">The folder cannot be used, or a file in it is damaged.</exception>
    public JsonlResponseCache(string folder, TimeProvider time, Action<string> warn, long maxFileBytes = 256 * 1024 * 1024, TimeSpan? lockWait = null)
    {
        _folder = Path.GetFullPath(folder);
        _time = time;
        _warn = warn;
        _lines = new LineStore(_folder, NameOf);
        _puts = LineTrouble.Explained(_folder, () =>
        {
            PrivateFiles.CreateFolder(_folder);
            try
            {
                return Start(maxFileBytes, lockWait);
            }
            catch (SluiceException error) when (SqliteStore.IsDamage(error))
            {
                warn($"{IndexPath} is damaged: it is made anew from the files");
                foreach (var part in (string[])["", "-wal", "-shm"])
                {
                    File.Delete(IndexPath + part);
                }

                return Start(maxFileBytes, lockWait);
            }
        });
    }

    /// <summary>Tells whether a folder holds, or may be taken for, such a store: files of something else are left alone.</summary>
    public static bool IsStore(string folder)
    {
        if (!Directory.Exists(folder) || LineFile.In(folder) is not [var first, ..])
        {
            return false;
        }

        try
        {
            using var scan = new LineScan(Path.Combine(folder, first), 0);
            return File.Exists(Path.Combine(folder, "index.db")) || (scan.Next() && scan.Read().IsSound);
        }
        catch (DamagedLineException)
        {
            // Somebody's lines, but none of ours.
            return false;
        }
    }

    /// <summary>Tells whether a folder has lines that such a store would read, without opening one; whether they are sound is not asked.</summary>
    public static bool MayHaveEntries(string folder) => Directory.Exists(folder) && LineFile.In(folder).Any(name => new FileInfo(Path.Combine(folder, name)).Length > 0);

    /// <inheritdoc/>
    public string Name => _folder;

    private string IndexPath => Path.Combine(_folder, "index.db");

    /// <inheritdoc/>
    public async ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default)
    {
        if (!await LookUpAsync(lookup => lookup.TryGet(keys.Span, responses.Span, notBefore), cancellationToken).ConfigureAwait(false))
        {
            // Rewritten a moment ago, or changed by hand: under the lock the index is true, or says what is damaged.
            using var index = new LineIndex(IndexPath, _lines, _warn);
            LineTrouble.Explained(_folder, () => index.Locked(() => GetLocked(index, keys.Span, responses.Span, notBefore)));
        }
    }

    /// <inheritdoc/>
    public async ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entries);
        if (entries.Count == 0)
        {
            return 0;
        }

        var now = _time.GetUtcNow();
        using var buffer = new PooledBuffer(64 * 1024);
        var ends = new int[entries.Count];
        for (var i = 0; i < entries.Count; i++)
        {
            ResponseLine.Write(buffer, entries[i], entries[i].StampedAt(now, replacedBefore));
            buffer.GetSpan(1)[0] = (byte)'\n';
            buffer.Advance(1);
            ends[i] = buffer.WrittenCount;
        }

        var rows = new LineRow[entries.Count];
        for (var i = 0; i < rows.Length; i++)
        {
            var start = i == 0 ? 0 : ends[i - 1];
            rows[i] = new LineRow(entries[i].Key, buffer.WrittenMemory[start..ends[i]], replacedBefore.ToUnixTimeMilliseconds());
        }

        try
        {
            return await _puts.PutAsync(rows, buffer.WrittenCount, cancellationToken).ConfigureAwait(false);
        }
        catch (SluiceException error) when (SqliteStore.IsLock(error))
        {
            throw CacheAwayException.Locked(Name, error);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) =>
        await LookUpAsync(static lookup => lookup.Files().TrueForAll(f => f.Indexed == 0), cancellationToken).ConfigureAwait(false);

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
        using var lookup = OpenLookup();
        foreach (var file in lookup.Files())
        {
            using var scan = OpenScan(file);
            while (scan?.Next(until: file.Indexed) == true)
            {
                cancellationToken.ThrowIfCancellationRequested();
                var line = LineTrouble.Explained(_folder, scan.Read);
                if (filter.Admits(line.Origin, line.CreatedAt, line.Body.Length) && lookup.IsLive(line.Key, new LinePlace(file.Id, scan.Start)))
                {
                    yield return line.ToStored(withBodies);
                }
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask<StoredResponse?> FindAsync(RequestKey key, CancellationToken cancellationToken = default)
    {
        StoredResponse? found = null;
        if (await LookUpAsync(
            lookup =>
            {
                var isTrue = lookup.TryFind(key, out var line);
                found = line?.ToStored(withBodies: true);
                return isTrue;
            },
            cancellationToken).ConfigureAwait(false))
        {
            return found;
        }

        using var index = new LineIndex(IndexPath, _lines, _warn);
        return LineTrouble.Explained(_folder, () => index.Locked(() => index.Find(key)?.Line.ToStored(withBodies: true)));
    }

    /// <inheritdoc/>
    public ValueTask<long> DeleteAsync(CacheFilter filter, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        return ValueTask.FromResult(Rewrite(line => !filter.Admits(line.Origin, line.CreatedAt, line.Body.Length), cancellationToken));
    }

    /// <inheritdoc/>
    public ValueTask<bool> RemoveAsync(RequestKey key, CancellationToken cancellationToken = default) => ValueTask.FromResult(Rewrite(line => line.Key != key, cancellationToken) > 0);

    /// <inheritdoc/>
    public ValueTask<long> StoredBytesAsync(CancellationToken cancellationToken = default) =>
        ValueTask.FromResult(Directory.EnumerateFiles(_folder).Sum(f => new FileInfo(f).Length));

    /// <inheritdoc/>
    public ValueTask CompactAsync(CancellationToken cancellationToken = default)
    {
        Rewrite(static _ => true, cancellationToken);
        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _puts.DisposeAsync().ConfigureAwait(false);
        while (_lookups.TryTake(out var lookup))
        {
            lookup.Dispose();
        }

        _freeLookups.Dispose();
        _lines.Dispose();
    }

    private PutQueue<LineRow> Start(long maxFileBytes, TimeSpan? lockWait)
    {
        var index = new LineIndex(IndexPath, _lines, _warn);
        try
        {
            index.RequireSound();
            index.Locked(() => true);
            if (lockWait is { } wait)
            {
                index.WaitForLocks(wait);
            }

            return new PutQueue<LineRow>(new LineWriter(index, _lines, _time, maxFileBytes));
        }
        catch
        {
            index.Dispose();
            throw;
        }
    }

    private static bool GetLocked(LineIndex index, ReadOnlySpan<RequestKey> keys, Span<CachedResponse?> responses, DateTimeOffset notBefore)
    {
        for (var i = 0; i < keys.Length; i++)
        {
            if (index.Find(keys[i]) is not { } found || found.Line.CreatedAt < notBefore)
            {
                responses[i] = null;
                continue;
            }

            responses[i] = found.Line.IsSound
                ? new CachedResponse(found.Line.Body.ToArray(), found.Line.Usage, found.Line.IsBatch)
                : throw index.Damaged(found.Place, "the response is not what was stored: its checksum differs");
        }

        return true;
    }

    private long Rewrite(Func<ResponseLine, bool> keeps, CancellationToken cancellationToken)
    {
        using var index = new LineIndex(IndexPath, _lines, _warn);
        return LineTrouble.Explained(_folder, () => new LineRewrite(index, _lines, keeps).Run(cancellationToken));
    }

    private LineScan? OpenScan(IndexedFile file)
    {
        try
        {
            return new LineScan(Path.Combine(_folder, file.Name), 0);
        }
        catch (FileNotFoundException)
        {
            // It was rewritten meanwhile; its lines are met, or not, in the file that took its place.
            return null;
        }
    }

    private LineLookup OpenLookup() => new(LineIndex.Open(IndexPath, cacheKib: 2 * 1024), _lines);

    private string? NameOf(int file)
    {
        using var connection = LineIndex.Open(IndexPath, cacheKib: 64);
        using var find = new Statement(connection, "SELECT name FROM files WHERE id=?1");
        return find.Bind(1, file).Step() ? find.Text(0) : null;
    }

    private async ValueTask<TResult> LookUpAsync<TResult>(Func<LineLookup, TResult> look, CancellationToken cancellationToken)
    {
        await _freeLookups.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (!_lookups.TryTake(out var lookup))
            {
                lookup = OpenLookup();
            }

            try
            {
                return look(lookup);
            }
            finally
            {
                _lookups.Add(lookup);
            }
        }
        finally
        {
            _freeLookups.Release();
        }
    }
}
