using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Tests.Caching;

/// <summary>A store that is away whenever the test says so.</summary>
internal sealed class FlakyStore(ICacheStore inner) : ICacheStore
{
    private int _putsLeft = int.MaxValue;

    public volatile bool IsAway;

    private volatile bool _isAwayOnce;

    /// <summary>Lets the store be away the next time that it is asked, and back at once.</summary>
    public void GoAwayOnce() => _isAwayOnce = true;

    /// <summary>Lets the store go away after so many more puts.</summary>
    public int PutsLeft
    {
        set => _putsLeft = value;
    }

    /// <summary>Gets what it does when it is asked, beside being away.</summary>
    public Exception? Trouble { get; set; }

    /// <summary>Gets or sets what it does when something is put: it can be read all the same, and synced, as on a full disk.</summary>
    public Exception? PutTrouble { get; set; }

    /// <summary>Gets or sets how often it was away without anybody having asked it.</summary>
    public long Interruptions { get; set; }

    public string Name => "the store";

    public ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default) =>
        Here.GetAsync(keys, responses, notBefore, cancellationToken);

    public ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default)
    {
        if (Interlocked.Decrement(ref _putsLeft) < 0)
        {
            IsAway = true;
        }

        return PutTrouble is not null ? throw PutTrouble : Here.PutAsync(entries, replacedBefore, cancellationToken);
    }

    public ValueTask<bool> RemoveAsync(RequestKey key, CancellationToken cancellationToken = default) => Here.RemoveAsync(key, cancellationToken);

    public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => Here.IsEmptyAsync(cancellationToken);

    public ValueTask SyncAsync(CancellationToken cancellationToken = default) => Here.SyncAsync(cancellationToken);

    public IAsyncEnumerable<StoredResponse> ListAsync(CacheFilter filter, bool withBodies, CancellationToken cancellationToken = default) => Here.ListAsync(filter, withBodies, cancellationToken);

    public ValueTask<StoredResponse?> FindAsync(RequestKey key, CancellationToken cancellationToken = default) => Here.FindAsync(key, cancellationToken);

    public ValueTask<long> DeleteAsync(CacheFilter filter, CancellationToken cancellationToken = default) => Here.DeleteAsync(filter, cancellationToken);

    public ValueTask<long> StoredBytesAsync(CancellationToken cancellationToken = default) => Here.StoredBytesAsync(cancellationToken);

    public ValueTask CompactAsync(CancellationToken cancellationToken = default) => Here.CompactAsync(cancellationToken);

    public ValueTask DisposeAsync() => inner.DisposeAsync();

    private ICacheStore Here => Trouble is not null ? throw Trouble : IsAway || Interlocked.Exchange(ref _isAwayOnce, false) ? throw new CacheAwayException(Name, "the test wants it so") : inner;
}
