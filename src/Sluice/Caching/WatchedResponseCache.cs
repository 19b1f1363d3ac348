using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>A cache that stops whoever sends when it loses answers of the same command: they would be bought again, and again after that.</summary>
/// <remarks>
/// The first 390,000 keys that were put are remembered: a store that loses answers loses the oldest ones first, or any, and one that is
/// missed is enough. So memory stays flat, and in larger commands some younger answers may be bought again before that.
/// </remarks>
/// <param name="inner">The cache. Not disposed with this.</param>
/// <param name="since">When the command began: answers count from then on, whatever their experiments say of older ones.</param>
public sealed class WatchedResponseCache(IResponseCache inner, DateTimeOffset since) : IResponseCache
{
    private readonly KeyTable _put = new();
    private readonly long _since = since.ToUnixTimeMilliseconds();

    /// <inheritdoc/>
    public string Name => inner.Name;

    /// <inheritdoc/>
    public long Interruptions => inner.Interruptions;

    /// <inheritdoc/>
    /// <exception cref="SluiceException">It has lost answers that were put through this.</exception>
    public async ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default)
    {
        await inner.GetAsync(keys, responses, notBefore, cancellationToken).ConfigureAwait(false);
        // Whoever asks for what is younger than the command may well miss what it has got.
        if (!_put.IsEmpty && notBefore.ToUnixTimeMilliseconds() <= _since && Suspects(keys.Span, responses.Span) is { Length: > 0 } places)
        {
            await LookAgainAsync(keys, responses, places, notBefore, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entries);
        // Afterwards the entries are another's.
        var keys = entries.Select(e => e.Key).ToArray();
        var added = await inner.PutAsync(entries, replacedBefore, cancellationToken).ConfigureAwait(false);
        // Where an older answer has stayed, an experiment that asks for young ones still misses it.
        if (added == keys.Length || replacedBefore.ToUnixTimeMilliseconds() >= _since)
        {
            Array.ForEach(keys, key => _put.TryAdd(key));
        }

        return added;
    }

    /// <inheritdoc/>
    public ValueTask ReadyAsync(CancellationToken cancellationToken = default) => inner.ReadyAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => inner.IsEmptyAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask SyncAsync(CancellationToken cancellationToken = default) => inner.SyncAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Returns the places of keys that are missing although they have been put.</summary>
    private int[] Suspects(ReadOnlySpan<RequestKey> keys, ReadOnlySpan<CachedResponse?> responses)
    {
        var places = new List<int>();
        for (var i = 0; i < keys.Length; i++)
        {
            if (responses[i] is null && _put.Has(keys[i]))
            {
                places.Add(i);
            }
        }

        return [.. places];
    }

    /// <summary>Looks suspects up once more: an answer that came between the look-up and the suspicion is there now.</summary>
    private async Task LookAgainAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, int[] places, DateTimeOffset notBefore, CancellationToken cancellationToken)
    {
        var suspects = Array.ConvertAll(places, i => keys.Span[i]);
        var found = new CachedResponse?[places.Length];
        await inner.GetAsync(suspects, found, notBefore, cancellationToken).ConfigureAwait(false);
        for (var i = 0; i < places.Length; i++)
        {
            responses.Span[places[i]] = found[i];
        }

        if (found.Count(response => response is null) is > 0 and var lost)
        {
            throw new SluiceException(
                ErrorKind.Environment,
                $"{Name} loses answers: {(lost == 1 ? "one" : lost)} that this command has stored there {(lost == 1 ? "is" : "are")} gone, and would be paid for again",
                "nothing more is sent. See to it that nothing deletes answers while a command runs (Redis: `maxmemory-policy noeviction`, and `cache.expiry` longer than a run; `memory`: more `cache.memory_mb`), or take another `cache.backend`; then run the same command again");
        }
    }
}
