namespace Sluice.Caching.Exchange;

/// <summary>What a vendor's files do not say about the answers in them.</summary>
public sealed record PairOptions
{
    /// <summary>Gets the provider's registered name.</summary>
    public required string Provider { get; init; }

    /// <summary>Gets the repeat index that the answers are stored for.</summary>
    public int Epoch { get; init; }

    /// <summary>Gets the scope that the answers are stored for, or null.</summary>
    public string? Scope { get; init; }

    /// <summary>Gets the server that is part of the answers' keys, by its name or its address in normal form; null where none is.</summary>
    public string? Server { get; init; }

    /// <summary>Gets the batch that made them; null: as the lines or the file's name say.</summary>
    public string? Source { get; init; }

    /// <summary>Gets the time after which no answer can have been made; null: any time is taken.</summary>
    public DateTimeOffset? Latest { get; init; }

    /// <summary>Gets whether the requests are stored too.</summary>
    public bool StoresRequests { get; init; }
}
