using System.Runtime.CompilerServices;
using Sluice.Caching.OutageBuffer;
using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>A cache over a store that may not take answers for a time: answers that arrive meanwhile are kept on disk, and nothing new is asked for.</summary>
/// <remarks>
/// A store is away when it will be back by itself (a server that is down, a database that another process has locked): look-ups wait for it. It is
/// broken when people have to do something first (a full disk, damage): puts and <see cref="ReadyAsync"/> throw until storing works again.
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
    private readonly SemaphoreSlim _trying = new(1);
    private readonly Lock _lock = new();
    // Set while the store is away; ends with it.
    private volatile TaskCompletionSource? _away;
    // Why the store takes nothing until people have done something; null while it does.
    private volatile SluiceException? _broken;
    // Paid answers that no place took: as many as live calls were under way. Stored as soon as the store takes anything; only under the lock.
    private readonly List<(CacheEntry Entry, DateTimeOffset ReplacedBefore)> _unkept = [];
    // Both only under the lock.
    private Task? _recovery;
    private bool _recoversAgain;
    private long _timesAway;

    /// <summary>Puts itself before a store; what was kept by earlier commands is carried over at once, beside everything else.</summary>
    /// <param name="inner">The store, which says by a <see cref="CacheAwayException"/> that it is away. Disposed with this.</param>
    /// <param name="folder">Where answers are kept meanwhile; the same for all processes of a workspace, and for nothing else.</param>
    /// <param name="remark">Told what people should know; from any thread.</param>
    /// <param name="time">The clock that waiting goes by.</param>
    /// <param name="secondFolder">Where answers that cannot be asked for again are kept when that folder cannot be written either, on another disk if possible; null: nowhere.</param>
    public OutageBufferedCache(ICacheStore inner, string folder, Action<string> remark, TimeProvider time, string? secondFolder = null)
    {
        ArgumentNullException.ThrowIfNull(inner);
        _inner = inner;
        _segments = new BufferSegments(secondFolder is null ? [folder] : [folder, secondFolder], place => new JsonlResponseCache(place, time, remark));
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

    /// <summary>Gets whether look-ups wait for a store that is away; else they throw that it is.</summary>
    public bool Waits { get; init; } = true;

    /// <inheritdoc/>
    public long Interruptions => Interlocked.Read(ref _timesAway) + _inner.Interruptions;

    /// <inheritdoc/>
    public async ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default)
    {
        while (true)
        {
            // Before the store: what is carried over in between is then found there.
            var kept = await _segments.GetAsync(keys, notBefore, cancellationToken).ConfigureAwait(false);
            var hasAll = kept is not null && Array.TrueForAll(kept, r => r is not null);
            if (_away is null || !Waits)
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
                catch (CacheAwayException error) when (Waits || hasAll)
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
    /// <exception cref="AnswersKeptException">People have to put something right before the store takes answers; these are kept meanwhile.</exception>
    /// <exception cref="SluiceException">Neither the store nor any other place takes them.</exception>
    public async ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(entries);
        if (_away is null)
        {
            try
            {
                var stored = await _inner.PutAsync(entries, replacedBefore, cancellationToken).ConfigureAwait(false);
                if (_broken is not null)
                {
                    // It takes answers again: what was kept follows.
                    _broken = null;
                    Recover(TimeSpan.Zero);
                }

                return stored;
            }
            catch (CacheAwayException error)
            {
                SetAway(error);
            }
            catch (SluiceException error)
            {
                _broken = error;
                await KeepAsync(entries, replacedBefore, error, cancellationToken).ConfigureAwait(false);
                throw new AnswersKeptException(error, _segments.Places);
            }
        }

        var added = await KeepAsync(entries, replacedBefore, null, cancellationToken).ConfigureAwait(false);
        // The store may have come back in between: then nobody would carry this over.
        Recover(FirstWait);
        return added;
    }

    /// <inheritdoc/>
    /// <remarks>
    /// Waits for a store that is away. One that could not be written is tried again, and given what was kept meanwhile: once it takes that, it is ready.
    /// </remarks>
    /// <exception cref="SluiceException">The store still cannot be written.</exception>
    public async ValueTask ReadyAsync(CancellationToken cancellationToken = default)
    {
        while (true)
        {
            if (_away is not null)
            {
                await UntilBackAsync(cancellationToken).ConfigureAwait(false);
            }
            else if (_broken is null)
            {
                return;
            }
            else
            {
                await TryStoringAsync(cancellationToken).ConfigureAwait(false);
            }
        }
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
            catch (CacheAwayException error) when (Waits)
            {
                SetAway(error);
                await UntilBackAsync(cancellationToken).ConfigureAwait(false);
            }
        }

        return false;
    }

    /// <inheritdoc/>
    public async ValueTask SyncAsync(CancellationToken cancellationToken = default)
    {
        // At once, and not when the store is back: the command may end before that.
        await _segments.SyncAsync(cancellationToken).ConfigureAwait(false);
        while (true)
        {
            await UntilBackAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                await _inner.SyncAsync(cancellationToken).ConfigureAwait(false);
                return;
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
    /// <remarks>What is kept is carried over first, if the store takes it; else it stays for the next one that opens the cache.</remarks>
    public async ValueTask DisposeAsync()
    {
        await _ending.CancelAsync().ConfigureAwait(false);
        await TryStoreUnkeptAsync().ConfigureAwait(false);
        if (_broken is not null && _segments.Any)
        {
            // It may take answers again by now; if not, this says where they are.
            Recover(TimeSpan.Zero);
        }

        while (Recovery() is { } recovery)
        {
            await recovery.ConfigureAwait(false);
        }

        await _segments.DisposeAsync().ConfigureAwait(false);
        await _inner.DisposeAsync().ConfigureAwait(false);
        _trying.Dispose();
        _ending.Dispose();
    }

    /// <summary>Keeps answers on disk. Those that were asked for live cannot be fetched again: for them every place will do.</summary>
    private async ValueTask<int> KeepAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore, SluiceException? cause, CancellationToken cancellationToken)
    {
        var anywhere = entries.Any(IsLive);
        try
        {
            return await _segments.PutAsync(entries, replacedBefore, anywhere, cancellationToken).ConfigureAwait(false);
        }
        catch (SluiceException error)
        {
            _broken = cause ?? error;
            lock (_lock)
            {
                _unkept.AddRange(entries.Where(IsLive).Select(entry => (entry, replacedBefore)));
            }

            // What is in the way of the store is told; that the buffer is on the same disk is no news.
            throw new SluiceException(_broken.Kind, _broken.Message, _broken.Hint, _broken);
        }
    }

    /// <summary>Tries whether a store that was broken takes answers again, and gives it what was kept; for one caller at a time.</summary>
    private async ValueTask TryStoringAsync(CancellationToken cancellationToken)
    {
        await _trying.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            if (_broken is null)
            {
                return;
            }

            // A sync would not tell: on a full disk there is nothing to sync. What could not be stored before tells.
            var carried = await CarryAsync().ConfigureAwait(false);
            _broken = null;
            _outage.End(carried);
        }
        catch (CacheAwayException error)
        {
            // What is in the way now goes by itself.
            _broken = null;
            SetAway(error);
        }
        catch (SluiceException error)
        {
            _broken = error;
            throw _segments.Any ? new AnswersKeptException(error, _segments.Places) : new SluiceException(error.Kind, error.Message, error.Hint, error);
        }
        finally
        {
            _trying.Release();
        }
    }

    private static bool IsLive(CacheEntry entry) => entry.Origin.Source == ResponseOrigin.LiveSource;

    /// <summary>Stores the answers that no place took.</summary>
    private async ValueTask StoreUnkeptAsync()
    {
        while (true)
        {
            (CacheEntry Entry, DateTimeOffset ReplacedBefore) next;
            lock (_lock)
            {
                if (_unkept.Count == 0)
                {
                    return;
                }

                next = _unkept[^1];
            }

            await _inner.PutAsync([next.Entry], next.ReplacedBefore).ConfigureAwait(false);
            lock (_lock)
            {
                _unkept.Remove(next);
            }
        }
    }

    /// <summary>Tries it for the last time. Whoever asked for them has been told that they are lost.</summary>
    private async ValueTask TryStoreUnkeptAsync()
    {
        try
        {
            await StoreUnkeptAsync().ConfigureAwait(false);
        }
        catch (SluiceException error)
        {
            _remark($"{error.Message}; paid answers of live calls were lost, and the next command says how many");
        }
    }

    private void SetAway(CacheAwayException error)
    {
        Interlocked.Increment(ref _timesAway);
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

    private Task? Recovery()
    {
        lock (_lock)
        {
            return _recovery;
        }
    }

    /// <summary>Sees to it that one task looks whether the store is back, and carries over what is kept; one that is at it looks once more.</summary>
    private void Recover(TimeSpan wait)
    {
        lock (_lock)
        {
            _recoversAgain = _recovery is not null;
            // Under the lock, which its end takes too: a task that has ended must not stay here, or nobody would look any more.
            _recovery ??= Task.Run(() => RecoverAsync(wait));
        }
    }

    /// <summary>Ends the recovery, unless it is needed again.</summary>
    private bool TryEndRecovery()
    {
        lock (_lock)
        {
            if (_recoversAgain)
            {
                _recoversAgain = false;
                return false;
            }

            _recovery = null;
            return true;
        }
    }

    private async Task RecoverAsync(TimeSpan wait)
    {
        try
        {
            do
            {
                while (!await TryRecoverAsync(wait).ConfigureAwait(false))
                {
                    if (_ending.IsCancellationRequested)
                    {
                        _outage.GiveUp(_segments.Any ? _segments.Places : null);
                        SetBack(away => away.TrySetException(new ObjectDisposedException(Name)));
                        EndRecovery();
                        return;
                    }

                    wait = TimeSpan.FromTicks(Math.Clamp(2 * wait.Ticks, FirstWait.Ticks, LongestWait.Ticks));
                }

                wait = FirstWait;
            }
            while (!TryEndRecovery());
        }
        catch (Exception error)
        {
            // Whatever it is, it belongs to those who wait; what is kept stays on disk. A bug is thrown once more at the end.
            SetBack(away => away.TrySetException(error));
            if (error is not SluiceException)
            {
                throw;
            }

            _remark(_segments.Any ? $"{error.Message}; answers that were paid for stay in {_segments.Places}, and the next command takes them in" : error.Message);
            EndRecovery();
        }
    }

    private void EndRecovery()
    {
        lock (_lock)
        {
            (_recovery, _recoversAgain) = (null, false);
        }
    }

    /// <summary>Waits, then tells whether the store takes answers and has all that was kept. When the command ends it does not wait.</summary>
    private async Task<bool> TryRecoverAsync(TimeSpan wait)
    {
        await Task.Delay(wait, _time, _ending.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        try
        {
            await _inner.GetAsync(new RequestKey[1], new CachedResponse?[1]).ConfigureAwait(false);
            // A database that is locked can be read all the same: that it takes what was kept shows that it can be written.
            var carried = await CarryAsync().ConfigureAwait(false);
            SetBack(away => away.TrySetResult());
            _outage.End(carried);
            return true;
        }
        catch (CacheAwayException error)
        {
            SetAway(error);
            return false;
        }
    }

    /// <summary>Gives the store what it could not take before; returns how many answers that were kept on disk are in it now.</summary>
    private async ValueTask<long> CarryAsync()
    {
        await StoreUnkeptAsync().ConfigureAwait(false);
        return await _segments.CarryAsync(_inner, answer => _remark($"the answer to {answer.Key}, kept while {Name} was away, is damaged and not carried over: {answer.Problem}")).ConfigureAwait(false);
    }
}
