using System.Text.Json.Nodes;

namespace Sluice.Experiments;

/// <summary>Which model answers, and how it is reached.</summary>
public sealed record ModelOptions
{
    /// <summary>Gets the provider's registered name, e.g. <c>openai</c>.</summary>
    public required string Provider { get; init; }

    /// <summary>Gets the model's name as the provider knows it.</summary>
    public required string Name { get; init; }

    /// <summary>Gets which of the provider's endpoints to use: <c>chat</c>, <c>responses</c> or <c>messages</c>; null means the provider's usual one.</summary>
    public string? Api { get; init; }

    /// <summary>Gets the base address, with the meaning it has in the vendor's SDK; null means the environment's or the vendor's own.</summary>
    public string? BaseUrl { get; init; }

    /// <summary>Gets the name that stands for the address in keys, so that a server which moves keeps its answers; null for none.</summary>
    public string? Server { get; init; }

    /// <summary>Gets the environment variable that holds the API key; null means the vendor's usual one.</summary>
    public string? ApiKeyEnv { get; init; }

    /// <summary>Gets body fields passed to the provider as they are.</summary>
    public JsonObject Params { get; init; } = [];

    /// <summary>Gets the user's own price, which wins over the built-in table; null means the table's.</summary>
    public ModelPrice? Price { get; init; }
}

/// <summary>Prices of one model in US dollars per million tokens.</summary>
/// <param name="Input">Input tokens, live.</param>
/// <param name="Output">Output tokens, live.</param>
/// <param name="BatchInput">Input tokens through a Batch API.</param>
/// <param name="BatchOutput">Output tokens through a Batch API.</param>
public sealed record ModelPrice(double? Input, double? Output, double? BatchInput, double? BatchOutput);
