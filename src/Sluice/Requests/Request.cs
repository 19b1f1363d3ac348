namespace Sluice.Requests;

/// <summary>A call that the cache cannot answer: its key, its canonical body, and where it goes.</summary>
/// <param name="Key">The identity.</param>
/// <param name="Body">The canonical JSON body: the bytes that are hashed are the bytes that are sent.</param>
/// <param name="Route">Which provider and model it is for.</param>
/// <param name="MaxOutputTokens">The limit on output tokens that the body asks for, or null; for estimates.</param>
public sealed record Request(RequestKey Key, ReadOnlyMemory<byte> Body, Route Route, long? MaxOutputTokens)
{
    /// <summary>Gets the key that earlier versions gave it, when that one counts too; else null.</summary>
    public RequestKey? LegacyKey { get; init; }

    /// <summary>Gets the name of the step that asks; empty where there is none.</summary>
    public string Step { get; init; } = "";

    /// <summary>Gets how its answer is looked for and kept.</summary>
    public CachePolicy Caching { get; init; } = CachePolicy.Default;
}
