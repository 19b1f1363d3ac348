using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>A response on its way into the cache.</summary>
/// <param name="Key">What it answers.</param>
/// <param name="Body">The provider's raw body.</param>
/// <param name="Usage">Tokens used.</param>
public readonly record struct CacheEntry(RequestKey Key, ReadOnlyMemory<byte> Body, TokenUsage Usage)
{
    /// <summary>The number of entries whose list stays below the large object heap.</summary>
    public const int GroupSize = 768;

    private readonly long _createdAt;

    /// <summary>Gets where the response came from.</summary>
    public required ResponseOrigin Origin { get; init; }

    /// <summary>Gets the canonical request body, or null: it is stored only where a config asks for it.</summary>
    public byte[]? Request { get; init; }

    /// <summary>Gets when the response was made, to the millisecond, when it is copied from somewhere else; null: now.</summary>
    public DateTimeOffset? CreatedAt
    {
        get => _createdAt == 0 ? null : DateTimeOffset.FromUnixTimeMilliseconds(_createdAt);
        init => _createdAt = value?.ToUnixTimeMilliseconds() ?? 0;
    }

    /// <summary>Returns the time to be stored with the entry.</summary>
    internal DateTimeOffset StampedAt(DateTimeOffset now, DateTimeOffset replacedBefore)
    {
        var made = CreatedAt ?? now;
        // A clock that was set back must not make an answer look older than the question.
        return made < replacedBefore && CreatedAt is null ? replacedBefore : made;
    }
}

/// <summary>Where a response came from.</summary>
/// <param name="Provider">The provider's registered name.</param>
/// <param name="Model">The model's name.</param>
/// <param name="Source">The provider's batch id, or <see cref="LiveSource"/>.</param>
public sealed record ResponseOrigin(string Provider, string Model, string Source)
{
    /// <summary>The source of responses that were not made by a batch.</summary>
    public const string LiveSource = "live";

    /// <summary>Gets whether the response was made through a Batch API, at its price.</summary>
    public bool IsBatch => Source != LiveSource;
}
