namespace Sluice.Simulator;

/// <summary>What a simulator has done since its start or the last reset.</summary>
public sealed record SimulatorStats
{
    /// <summary>Gets the OpenAI side.</summary>
    public ProviderStats OpenAI { get; init; } = new();

    /// <summary>Gets the Anthropic side.</summary>
    public ProviderStats Anthropic { get; init; } = new();

    /// <summary>Gets the messages of the first errors inside the simulator itself; empty is right.</summary>
    public IReadOnlyList<string> InternalErrors { get; init; } = [];
}
