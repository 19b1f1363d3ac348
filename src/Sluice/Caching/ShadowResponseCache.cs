using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>Writes to two stores, reads from the first, and compares: for moving from one to the other and seeing that it holds.</summary>
/// <remarks>What goes wrong with the second one is counted and remarked on, and never in the way.</remarks>
/// <param name="first">The store that counts; disposed with this.</param>
/// <param name="second">The store on trial; disposed with this.</param>
/// <param name="remark">Told the first trouble with the second store; must not block.</param>
public sealed class ShadowResponseCache(IResponseCache first, IResponseCache second, Action<string> remark) : IResponseCache
{
    private long _compared;
    private long _differ;
    private long _missing;
    private long _surplus;
    private long _troubles;

    /// <summary>Gets what the comparison has shown so far.</summary>
    public ShadowReport Report => new(Interlocked.Read(ref _compared), Interlocked.Read(ref _differ), Interlocked.Read(ref _missing), Interlocked.Read(ref _surplus), Interlocked.Read(ref _troubles));

    /// <inheritdoc/>
    public string Name => first.Name;

    /// <inheritdoc/>
    public long Interruptions => first.Interruptions;

    /// <inheritdoc/>
    public async ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default)
    {
        await first.GetAsync(keys, responses, notBefore, cancellationToken).ConfigureAwait(false);
        var others = new CachedResponse?[keys.Length];
        if (!await TryAsync(() => second.GetAsync(keys, others, notBefore, cancellationToken)).ConfigureAwait(false))
        {
            return;
        }

        for (var i = 0; i < others.Length; i++)
        {
            Compare(responses.Span[i], others[i]);
        }
    }

    /// <inheritdoc/>
    public async ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default)
    {
        var added = await first.PutAsync(entries, replacedBefore, cancellationToken).ConfigureAwait(false);
        await TryAsync(async () => await second.PutAsync(entries, replacedBefore, cancellationToken).ConfigureAwait(false)).ConfigureAwait(false);
        return added;
    }

    /// <inheritdoc/>
    public ValueTask ReadyAsync(CancellationToken cancellationToken = default) => first.ReadyAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => first.IsEmptyAsync(cancellationToken);

    /// <inheritdoc/>
    public async ValueTask SyncAsync(CancellationToken cancellationToken = default)
    {
        await first.SyncAsync(cancellationToken).ConfigureAwait(false);
        await TryAsync(() => second.SyncAsync(cancellationToken)).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await first.DisposeAsync().ConfigureAwait(false);
        await second.DisposeAsync().ConfigureAwait(false);
    }

    private void Compare(CachedResponse? one, CachedResponse? other)
    {
        if (one is null && other is null)
        {
            return;
        }

        Interlocked.Increment(ref _compared);
        if (other is null)
        {
            Interlocked.Increment(ref _missing);
        }
        else if (one is null)
        {
            Interlocked.Increment(ref _surplus);
        }
        else if (!one.Body.Span.SequenceEqual(other.Body.Span) || one.Usage != other.Usage || one.IsBatch != other.IsBatch)
        {
            Interlocked.Increment(ref _differ);
        }
    }

    private async ValueTask<bool> TryAsync(Func<ValueTask> work)
    {
        try
        {
            await work().ConfigureAwait(false);
            return true;
        }
        catch (SluiceException error)
        {
            if (Interlocked.Increment(ref _troubles) == 1)
            {
                remark($"the shadow cache: {error.Message}");
            }

            return false;
        }
    }
}

/// <summary>What a comparison of two stores has shown.</summary>
/// <param name="Compared">Look-ups that at least one of them answered.</param>
/// <param name="Differ">Those that both answered, and not alike.</param>
/// <param name="Missing">Those that only the first one answered.</param>
/// <param name="Surplus">Those that only the second one answered.</param>
/// <param name="Troubles">Calls to the second one that failed.</param>
public sealed record ShadowReport(long Compared, long Differ, long Missing, long Surplus, long Troubles);
