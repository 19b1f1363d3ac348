using System.Buffers;
using Microsoft.Data.Sqlite;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching.Sqlite;

/// <summary>From keys to the ids of responses, for the writer. Of keys that share a slot, later ones take the next free number.</summary>
internal sealed class KeyIndex(SqliteConnection connection) : IDisposable
{
    private readonly SlotIndex _slots = new(connection, CacheSchema.Keys);
    private readonly Statement _stored = new(connection, "SELECT key, created FROM responses WHERE id=?1");

    /// <summary>Enters the keys that are not there yet, or whose response gives way, and tells which ones they were.</summary>
    /// <param name="rows">The entries; each is to be stored under the first id plus its position.</param>
    /// <param name="firstId">An id above all that are stored.</param>
    /// <param name="dropped">Told the ids of responses that give way.</param>
    public bool[] Claim(List<(CacheRow Row, int Put)> rows, long firstId, Action<long> dropped)
    {
        var slots = ArrayPool<long>.Shared.Rent(rows.Count);
        var order = ArrayPool<int>.Shared.Rent(rows.Count);
        for (var i = 0; i < rows.Count; i++)
        {
            slots[i] = rows[i].Row.Key.Slot;
        }

        // Equal keys in one group keep their order: the first one wins, as everywhere.
        SlotOrder.Sort(slots.AsSpan(0, rows.Count), order.AsSpan(0, rows.Count));
        var isNew = new bool[rows.Count];
        foreach (var row in order.AsSpan(0, rows.Count))
        {
            isNew[row] = Claim(rows, row, firstId, dropped);
        }

        ArrayPool<long>.Shared.Return(slots);
        ArrayPool<int>.Shared.Return(order);
        return isNew;
    }

    /// <summary>Takes a response's key out.</summary>
    public void Remove(RequestKey key, long id) => _slots.RemoveFrom(key.Slot, id, other => KeyOf(other).Slot);

    /// <summary>Keeps the index cheap to write to; once per group.</summary>
    public void FoldWhenLarge(long entries) => _slots.FoldWhenLarge(() => entries);

    public void Dispose()
    {
        _slots.Dispose();
        _stored.Dispose();
    }

    private bool Claim(List<(CacheRow Row, int Put)> rows, int row, long firstId, Action<long> dropped)
    {
        var key = rows[row].Row.Key;
        for (var slot = key.Slot; ; slot = unchecked(slot + 1))
        {
            if (_slots.TryAdd(slot, firstId + row) is not { } id)
            {
                return true;
            }

            if (id >= firstId)
            {
                if (rows[(int)(id - firstId)].Row.Key == key)
                {
                    return false;
                }
            }
            else if (CreatedAt(id, key) is { } created)
            {
                if (created >= rows[row].Row.ReplacedBefore)
                {
                    return false;
                }

                _slots.Replace(slot, firstId + row);
                dropped(id);
                return true;
            }
        }
    }

    /// <summary>Returns when a response was made, or null when it answers another key.</summary>
    private long? CreatedAt(long id, RequestKey key)
    {
        _stored.Bind(1, id).Step();
        long? created = new RequestKey(_stored.Blob(0)) == key ? _stored.Integer(1) : null;
        _stored.Reset();
        return created;
    }

    private RequestKey KeyOf(long id)
    {
        _stored.Bind(1, id).Step();
        var key = new RequestKey(_stored.Blob(0));
        _stored.Reset();
        return key;
    }
}
