using System.Runtime.CompilerServices;
using Sluice.Caching.JsonLines;
using Sluice.Requests;
using StackExchange.Redis;

namespace Sluice.Caching;

/// <summary>A cache in Redis 6 or newer: one string per response, in the form of a line of JSON.</summary>
/// <remarks>
/// How durable a put is, is up to the server: with <c>appendonly yes</c> and <c>appendfsync always</c> it survives whatever ends the server, with
/// <c>everysec</c> the last two seconds may be lost. When Redis cannot be reached, everything here throws <see cref="CacheAwayException"/>; <see cref="OutageBufferedCache"/> waits instead.
/// </remarks>
public sealed class RedisResponseCache : ICacheStore
{
    private const int KeysPerGet = 128;
    private const int GetsAtOnce = 4;

    private readonly RedisConnection _connection;
    private readonly RedisKeys _keys;
    private readonly RedisWriter _writer;
    private readonly RedisSync _sync;
    private readonly bool _expires;
    private readonly TimeProvider _time;
    private readonly UsesUntilClosed _puts = new();

    /// <summary>Makes the store; the connection is made at its first use.</summary>
    /// <param name="options">Where Redis is.</param>
    /// <param name="remark">Told, once, what people should know of the server's durability.</param>
    /// <param name="time">The clock that stamps entries.</param>
    /// <exception cref="SluiceException">The address or the prefix cannot be used.</exception>
    public RedisResponseCache(RedisOptions options, Action<string> remark, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(options);
        if (options.Prefix.Length == 0)
        {
            throw new SluiceException(ErrorKind.Usage, "the prefix of keys in Redis is empty", "give it a name, such as `sluice`");
        }

        _connection = new RedisConnection(options);
        _keys = new RedisKeys(options.Prefix);
        _writer = new RedisWriter(_connection, _keys, options.Expiry);
        _sync = new RedisSync(_connection, _keys, remark);
        _time = time;
        _expires = options.Expiry is not null;
    }

    /// <inheritdoc/>
    public string Name => _connection.Name;

    /// <inheritdoc/>
    /// <remarks>Each connection after the first one counts: the server may have been started anew, or another one may have taken its place.</remarks>
    public long Interruptions => _connection.Reconnections;

    /// <summary>Returns how the server's settings let it throw answers away when it is full, or null: they do not, or it does not tell.</summary>
    /// <exception cref="CacheAwayException">Redis cannot be reached now.</exception>
    public ValueTask<string?> FindEvictionAsync(CancellationToken cancellationToken = default) => RedisEviction.FindAsync(_connection, _expires, cancellationToken);

    /// <inheritdoc/>
    /// <exception cref="CacheAwayException">Redis cannot be reached now.</exception>
    public async ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default)
    {
        for (var first = 0; first < keys.Length; first += KeysPerGet * GetsAtOnce)
        {
            cancellationToken.ThrowIfCancellationRequested();
            var names = Names(keys.Span[first..Math.Min(keys.Length, first + (KeysPerGet * GetsAtOnce))]);
            var chunks = await _connection.AskAsync(
                database => Task.WhenAll(names.Chunk(KeysPerGet).Select(chunk => database.StringGetAsync(chunk))),
                cancellationToken).ConfigureAwait(false);
            var at = first;
            foreach (var value in chunks.SelectMany(values => values))
            {
                responses.Span[at] = Response(keys.Span[at], value, notBefore);
                at++;
            }
        }
    }

    /// <inheritdoc/>
    /// <exception cref="CacheAwayException">Redis cannot be reached now, or refuses the answers; some of them may be stored.</exception>
    public async ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entries);
        cancellationToken.ThrowIfCancellationRequested();
        using var _ = _puts.Begin();
        return await _writer.PutAsync(entries, _time.GetUtcNow(), replacedBefore).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default)
    {
        await foreach (var page in ScanAsync(cancellationToken).ConfigureAwait(false))
        {
            if (page.Count > 0)
            {
                return false;
            }
        }

        return true;
    }

    /// <inheritdoc/>
    /// <remarks>Redis 7.2 and newer tell when its append-only file is on the disk; older ones are believed, and a remark says so.</remarks>
    public ValueTask SyncAsync(CancellationToken cancellationToken = default) => _sync.SyncAsync(cancellationToken);

    /// <inheritdoc/>
    /// <remarks>While Redis makes its table larger or smaller, it may list an entry twice.</remarks>
    public async IAsyncEnumerable<StoredResponse> ListAsync(CacheFilter filter, bool withBodies, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        await foreach (var page in ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            foreach (var (key, value) in page)
            {
                if ((value.IsNull ? await FindForeignAsync(key, cancellationToken).ConfigureAwait(false) : Stored(key, value, withBodies)) is { } entry
                    && filter.Admits(entry.Origin, entry.CreatedAt, entry.Size))
                {
                    yield return entry;
                }
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask<StoredResponse?> FindAsync(RequestKey key, CancellationToken cancellationToken = default)
    {
        var value = await _connection.AskAsync(database => GetAsync(database, _keys.Name(key)), cancellationToken).ConfigureAwait(false);
        return value.IsNull ? null : Stored(key, value, withBodies: true);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> RemoveAsync(RequestKey key, CancellationToken cancellationToken = default) =>
        await DeleteAsync([key], cancellationToken).ConfigureAwait(false) > 0;

    /// <inheritdoc/>
    public async ValueTask<long> DeleteAsync(CacheFilter filter, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(filter);
        long deleted = 0;
        if (filter == CacheFilter.All)
        {
            await foreach (var page in ScanAsync(cancellationToken).ConfigureAwait(false))
            {
                deleted += await DeleteAsync(page, cancellationToken).ConfigureAwait(false);
            }

            return deleted;
        }

        await foreach (var page in ReadAsync(cancellationToken).ConfigureAwait(false))
        {
            var entries = page.Where(e => !e.Value.IsNull).Select(e => Stored(e.Key, e.Value, withBodies: false));
            deleted += await DeleteAsync([.. entries.Where(e => filter.Admits(e.Origin, e.CreatedAt, e.Size)).Select(e => e.Key)], cancellationToken).ConfigureAwait(false);
        }

        return deleted;
    }

    /// <inheritdoc/>
    public async ValueTask<long> StoredBytesAsync(CancellationToken cancellationToken = default)
    {
        long bytes = 0;
        await foreach (var page in ScanAsync(cancellationToken).ConfigureAwait(false))
        {
            var sizes = await _connection.AskAsync(
                database => Task.WhenAll(page.Select(key => database.ExecuteAsync("MEMORY", "USAGE", _keys.Name(key)))), cancellationToken).ConfigureAwait(false);
            // Null: it was there a moment ago.
            bytes += sizes.Sum(size => size.IsNull ? 0 : (long)size);
        }

        return bytes;
    }

    /// <inheritdoc/>
    /// <remarks>Nothing to do: Redis gives room back by itself.</remarks>
    public ValueTask CompactAsync(CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _puts.CloseAsync().ConfigureAwait(false);
        await _connection.DisposeAsync().ConfigureAwait(false);
    }

    private RedisKey[] Names(ReadOnlySpan<RequestKey> keys)
    {
        var names = new RedisKey[keys.Length];
        for (var i = 0; i < names.Length; i++)
        {
            names[i] = _keys.Name(keys[i]);
        }

        return names;
    }

    private async Task<RedisValue> GetAsync(IDatabase database, RedisKey name)
    {
        try
        {
            return await database.StringGetAsync(name).ConfigureAwait(false);
        }
        catch (RedisServerException error) when (RedisTrouble.IsForeign(error))
        {
            throw RedisTrouble.OfForeign(Name, name!, error);
        }
    }

    private CachedResponse? Response(RequestKey key, RedisValue value, DateTimeOffset notBefore)
    {
        if (value.IsNull)
        {
            return null;
        }

        var problem = "it is not what was stored";
        try
        {
            var line = ResponseLine.Read((byte[])value!);
            if (line.CreatedAt.ToUnixTimeMilliseconds() < notBefore.ToUnixTimeMilliseconds())
            {
                return null;
            }

            if (line.IsSound && line.Key == key)
            {
                return new CachedResponse(line.Body, line.Usage, line.IsBatch);
            }
        }
        catch (FormatException error)
        {
            problem = error.Message;
        }

        throw new SluiceException(ErrorKind.Environment, $"{Name} is damaged: the response to {key} cannot be used: {problem}", "`sluice doctor` says what to do");
    }

    private static StoredResponse Stored(RequestKey key, RedisValue value, bool withBodies)
    {
        try
        {
            var stored = ResponseLine.Read((byte[])value!).ToStored(withBodies);
            return stored.Key == key ? stored : stored with { Key = key, Body = null, Problem = $"it is the response to {stored.Key}" };
        }
        catch (FormatException error)
        {
            return Unusable(key, value.Length(), error.Message);
        }
    }

    private static StoredResponse Unusable(RequestKey key, long size, string problem) =>
        new() { Key = key, Origin = new ResponseOrigin("", "", "unknown"), CreatedAt = default, Size = size, Problem = problem };

    /// <summary>Names what stands in the way of an answer, since a get of many passes it over; null when the answer is just gone.</summary>
    private async ValueTask<StoredResponse?> FindForeignAsync(RequestKey key, CancellationToken cancellationToken)
    {
        var name = _keys.Name(key);
        var type = await _connection.AskAsync(database => database.KeyTypeAsync(name), cancellationToken).ConfigureAwait(false);
        return type is RedisType.None or RedisType.String ? null
            : Unusable(key, 0, $"what is stored under `{name}` is none of our answers but a {type.ToString().ToLowerInvariant()}, and is in the way of one: delete or rename it with redis-cli");
    }

    private async ValueTask<long> DeleteAsync(List<RequestKey> keys, CancellationToken cancellationToken) =>
        keys.Count == 0 ? 0 : await _connection.AskAsync(database => database.KeyDeleteAsync([.. keys.Select(_keys.Name)]), cancellationToken).ConfigureAwait(false);

    /// <summary>Reads all that is stored under names of ours; null: it is no string, or was there a moment ago.</summary>
    private async IAsyncEnumerable<IEnumerable<(RequestKey Key, RedisValue Value)>> ReadAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (var page in ScanAsync(cancellationToken).ConfigureAwait(false))
        {
            // Few at a time: they may be large.
            foreach (var keys in page.Chunk(32))
            {
                var values = await _connection.AskAsync(database => database.StringGetAsync([.. keys.Select(_keys.Name)]), cancellationToken).ConfigureAwait(false);
                yield return keys.Zip(values);
            }
        }
    }

    private async IAsyncEnumerable<List<RequestKey>> ScanAsync([EnumeratorCancellation] CancellationToken cancellationToken)
    {
        var cursor = "0";
        do
        {
            cancellationToken.ThrowIfCancellationRequested();
            var at = cursor;
            var answer = await _connection.AskAsync(database => database.ExecuteAsync("SCAN", at, "MATCH", _keys.Pattern, "COUNT", 512), cancellationToken).ConfigureAwait(false);
            cursor = (string)answer[0]!;
            var page = new List<RequestKey>();
            foreach (var name in (byte[][])answer[1]!)
            {
                if (_keys.TryParse(name, out var key))
                {
                    page.Add(key);
                }
            }

            yield return page;
        }
        while (cursor != "0");
    }
}
