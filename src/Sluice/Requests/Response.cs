namespace Sluice.Requests;

/// <summary>What an experiment sees of a provider's answer.</summary>
/// <param name="Text">The answer's text; all text parts joined; empty when there is none.</param>
/// <param name="Finish">Why the model stopped, in the provider's word, e.g. <c>stop</c>, <c>length</c>, <c>end_turn</c>; empty when not told.</param>
/// <param name="Usage">Tokens used.</param>
public sealed record Response(string Text, string Finish, TokenUsage Usage);

/// <summary>Tokens that a response used, as the provider counted them.</summary>
/// <param name="Input">All input tokens, cached ones included.</param>
/// <param name="Output">All output tokens, reasoning included.</param>
public readonly record struct TokenUsage(long Input, long Output);
