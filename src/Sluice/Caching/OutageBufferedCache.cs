using System.Runtime.CompilerServices;
using Sluice.Caching.OutageBuffer;
using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>A cache over a store that may be away for a time: look-ups wait for it, and answers are kept on disk until it is back.</summary>
/// <remarks>
/// What is kept counts as stored: for every process of the workspace, and after <c>kill -9</c> too, since the next one to open the cache
/// carries it over. The answer that the store has wins over one that was kept. What the commands of <see cref="ICacheStore"/> ask for is not waited for.
/// </remarks>
public sealed class OutageBufferedCache : ICacheStore
{
    private static readonly TimeSpan FirstWait = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(10);

    private readonly ICacheStore _inner;
    private readonly BufferSegments _segments;
    private readonly Outage _outage;
    private readonly Action<string> _remark;
    private readonly TimeProvider _time;
    private readonly CancellationTokenSource _ending = new();
    private readonly Lock _lock = new();
    // Set while the store is away; ends with it.
    private volatile TaskCompletionSource? _away;
    private volatile Task? _recovery;

    /// <summary>Puts itself before a store; what was kept by earlier commands is carried over at once, beside everything else.</summary>
    /// <param name="inner">The store, which says by a <see cref="CacheAwayException"/> that it is away. Disposed with this.</param>
    /// <param name="folder">Where answers are kept meanwhile; the same for all processes of a workspace, and for nothing else.</param>
    /// <param name="remark">Told what people should know; from any thread.</param>
    /// <param name="time">The clock that waiting goes by.</param>
    public OutageBufferedCache(ICacheStore inner, string folder, Action<string> remark, TimeProvider time)
    {
        ArgumentNullException.ThrowIfNull(inner);
        _inner = inner;
        _segments = new BufferSegments(folder, folder => new JsonlResponseCache(folder, time, remark));
        _outage = new Outage(inner.Name, folder, remark, time);
        _remark = remark;
        _time = time;
        if (_segments.Any)
        {
            Recover(TimeSpan.Zero);
        }
    }

    /// <inheritdoc/>
    public string Name => _inner.Name;

    /// <inheritdoc/>
    public async ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            // Before the store: what is carried over in between is then found there.
            var kept = await _segments.GetAsync(keys, notBefore, cancellationToken).ConfigureAwait(false);
            var hasAll = kept is not null && Array.TrueForAll(kept, r => r is not null);
            if (_away is null)
            {
                try
                {
                    await _inner.GetAsync(keys, responses, notBefore, cancellationToken).ConfigureAwait(false);
                    for (var i = 0; kept is not null && i < kept.Length; i++)
                    {
                        responses.Span[i] ??= kept[i];
                    }

                    return;
                }
                catch (CacheAwayException error)
                {
                    SetAway(error);
                }
            }

            if (hasAll)
            {
                kept.CopyTo(responses);
                return;
            }

            await UntilBackAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    /// <remarks>While the store is away, an answer counts as new that is new among those kept.</remarks>
    public async ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entries);
        if (_away is null)
        {
            try
            {
                return await _inner.PutAsync(entries, replacedBefore, cancellationToken).ConfigureAwait(false);
            }
            catch (CacheAwayException error)
            {
                SetAway(error);
            }
            catch (SluiceException)
            {
                // People have to mend something first, but the answers are paid for: they are kept until then.
                await _segments.PutAsync(entries, replacedBefore, cancellationToken).ConfigureAwait(false);
                throw;
            }
        }

        var added = await _segments.PutAsync(entries, replacedBefore, cancellationToken).ConfigureAwait(false);
        // The store may have come back in between: then nobody would carry this over.
        Recover(FirstWait);
        return added;
    }

    /// <inheritdoc/>
    public async ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default)
    {
        while (!_segments.Any)
        {
            try
            {
                return await _inner.IsEmptyAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (CacheAwayException error)
            {
                SetAway(error);
                await UntilBackAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        return false;
    }

    /// <inheritdoc/>
    /// <remarks>While the store is away, only what is kept here is synced.</remarks>
    public async ValueTask SyncAsync(CancellationToken cancellationToken = default)
    {
        await _segments.SyncAsync(cancellationToken).ConfigureAwait(false);
        if (_away is null)
        {
            try
            {
                await _inner.SyncAsync(cancellationToken).ConfigureAwait(false);
            }
            catch (CacheAwayException error)
            {
                SetAway(error);
            }
        }
    }

    /// <inheritdoc/>
    public async IAsyncEnumerable<StoredResponse> ListAsync(CacheFilter filter, bool withBodies, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await CarryAsync().ConfigureAwait(false);
        await foreach (var entry in _inner.ListAsync(filter, withBodies, cancellationToken).ConfigureAwait(false))
        {
            yield return entry;
        }
    }

    /// <inheritdoc/>
    public async ValueTask<StoredResponse?> FindAsync(RequestKey key, CancellationToken cancellationToken = default)
    {
        await CarryAsync().ConfigureAwait(false);
        return await _inner.FindAsync(key, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<long> DeleteAsync(CacheFilter filter, CancellationToken cancellationToken = default)
    {
        await CarryAsync().ConfigureAwait(false);
        return await _inner.DeleteAsync(filter, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask<bool> RemoveAsync(RequestKey key, CancellationToken cancellationToken = default)
    {
        await CarryAsync().ConfigureAwait(false);
        return await _inner.RemoveAsync(key, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public ValueTask<long> StoredBytesAsync(CancellationToken cancellationToken = default) => _inner.StoredBytesAsync(cancellationToken);

    /// <inheritdoc/>
    public ValueTask CompactAsync(CancellationToken cancellationToken = default) => _inner.CompactAsync(cancellationToken);

    /// <inheritdoc/>
    /// <remarks>What is kept is carried over first, if the store is there; else it stays for the next one that opens the cache.</remarks>
    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        while (_recovery is { } recovery)
        {
            await recovery.ConfigureAwait(false);
        }

        await _segments.DisposeAsync().ConfigureAwait(false);
        await _inner.DisposeAsync().ConfigureAwait(false);
        _ending.Dispose();
    }

    private void SetAway(CacheAwayException error)
    {
        lock (_lock)
        {
            _away ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }

        _outage.Note(error.Reason);
        Recover(FirstWait);
    }

    /// <summary>Lets those go on who wait for the store.</summary>
    private void SetBack(Action<TaskCompletionSource> settle)
    {
        TaskCompletionSource? away;
        lock (_lock)
        {
            (away, _away) = (_away, null);
        }

        if (away is not null)
        {
            settle(away);
        }
    }

    private async Task UntilBackAsync(CancellationToken cancellationToken)
    {
        if (_away is { } away)
        {
            await away.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Sees to it that somebody looks whether the store is back, and carries over what is kept.</summary>
    private void Recover(TimeSpan wait)
    {
        lock (_lock)
        {
            _recovery ??= Task.Run(() => RecoverAsync(wait));
        }
    }

    private async Task RecoverAsync(TimeSpan wait)
    {
        try
        {
            while (!await TryRecoverAsync(wait).ConfigureAwait(false))
            {
                if (_ending.IsCancellationRequested)
                {
                    _outage.GiveUp(_segments.Any);
                    SetBack(away => away.TrySetException(new ObjectDisposedException(Name)));
                    _recovery = null;
                    return;
                }

                wait = TimeSpan.FromTicks(Math.Clamp(2 * wait.Ticks, FirstWait.Ticks, LongestWait.Ticks));
            }

            _recovery = null;
            // Whoever has kept something in the last moment took this task for one that would see it.
            if (_away is not null || await _segments.HasOwnAsync().ConfigureAwait(false))
            {
                Recover(FirstWait);
            }
        }
        catch (Exception error)
        {
            // Whatever it is, it belongs to those who wait; what is kept stays on disk. A bug is thrown once more at the end.
            SetBack(away => away.TrySetException(error));
            if (error is not SluiceException)
            {
                throw;
            }

            _remark(error.Message);
            _recovery = null;
        }
    }

    /// <summary>Waits, then tells whether the store is back and has all that was kept. When the command ends it does not wait.</summary>
    private async Task<bool> TryRecoverAsync(TimeSpan wait)
    {
        await Task.Delay(wait, _time, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            await _inner.GetAsync(new RequestKey[1], new CachedResponse?[1]).ConfigureAwait(false);
            SetBack(away => away.TrySetResult());
            _outage.End(await CarryAsync().ConfigureAwait(false));
            return true;
        }
        catch (CacheAwayException error)
        {
            SetAway(error);
            return false;
        }
    }

    private ValueTask<long> CarryAsync() => _segments.CarryAsync(_inner, answer => _remark($"the answer to {answer.Key}, kept while {Name} was away, is damaged and not carried over: {answer.Problem}"));
}
