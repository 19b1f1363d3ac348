using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Journeys;

/// <summary>Stands before a cache and passes everything on; who derives from it changes what readers see.</summary>
internal abstract class CacheInFront(IResponseCache inner) : IResponseCache
{
    public virtual ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default) =>
        inner.GetAsync(keys, responses, notBefore, cancellationToken);

    public ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default) =>
        inner.PutAsync(entries, replacedBefore, cancellationToken);

    public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => inner.IsEmptyAsync(cancellationToken);

    public ValueTask SyncAsync(CancellationToken cancellationToken = default) => inner.SyncAsync(cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();
}
