using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching.OutageBuffer;

/// <summary>All answers that the processes of a workspace have kept while their cache could not take them. Thread-safe.</summary>
/// <param name="places">Folders that answers are kept in, the usual one first; each process has a folder of its own in them.</param>
/// <param name="open">Opens the store of a folder.</param>
internal sealed class BufferSegments(IReadOnlyList<string> places, Func<string, ICacheStore> open) : IAsyncDisposable
{
    private readonly SemaphoreSlim _gate = new(1);
    private readonly SemaphoreSlim _carrying = new(1);
    // What the others have, by folder: as many as there are processes.
    private readonly Dictionary<string, BufferSegment> _others = [];
    // Ours that are written to no more, and those left behind.
    private readonly List<BufferSegment> _ripe = [];
    // Ours that are written to, by place: nearly always one. Like the others, used by one at a time.
    private readonly Dictionary<string, BufferSegment> _own = [];

    /// <summary>Tells whether anything is kept, by whomever; costs next to nothing.</summary>
    public bool Any => Folders().Any();

    /// <summary>Gets the folders in which anything is kept, as messages name them; the usual one when there is nothing yet.</summary>
    public string Places => string.Join(" and ", Usable().Where(place => BufferSegment.FoldersIn(place).Any()).DefaultIfEmpty(places[0]));

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
            foreach (var segment in _ripe.Concat(_own.Values).Concat(_others.Values))
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

    /// <summary>Keeps answers, durably, in the first place that takes them, and returns how many were new there.</summary>
    /// <param name="entries">The answers.</param>
    /// <param name="replacedBefore">Stored answers made before this give way when these are carried over.</param>
    /// <param name="anywhere">Whether every place will do. Without it only the usual one does: what can be fetched again needs no other.</param>
    /// <param name="cancellationToken">Ends the waiting for others, not a write.</param>
    /// <exception cref="SluiceException">No place takes them; the error is that of the usual one.</exception>
    public async ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore, bool anywhere, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            SluiceException? first = null;
            foreach (var place in anywhere ? places : places.Take(1))
            {
                try
                {
                    return await OwnIn(place).PutAsync(entries, replacedBefore).ConfigureAwait(false);
                }
                catch (Exception error) when (error is SluiceException or IOException or UnauthorizedAccessException)
                {
                    first ??= error as SluiceException ?? DiskTrouble.Explain(error) ?? DiskTrouble.Denied(place, error.Message, error);
                    await GiveUpAsync(place).ConfigureAwait(false);
                }
            }

            throw first!;
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
            foreach (var segment in _ripe.Concat(_own.Values))
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
                CrashPoint.Hit("buffer.sync.before");
                await target.SyncAsync().ConfigureAwait(false);
                CrashPoint.Hit("buffer.sync.after");
                await _gate.WaitAsync().ConfigureAwait(false);
                try
                {
                    _ripe.Remove(segment);
                    await segment.DeleteAsync().ConfigureAwait(false);
                    DropEmpty(segment);
                }
                finally
                {
                    _gate.Release();
                }

                CrashPoint.Hit("buffer.delete.after");
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
        foreach (var segment in _ripe.Concat(_own.Values).Concat(_others.Values))
        {
            await segment.DisposeAsync().ConfigureAwait(false);
        }
    }

    private BufferSegment OwnIn(string place)
    {
        if (_own.TryGetValue(place, out var segment))
        {
            return segment;
        }

        // A folder that others can write to, or have made, could hold answers of theirs.
        if (place != places[0] && Directory.Exists(place) && !PrivateFolder.IsOurs(place))
        {
            throw new SluiceException(ErrorKind.Environment, $"{place} is not a folder of this user alone", "delete it, or set TMPDIR to another folder");
        }

        _own.Add(place, segment = BufferSegment.Create(place, open));
        return segment;
    }

    /// <summary>Takes away what this process has begun in a place that takes nothing; what it keeps there already stays.</summary>
    private async ValueTask GiveUpAsync(string place)
    {
        if (!_own.TryGetValue(place, out var segment) || segment.HasAnswers)
        {
            return;
        }

        _own.Remove(place);
        try
        {
            await segment.DeleteAsync().ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // Nothing is in it: the next command deletes it.
            await segment.DisposeAsync().ConfigureAwait(false);
        }
    }

    /// <summary>Returns the folders of all that there are.</summary>
    private IEnumerable<string> Folders() => Usable().SelectMany(BufferSegment.FoldersIn);

    private IEnumerable<string> Usable() => places.Where((place, i) => Directory.Exists(place) && (i == 0 || PrivateFolder.IsOurs(place)));

    /// <summary>Outside the workspace nothing is left lying about, not even an empty folder.</summary>
    private void DropEmpty(BufferSegment segment)
    {
        var place = Path.GetDirectoryName(segment.Folder)!;
        if (place != places[0] && !Directory.EnumerateFileSystemEntries(place).Any())
        {
            Directory.Delete(place);
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
            var ours = _ripe.Concat(_own.Values).Select(s => s.Folder).ToHashSet();
            // Listed before any is taken: that makes files beside them.
            foreach (var left in Folders().Concat(Usable().SelectMany(BufferSegment.HalfDeletedIn)).Distinct().Where(f => !ours.Contains(f)).ToList())
            {
                if (BufferSegment.TryTake(left, open) is { } segment)
                {
                    _ripe.Add(segment);
                }
            }

            _ripe.AddRange(_own.Values);
            _own.Clear();

            return [.. _ripe];
        }
        finally
        {
            _gate.Release();
        }
    }

    private async ValueTask MeetOthersAsync()
    {
        var there = Folders().ToHashSet();
        foreach (var gone in _others.Keys.Where(f => !there.Contains(f)).ToList())
        {
            await _others[gone].DisposeAsync().ConfigureAwait(false);
            _others.Remove(gone);
        }

        var ours = _ripe.Concat(_own.Values).Select(s => s.Folder).ToHashSet();
        foreach (var other in there.Where(f => !ours.Contains(f) && !_others.ContainsKey(f)))
        {
            _others.Add(other, BufferSegment.Peek(other, open));
        }
    }
}
