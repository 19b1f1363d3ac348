using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>A cache that can be looked into and looked after: what the <c>sluice cache</c> commands need. Every durable store is one.</summary>
/// <remarks>All of it works while other processes read and write, and in memory that does not grow with the number of entries.</remarks>
public interface ICacheStore : IResponseCache
{
    /// <summary>Streams what is stored, in the store's own order; an entry that comes or goes meanwhile may be met or not.</summary>
    /// <param name="filter">Which entries.</param>
    /// <param name="withBodies">Whether bodies and requests are read too. Without, damage of bodies is not noticed.</param>
    /// <param name="cancellationToken">Ends the listing.</param>
    IAsyncEnumerable<StoredResponse> ListAsync(CacheFilter filter, bool withBodies, CancellationToken cancellationToken = default);

    /// <summary>Returns everything that is stored under a key, or null.</summary>
    ValueTask<StoredResponse?> FindAsync(RequestKey key, CancellationToken cancellationToken = default);

    /// <summary>Deletes entries and returns how many; their space is free for others, and given back by <see cref="CompactAsync"/>.</summary>
    ValueTask<long> DeleteAsync(CacheFilter filter, CancellationToken cancellationToken = default);

    /// <summary>Deletes the entry of one key, sound or not, and tells whether there was one; all others stay.</summary>
    ValueTask<bool> RemoveAsync(RequestKey key, CancellationToken cancellationToken = default);

    /// <summary>Returns how many bytes the store takes.</summary>
    ValueTask<long> StoredBytesAsync(CancellationToken cancellationToken = default);

    /// <summary>Writes the store anew, as small as it can be.</summary>
    /// <exception cref="SluiceException">There is not room enough for it.</exception>
    ValueTask CompactAsync(CancellationToken cancellationToken = default);
}

/// <summary>An entry of a cache, as the commands show and copy it.</summary>
public sealed record StoredResponse
{
    /// <summary>Gets what it answers.</summary>
    public required RequestKey Key { get; init; }

    /// <summary>Gets where it came from.</summary>
    public required ResponseOrigin Origin { get; init; }

    /// <summary>Gets when it was made, to the millisecond.</summary>
    public required DateTimeOffset CreatedAt { get; init; }

    /// <summary>Gets the tokens used.</summary>
    public TokenUsage Usage { get; init; }

    /// <summary>Gets the length of the response body in bytes, uncompressed.</summary>
    public long Size { get; init; }

    /// <summary>Gets the response body; null where bodies were not asked for, or it is damaged.</summary>
    public byte[]? Body { get; init; }

    /// <summary>Gets the canonical request body; null where it was not asked for, or not stored.</summary>
    public byte[]? Request { get; init; }

    /// <summary>Gets what is wrong with the entry, or null.</summary>
    public string? Problem { get; init; }

    /// <summary>Makes it ready for another store, its time of making kept. It must have a body.</summary>
    public CacheEntry ToEntry() => new(Key, Body, Usage) { Origin = Origin, Request = Request, CreatedAt = CreatedAt };
}

/// <summary>Which entries of a cache are meant; what is null does not matter.</summary>
public sealed record CacheFilter
{
    /// <summary>Gets the filter that lets everything through.</summary>
    public static CacheFilter All { get; } = new();

    /// <summary>Gets the provider's registered name.</summary>
    public string? Provider { get; init; }

    /// <summary>Gets the model's name.</summary>
    public string? Model { get; init; }

    /// <summary>Gets the batch id, or <c>live</c>.</summary>
    public string? Source { get; init; }

    /// <summary>Gets the time before which entries were made.</summary>
    public DateTimeOffset? Before { get; init; }

    /// <summary>Gets the time from which on entries were made.</summary>
    public DateTimeOffset? From { get; init; }

    /// <summary>Gets the least size of a body, in bytes.</summary>
    public long? LeastBytes { get; init; }

    /// <summary>Gets the largest size of a body, in bytes.</summary>
    public long? MostBytes { get; init; }

    /// <summary>Tells whether entries of an origin can be meant.</summary>
    public bool Admits(ResponseOrigin origin)
    {
        ArgumentNullException.ThrowIfNull(origin);
        return (Provider is null || Provider == origin.Provider) && (Model is null || Model == origin.Model) && (Source is null || Source == origin.Source);
    }

    /// <summary>Tells whether an entry is meant.</summary>
    public bool Admits(ResponseOrigin origin, DateTimeOffset createdAt, long size) =>
        Admits(origin) && !(createdAt >= Before) && !(createdAt < From) && !(size < LeastBytes) && !(size > MostBytes);
}
