using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>A bounded cache in memory before a durable one: what was found below stays at hand. Everything is stored below.</summary>
/// <remarks>
/// An entry in memory is as young as when it was read, at most: the store does not say how old it is. So it serves those who take any age, and
/// those for whom it was found itself; others are sent below, where an answer that was made since may be.
/// </remarks>
/// <param name="memory">The tier that is asked first; disposed with this.</param>
/// <param name="store">The tier that keeps everything; disposed with this.</param>
public sealed class TieredResponseCache(MemoryResponseCache memory, IResponseCache store) : IResponseCache
{
    /// <inheritdoc/>
    public string Name => store.Name;

    /// <inheritdoc/>
    public long Interruptions => store.Interruptions;

    /// <inheritdoc/>
    public async ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default)
    {
        await memory.GetAsync(keys, responses, notBefore, cancellationToken).ConfigureAwait(false);
        var missing = new List<int>();
        for (var i = 0; i < keys.Length; i++)
        {
            if (responses.Span[i] is null)
            {
                missing.Add(i);
            }
        }

        if (missing.Count == 0)
        {
            return;
        }

        var wanted = new RequestKey[missing.Count];
        var found = new CachedResponse?[missing.Count];
        for (var i = 0; i < wanted.Length; i++)
        {
            wanted[i] = keys.Span[missing[i]];
        }

        await store.GetAsync(wanted, found, notBefore, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < wanted.Length; i++)
        {
            responses.Span[missing[i]] = found[i];
            if (found[i] is { } response)
            {
                memory.Remember(wanted[i], response, notBefore);
            }
        }
    }

    /// <inheritdoc/>
    public async ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entries);
        var added = await store.PutAsync(entries, replacedBefore, cancellationToken).ConfigureAwait(false);
        if (replacedBefore != default)
        {
            // Which answer stayed, only the store knows.
            foreach (var entry in entries)
            {
                memory.Forget(entry.Key);
            }
        }

        return added;
    }

    /// <inheritdoc/>
    public ValueTask ReadyAsync(CancellationToken cancellationToken = default) => store.ReadyAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => store.IsEmptyAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask SyncAsync(CancellationToken cancellationToken = default) => store.SyncAsync(cancellationToken);

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await memory.DisposeAsync().ConfigureAwait(false);
        await store.DisposeAsync().ConfigureAwait(false);
    }
}
