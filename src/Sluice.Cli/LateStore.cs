using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Cli;

/// <summary>A store that is opened, and made, when the first answer is put into it: what gives none must not leave an empty one behind.</summary>
internal sealed class LateStore(Func<ICacheStore> open) : IResponseCache
{
    private ICacheStore? _store;

    private ICacheStore Store => _store ??= open();

    public ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default) =>
        Store.GetAsync(keys, responses, notBefore, cancellationToken);

    public ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default) =>
        entries.Count == 0 ? ValueTask.FromResult(0) : Store.PutAsync(entries, replacedBefore, cancellationToken);

    public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => Store.IsEmptyAsync(cancellationToken);

    public ValueTask SyncAsync(CancellationToken cancellationToken = default) => _store?.SyncAsync(cancellationToken) ?? ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => _store?.DisposeAsync() ?? ValueTask.CompletedTask;
}
