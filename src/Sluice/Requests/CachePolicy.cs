namespace Sluice.Requests;

/// <summary>How the requests of one experiment use the cache.</summary>
public sealed record CachePolicy
{
    /// <summary>Gets the policy of those who say nothing: every answer counts, every answer is kept.</summary>
    public static CachePolicy Default { get; } = new();

    /// <summary>Gets the time before which answers were made that count as missing.</summary>
    public DateTimeOffset NotBefore { get; init; } = DateTimeOffset.MinValue;

    /// <summary>Gets whether answers are stored; a batch's always are.</summary>
    public bool Write { get; init; } = true;

    /// <summary>Gets whether request bodies are stored with the answers.</summary>
    public bool StoresRequests { get; init; }
}
