using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Cli;

/// <summary>The cache of a workspace that has none yet: planning must not make one.</summary>
internal sealed class EmptyCache : IResponseCache
{
    public static EmptyCache Instance { get; } = new();

    public ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default)
    {
        responses.Span.Clear();
        return ValueTask.CompletedTask;
    }

    public ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default) =>
        throw new InvalidOperationException("planning stores nothing");

    public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => ValueTask.FromResult(true);

    public ValueTask SyncAsync(CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;
}
