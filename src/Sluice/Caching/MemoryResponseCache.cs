using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>A cache in the memory of one process, bounded: what was used least recently goes first. It ends with the process.</summary>
/// <param name="capacityBytes">How much memory entries may take together, in bytes; a body that is larger than a quarter of it is not taken in.</param>
/// <param name="time">The clock that stamps entries.</param>
public sealed class MemoryResponseCache(long capacityBytes, TimeProvider time) : IResponseCache
{
    /// <summary>What an entry takes beside its body: two objects, a node, and its place in the table.</summary>
    private const int Overhead = 256;

    private readonly Dictionary<RequestKey, LinkedListNode<Entry>> _entries = [];
    private readonly LinkedList<Entry> _byUse = [];
    private readonly Lock _gate = new();
    private long _bytes;

    /// <inheritdoc/>
    public string Name => "the cache in memory";

    /// <summary>Gets how many entries had to go so far, because there was no room for them.</summary>
    public long Evictions { get; private set; }

    /// <inheritdoc/>
    public ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            for (var i = 0; i < keys.Length; i++)
            {
                responses.Span[i] = Find(keys.Span[i]) is { } node && node.Value.CreatedAt >= notBefore ? Use(node) : null;
            }
        }

        return ValueTask.CompletedTask;
    }

    /// <inheritdoc/>
    public ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var added = 0;
        var now = time.GetUtcNow();
        lock (_gate)
        {
            foreach (var entry in entries)
            {
                if (Find(entry.Key) is { } node)
                {
                    if (node.Value.CreatedAt >= replacedBefore)
                    {
                        continue;
                    }

                    Remove(node);
                }

                Add(entry.Key, new CachedResponse(entry.Body.ToArray(), entry.Usage, entry.Origin.IsBatch), entry.StampedAt(now, replacedBefore));
                added++;
            }
        }

        return ValueTask.FromResult(added);
    }

    /// <summary>Takes in what was found elsewhere; an entry that is there already makes way.</summary>
    public void Remember(RequestKey key, CachedResponse response, DateTimeOffset createdAt)
    {
        lock (_gate)
        {
            Forget(key);
            Add(key, response, createdAt);
        }
    }

    /// <summary>Drops a key.</summary>
    public void Forget(RequestKey key)
    {
        lock (_gate)
        {
            if (Find(key) is { } node)
            {
                Remove(node);
            }
        }
    }

    /// <inheritdoc/>
    public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default)
    {
        lock (_gate)
        {
            return ValueTask.FromResult(_entries.Count == 0);
        }
    }

    /// <inheritdoc/>
    public ValueTask SyncAsync(CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private LinkedListNode<Entry>? Find(RequestKey key) => _entries.GetValueOrDefault(key);

    private CachedResponse Use(LinkedListNode<Entry> node)
    {
        _byUse.Remove(node);
        _byUse.AddFirst(node);
        return node.Value.Response;
    }

    private void Add(RequestKey key, CachedResponse response, DateTimeOffset createdAt)
    {
        var size = response.Body.Length + Overhead;
        if (size > capacityBytes / 4)
        {
            Evictions++;
            return;
        }

        _bytes += size;
        _entries.Add(key, _byUse.AddFirst(new Entry(key, response, createdAt)));
        while (_bytes > capacityBytes)
        {
            Remove(_byUse.Last!);
            Evictions++;
        }
    }

    private void Remove(LinkedListNode<Entry> node)
    {
        _byUse.Remove(node);
        _entries.Remove(node.Value.Key);
        _bytes -= node.Value.Response.Body.Length + Overhead;
    }

    private readonly record struct Entry(RequestKey Key, CachedResponse Response, DateTimeOffset CreatedAt);
}
