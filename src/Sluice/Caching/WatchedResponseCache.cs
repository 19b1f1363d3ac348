using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>A cache that stops whoever sends when it loses answers of the same command: they would be bought again, and again after that.</summary>
/// <remarks>
/// What was put is remembered in a filter that may, very seldom, take one key for another. So it is a loss when more keys are missing than such
/// mistakes explain: the first one in commands of a hundred thousand answers, some more in larger ones.
/// </remarks>
/// <param name="inner">The cache. Not disposed with this.</param>
/// <param name="since">When the command began: answers count from then on, whatever their experiments say of older ones.</param>
public sealed class WatchedResponseCache(IResponseCache inner, DateTimeOffset since) : IResponseCache
{
    private const double ChanceOfMistake = 1e-9;
    private const int MostSuspects = 64 * 1024;

    private readonly KeyFilter _put = new();
    private readonly HashSet<RequestKey> _suspects = [];
    private readonly long _since = since.ToUnixTimeMilliseconds();
    private long _missing;

    /// <inheritdoc/>
    public string Name => inner.Name;

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
            Array.ForEach(keys, _put.Add);
        }

        return added;
    }

    /// <inheritdoc/>
    public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => inner.IsEmptyAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask SyncAsync(CancellationToken cancellationToken = default) => inner.SyncAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Returns the places of keys that are missing although they seem to have been put.</summary>
    private int[] Suspects(ReadOnlySpan<RequestKey> keys, ReadOnlySpan<CachedResponse?> responses)
    {
        var places = new List<int>();
        var missing = 0;
        for (var i = 0; i < keys.Length; i++)
        {
            if (responses[i] is null)
            {
                missing++;
                if (_put.MayHave(keys[i]))
                {
                    places.Add(i);
                }
            }
        }

        Interlocked.Add(ref _missing, missing);
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

        RequireKept(suspects.Where((_, i) => found[i] is null));
    }

    private void RequireKept(IEnumerable<RequestKey> suspects)
    {
        lock (_suspects)
        {
            var before = _suspects.Count;
            // The same key mistaken twice is one mistake.
            _suspects.UnionWith(suspects);
            if (_suspects.Count > before && !IsExplainedByMistakes(_suspects.Count, _put.ErrorRate * Interlocked.Read(ref _missing)))
            {
                throw new SluiceException(
                    ErrorKind.Environment,
                    $"{Name} loses answers: {(_suspects.Count == 1 ? "one" : _suspects.Count)} that this command has stored there {(_suspects.Count == 1 ? "is" : "are")} gone, and would be paid for again",
                    "nothing more is sent. See to it that nothing deletes answers while a command runs (Redis: `maxmemory-policy noeviction`, and `cache.expiry` longer than a run; `memory`: more `cache.memory_mb`), or take another `cache.backend`; then run the same command again");
            }

            if (_suspects.Count >= MostSuspects)
            {
                // Only with tens of millions of answers. Counting begins anew, so that memory stays flat.
                _suspects.Clear();
                Interlocked.Exchange(ref _missing, 0);
            }
        }
    }

    /// <summary>Tells whether so many mistakes are likely enough where some are to be expected; Chernoff's bound for Poisson's distribution.</summary>
    private static bool IsExplainedByMistakes(int count, double expected) =>
        count <= expected || (expected > 0 && (count * (1 + Math.Log(expected / count))) - expected > Math.Log(ChanceOfMistake));
}
