using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Experiments;

/// <summary>How an experiment uses the cache, as its config says it.</summary>
public sealed record CacheOptions
{
    /// <summary>Gets a name that separates keys: studies of different scopes share no answers. Null for none.</summary>
    public string? Scope { get; init; }

    /// <summary>Gets whether answers of earlier commands count.</summary>
    public bool Read { get; init; } = true;

    /// <summary>Gets whether answers are stored; only live experiments can do without.</summary>
    public bool Write { get; init; } = true;

    /// <summary>Gets the age from which on answers count as missing, or null.</summary>
    public TimeSpan? Expiry { get; init; }

    /// <summary>Gets the time before which answers were made that count as missing, or null; <c>--refresh</c> sets it to the present.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>Gets whether request bodies are stored with the answers.</summary>
    public bool StoreRequests { get; init; }

    /// <summary>Gets whether answers count that were stored before the address was part of the key.</summary>
    public bool LegacyKeys { get; init; } = true;

    /// <summary>Gets which stores to use; the same for all experiments of a sweep.</summary>
    public CacheSettings Stores { get; init; } = new();

    /// <summary>Returns what the options mean for a command that began at a time.</summary>
    public CachePolicy At(DateTimeOffset start)
    {
        var oldest = Read ? DateTimeOffset.MinValue : start;
        foreach (var limit in (DateTimeOffset?[])[start - Expiry, NotBefore])
        {
            oldest = limit > oldest ? limit.Value : oldest;
        }

        // What the command itself has asked for counts, or it would never end.
        oldest = oldest > start ? start : oldest;
        return new CachePolicy { NotBefore = oldest, Write = Write, StoresRequests = StoreRequests };
    }
}
