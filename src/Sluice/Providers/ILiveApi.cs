namespace Sluice.Providers;

/// <summary>A provider's live API: one request, one answer. Nothing retries in here.</summary>
public interface ILiveApi
{
    /// <summary>Sends a request body and returns the raw response body with the rate limits that came with it.</summary>
    /// <param name="body">The request's body.</param>
    /// <param name="timeout">How long the call may take.</param>
    /// <param name="cancellationToken">Ends the call; the provider may still carry it out.</param>
    /// <exception cref="ProviderException">The provider refused, or the way to it failed.</exception>
    Task<LiveAnswer> SendAsync(ReadOnlyMemory<byte> body, TimeSpan timeout, CancellationToken cancellationToken = default);
}

/// <summary>A live response.</summary>
/// <param name="Body">The raw body.</param>
/// <param name="Limits">What the provider says about the room that is left.</param>
/// <param name="IsSimulated">Whether the answer came from the simulator, which says so in its headers.</param>
public sealed record LiveAnswer(ReadOnlyMemory<byte> Body, RateLimits Limits, bool IsSimulated = false);

/// <summary>What a provider's headers say about the room that is left; members are null when not told.</summary>
/// <param name="RemainingRequests">Requests left in the window.</param>
/// <param name="RequestsReset">How long until the request window is full again.</param>
/// <param name="RemainingTokens">Tokens left in the window.</param>
/// <param name="TokensReset">How long until the token window is full again.</param>
public sealed record RateLimits(long? RemainingRequests, TimeSpan? RequestsReset, long? RemainingTokens, TimeSpan? TokensReset)
{
    /// <summary>Nothing is known.</summary>
    public static RateLimits Unknown { get; } = new(null, null, null, null);
}
