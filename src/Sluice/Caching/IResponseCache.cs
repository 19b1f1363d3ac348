using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>Key to response, shared by all experiments and processes of a workspace. Put-if-absent: the first answer stays.</summary>
/// <remarks>Thread-safe. What <see cref="PutAsync"/> has returned from survives <c>kill -9</c>; a cache in memory alone is the exception.</remarks>
public interface IResponseCache : IAsyncDisposable
{
    /// <summary>Gets what messages call the store that answers are kept in, e.g. its path.</summary>
    string Name => "the cache";

    /// <summary>Looks up many keys at once; a slot of <paramref name="responses"/> is null where nothing is stored, or nothing young enough.</summary>
    /// <param name="keys">What is asked for; may hold the same key twice.</param>
    /// <param name="responses">Where the responses go, one slot for each key.</param>
    /// <param name="notBefore">Responses made before this count as missing: how answers expire, and how they are asked for again on purpose.</param>
    /// <param name="cancellationToken">Ends the look-up.</param>
    ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default);

    /// <summary>Stores responses and returns how many were new, once they are durable.</summary>
    /// <param name="entries">The responses. Neither they nor their bodies are read any more after this has returned.</param>
    /// <param name="replacedBefore">
    /// A stored response made before this gives way: it had been passed over when the new one was asked for. Never by default. The new ones count
    /// as made at this time or later.
    /// </param>
    /// <param name="cancellationToken">Ends the waiting for room, not a write that has begun.</param>
    ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default);

    /// <summary>Tells whether nothing at all is stored.</summary>
    ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default);

    /// <summary>Waits until an answer that is asked for now could be stored; called before each call that is paid for.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="SluiceException">It could not, until people have put something right.</exception>
    ValueTask ReadyAsync(CancellationToken cancellationToken = default) => ValueTask.CompletedTask;

    /// <summary>Gets how often so far the store was away, or came back as another process: what it had only in memory may be gone. 0 for ever where that cannot be.</summary>
    /// <remarks>When it is the same before the first put of some answers and after a <see cref="SyncAsync"/>, the answers are durable. Otherwise they have to be looked up.</remarks>
    long Interruptions => 0;

    /// <summary>Makes everything stored so far survive a power cut too, by whichever process it was stored; waits while the store is away. Called before a batch's spool and claims are given up.</summary>
    ValueTask SyncAsync(CancellationToken cancellationToken = default);
}

/// <summary>A response found in the cache.</summary>
/// <param name="Body">The provider's raw body.</param>
/// <param name="Usage">Tokens used.</param>
/// <param name="IsBatch">Whether it was made through a Batch API.</param>
public sealed record CachedResponse(ReadOnlyMemory<byte> Body, TokenUsage Usage, bool IsBatch);
