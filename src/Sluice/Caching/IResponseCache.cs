using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>Key to response, shared by all experiments and processes of a workspace. Put-if-absent: the first answer stays.</summary>
/// <remarks>Thread-safe. What <see cref="PutAsync"/> has returned from survives <c>kill -9</c>.</remarks>
public interface IResponseCache : IAsyncDisposable
{
    /// <summary>Looks up many keys at once; a slot of <paramref name="responses"/> is null where nothing is stored.</summary>
    ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, CancellationToken cancellationToken = default);

    /// <summary>Stores responses and returns how many were new, once they are durable.</summary>
    ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, CancellationToken cancellationToken = default);

    /// <summary>Tells whether nothing at all is stored.</summary>
    ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default);

    /// <summary>Makes everything stored so far survive a power cut too; called before a batch's spool and claims are given up.</summary>
    ValueTask SyncAsync(CancellationToken cancellationToken = default);
}

/// <summary>A response on its way into the cache.</summary>
/// <param name="Key">What it answers.</param>
/// <param name="Body">The provider's raw body.</param>
/// <param name="Usage">Tokens used.</param>
public readonly record struct CacheEntry(RequestKey Key, ReadOnlyMemory<byte> Body, TokenUsage Usage)
{
    /// <summary>Gets where the response came from.</summary>
    public required ResponseOrigin Origin { get; init; }
}

/// <summary>Where a response came from.</summary>
/// <param name="Provider">The provider's registered name.</param>
/// <param name="Model">The model's name.</param>
/// <param name="Source">The provider's batch id, or <see cref="LiveSource"/>.</param>
public sealed record ResponseOrigin(string Provider, string Model, string Source)
{
    /// <summary>The source of responses that were not made by a batch.</summary>
    public const string LiveSource = "live";

    /// <summary>Gets whether the response was made through a Batch API, at its price.</summary>
    public bool IsBatch => Source != LiveSource;
}

/// <summary>A response found in the cache.</summary>
/// <param name="Body">The provider's raw body.</param>
/// <param name="Usage">Tokens used.</param>
/// <param name="IsBatch">Whether it was made through a Batch API.</param>
public sealed record CachedResponse(ReadOnlyMemory<byte> Body, TokenUsage Usage, bool IsBatch);
