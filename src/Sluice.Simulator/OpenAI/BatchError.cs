namespace Sluice.Simulator.OpenAI;

/// <summary>Why a whole batch failed; the provider names the first bad line only.</summary>
internal sealed record BatchError(string Code, string Message, string? Param = null, long? Line = null);
