using Sluice.Storage;

namespace Sluice.Caching;

/// <summary>Gathers entries and stores them in groups, in memory that does not grow: neither many small nor a few large bodies wait together.</summary>
/// <param name="cache">Where they go.</param>
/// <param name="progress">Told how many have been stored, or null.</param>
/// <param name="replacedBefore">When stored ones give way to them, as in a put.</param>
internal sealed class PutGroup(IResponseCache cache, Action<long>? progress = null, DateTimeOffset replacedBefore = default) : IDisposable
{
    private const int GroupBytes = 1024 * 1024;

    private readonly List<CacheEntry> _entries = new(CacheEntry.GroupSize);
    private readonly PooledBytes _bodies = new(GroupBytes);
    private long _requestBytes;

    /// <summary>Gets how many entries have been stored.</summary>
    public long Responses { get; private set; }

    /// <summary>Gets how many of them the cache did not have.</summary>
    public long New { get; private set; }

    /// <summary>Takes an entry, whose body is copied.</summary>
    public async ValueTask AddAsync(CacheEntry entry, CancellationToken cancellationToken)
    {
        if (_entries.Count == CacheEntry.GroupSize || !_bodies.Fits(entry.Body.Length) || _requestBytes > GroupBytes)
        {
            await FlushAsync(cancellationToken).ConfigureAwait(false);
        }

        _entries.Add(entry with { Body = _bodies.Add(entry.Body.Span) });
        _requestBytes += entry.Request?.Length ?? 0;
    }

    /// <summary>Stores what has been gathered.</summary>
    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        New += await cache.PutAsync(_entries, replacedBefore, cancellationToken).ConfigureAwait(false);
        Responses += _entries.Count;
        _entries.Clear();
        _bodies.Clear();
        _requestBytes = 0;
        progress?.Invoke(Responses);
    }

    /// <summary>Stores what has been gathered, so that it survives a power cut too.</summary>
    public async ValueTask FinishAsync(CancellationToken cancellationToken)
    {
        await FlushAsync(cancellationToken).ConfigureAwait(false);
        CrashPoint.Hit("group.sync.before");
        await cache.SyncAsync(cancellationToken).ConfigureAwait(false);
        CrashPoint.Hit("group.sync.after");
    }

    /// <inheritdoc/>
    public void Dispose() => _bodies.Dispose();
}
