namespace Sluice.Simulator;

/// <summary>The providers that the simulator plays.</summary>
internal enum Api
{
    OpenAI,
    Anthropic,
}
