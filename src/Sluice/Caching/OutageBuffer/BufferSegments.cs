using Sluice.Requests;

namespace Sluice.Caching.OutageBuffer;

/// <summary>All answers that the processes of a workspace have kept while their cache was away. Thread-safe.</summary>
/// <param name="folder">Where they are; each process has a folder in it.</param>
/// <param name="open">Opens the store of a folder.</param>
internal sealed class BufferSegments(string folder, Func<string, ICacheStore> open) : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly SemaphoreSlim _carrying = new(1);
    // What the others have, by folder: as many as there are processes.
    private readonly Dictionary<string, BufferSegment> _others = [];
    // Ours that are written to no more, and those left behind.
    private readonly List<BufferSegment> _ripe = [];
    private BufferSegment? _own;

    /// <summary>Tells whether anything is kept, by whomever; costs next to nothing.</summary>
    public bool Any => Directory.Exists(folder) && BufferSegment.FoldersIn(folder).Any();

    /// <summary>Tells whether this process keeps anything.</summary>
    public async ValueTask<bool> HasOwnAsync()
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        var has = _own is not null || _ripe.Count > 0;
        _gate.Release();
        return has;
    }

    /// <summary>Looks keys up; null when nothing is kept at all.</summary>
    public async ValueTask<CachedResponse?[]?> GetAsync(ReadOnlyMemory<RequestKey> keys, DateTimeOffset notBefore, CancellationToken cancellationToken)
    {
        if (!Any)
        {
            return null;
        }

        var found = new CachedResponse?[keys.Length];
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            await MeetOthersAsync().ConfigureAwait(false);
            foreach (var segment in _ripe.Concat(_own is null ? [] : [_own]).Concat(_others.Values))
            {
                try
                {
                    await segment.GetAsync(keys, found, notBefore, cancellationToken).ConfigureAwait(false);
                }
                catch (Exception error) when (error is SluiceException or IOException && !Directory.Exists(segment.Folder))
                {
                    // Its process has just carried it over: the cache, which is asked next, has what was in it.
                }
            }
        }
        finally
        {
            _gate.Release();
        }

        return found;
    }

    /// <summary>Keeps answers, durably, and returns how many were new here.</summary>
    public async ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            _own ??= BufferSegment.Create(folder, open);
            return await _own.PutAsync(entries, replacedBefore).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Makes what this process keeps survive a power cut.</summary>
    public async ValueTask SyncAsync(CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            foreach (var segment in _ripe.Concat(_own is null ? [] : [_own]))
            {
                await segment.SyncAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Carries over what this process keeps and what dead ones have left behind, deletes it here, and returns how many answers it was.</summary>
    /// <exception cref="CacheAwayException">The cache is away again; what is not in it is still here.</exception>
    public async ValueTask<long> CarryAsync(IResponseCache target, Action<StoredResponse> damaged)
    {
        await _carrying.WaitAsync().ConfigureAwait(false);
        try
        {
            long carried = 0;
            foreach (var segment in await RipenAsync().ConfigureAwait(false))
            {
                carried += await segment.CarryAsync(target, damaged).ConfigureAwait(false);
                await target.SyncAsync().ConfigureAwait(false);
                await _gate.WaitAsync().ConfigureAwait(false);
                try
                {
                    _ripe.Remove(segment);
                    await segment.DeleteAsync().ConfigureAwait(false);
                }
                finally
                {
                    _gate.Release();
                }
            }

            return carried;
        }
        finally
        {
            _carrying.Release();
        }
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _gate.WaitAsync().ConfigureAwait(false);
        foreach (var segment in _ripe.Concat(_own is null ? [] : [_own]).Concat(_others.Values))
        {
            await segment.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Ends writing to what is ours, takes over what was left behind, and returns both.</summary>
    private async ValueTask<List<BufferSegment>> RipenAsync()
    {
        if (!Any)
        {
            return [];
        }

        await _gate.WaitAsync().ConfigureAwait(false);
        try
        {
            var ours = _ripe.Select(s => s.Folder).ToHashSet();
            // Listed before any is taken: that makes files beside them.
            foreach (var left in BufferSegment.FoldersIn(folder).Concat(BufferSegment.HalfDeletedIn(folder)).Distinct().Where(f => !ours.Contains(f) && f != _own?.Folder).ToList())
            {
                if (BufferSegment.TryTake(left, open) is { } segment)
                {
                    _ripe.Add(segment);
                }
            }

            if (_own is not null)
            {
                _ripe.Add(_own);
                _own = null;
            }

            return [.. _ripe];
        }
        finally
        {
            _gate.Release();
        }
    }

    private async ValueTask MeetOthersAsync()
    {
        var there = BufferSegment.FoldersIn(folder).ToHashSet();
        foreach (var gone in _others.Keys.Where(f => !there.Contains(f)).ToList())
        {
            await _others[gone].DisposeAsync().ConfigureAwait(false);
            _others.Remove(gone);
        }

        var ours = _ripe.Select(s => s.Folder).ToHashSet();
        foreach (var other in there.Where(f => !ours.Contains(f) && f != _own?.Folder && !_others.ContainsKey(f)))
        {
            _others.Add(other, BufferSegment.Peek(other, open));
        }
    }
}
