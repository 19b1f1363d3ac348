using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching.Sqlite;

/// <summary>A connection that looks keys up; for one thread at a time.</summary>
internal sealed class CacheReader(SqliteConnection connection, BodyCodec codec, ConcurrentDictionary<long, bool> originIsBatch) : IDisposable
{
    private const int ManyKeys = 256;

    private readonly Statement _get = new(
        connection,
        $"SELECT r.key, r.body, r.input_tokens, r.output_tokens, r.origin, r.crc32c, r.created, r.dictionary, r.size, r.id FROM ({SlotIndex.Lookup(CacheSchema.Keys)}) k CROSS JOIN responses r ON r.id=k.value");

    private readonly Statement _origin = new(connection, "SELECT source FROM origins WHERE id=?1");

    /// <summary>Looks keys up in one read transaction: its locks cost as much as a look-up.</summary>
    public void Get(ReadOnlySpan<RequestKey> keys, Span<CachedResponse?> responses, long notBefore)
    {
        SqliteStore.Execute(connection, "BEGIN");
        try
        {
            SqliteStore.RequireInPlace(connection);
            GetAll(keys, responses, notBefore);
            SqliteStore.Execute(connection, "COMMIT");
        }
        catch
        {
            SqliteStore.RollBack(connection);
            throw;
        }
    }

    /// <summary>Returns the id of a key's response, or null.</summary>
    public long? Find(RequestKey key)
    {
        var id = Seek(key) ? _get.Integer(9) : (long?)null;
        _get.Reset();
        return id;
    }

    public void Dispose()
    {
        _get.Dispose();
        _origin.Dispose();
        connection.Dispose();
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

    private void GetAll(ReadOnlySpan<RequestKey> keys, Span<CachedResponse?> responses, long notBefore)
    {
        if (keys.Length < ManyKeys)
        {
            for (var i = 0; i < keys.Length; i++)
            {
                responses[i] = Get(keys[i], notBefore);
            }

            return;
        }

        // Among so many there are neighbours in the index.
        foreach (var i in InSlotOrder(keys))
        {
            responses[i] = Get(keys[i], notBefore);
        }
    }

    private CachedResponse? Get(RequestKey key, long notBefore)
    {
        CachedResponse? response = null;
        if (Seek(key) && _get.Integer(6) >= notBefore)
        {
            response = new CachedResponse(Body(key), new TokenUsage(_get.Integer(2), _get.Integer(3)), IsBatch(_get.Integer(4)));
        }

        _get.Reset();
        return response;
    }

    private byte[] Body(RequestKey key)
    {
        var stored = _get.Blob(1);
        var dictionary = (int)_get.Integer(7);
        var body = dictionary == 0 ? stored.ToArray() : codec.Decode(stored, dictionary, (int)_get.Integer(8));
        // Responses of older releases have no checksum.
        return body is not null && (_get.IsNull(5) || (uint)_get.Integer(5) == Checksum.Of(body))
            ? body
            : throw new SluiceException(ErrorKind.Environment, $"{connection.DataSource} is damaged: the response to {key} is not what was stored", "`sluice doctor` says what to do");
    }

    /// <summary>Puts the statement on the key's row.</summary>
    private bool Seek(RequestKey key)
    {
        for (var slot = key.Slot; _get.Bind(1, slot).Step(); slot = unchecked(slot + 1))
        {
            var stored = _get.Blob(0);
            if (stored.Length != RequestKey.Length)
            {
                _get.Reset();
                throw new SluiceException(ErrorKind.Environment, $"{connection.DataSource} is damaged: a response has no key", "`sluice doctor` says what can be saved and how");
            }

            if (new RequestKey(stored) == key)
            {
                return true;
            }

            _get.Reset();
        }

        return false;
    }

    private bool IsBatch(long origin)
    {
        if (originIsBatch.TryGetValue(origin, out var known))
        {
            return known;
        }

        _origin.Bind(1, origin).Step();
        var isBatch = _origin.Text(0) != ResponseOrigin.LiveSource;
        _origin.Reset();
        return originIsBatch.GetOrAdd(origin, isBatch);
    }
}
