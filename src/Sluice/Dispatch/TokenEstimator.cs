using System.Collections.Concurrent;
using Sluice.Ledger;
using Sluice.Requests;

namespace Sluice.Dispatch;

/// <summary>Estimates the tokens of a request that has not been answered, from what earlier responses of its model used. Thread-safe.</summary>
internal sealed class TokenEstimator(LedgerStore? ledger)
{
    private const double DefaultBytesPerToken = 4;
    private const long DefaultOutputTokens = 256;

    private readonly ConcurrentDictionary<Route, ModelUsage> _usages = new();

    /// <summary>Returns the estimate: input from the body's bytes; output from the model's mean, else from the request's own limit.</summary>
    public TokenUsage Estimate(Request request)
    {
        var known = _usages.GetOrAdd(request.Route, r => ledger?.UsageOf(r.Model) ?? default);
        var bytesPerToken = known.InputTokens > 0 ? (double)known.RequestBytes / known.InputTokens : DefaultBytesPerToken;
        var output = known.Responses > 0 ? (known.OutputTokens + known.Responses - 1) / known.Responses : request.MaxOutputTokens ?? DefaultOutputTokens;
        return new TokenUsage((long)Math.Ceiling(request.Body.Length / bytesPerToken), output);
    }
}
