using System.Globalization;
using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Requests;

namespace Sluice.Simulator.Http;

/// <summary>Does what all live calls have in common: read, check, answer, count, wait.</summary>
internal static class LiveCall
{
    /// <returns>The answer to send, or null when an error or a fault was sent already.</returns>
    public static async Task<Completion?> AcceptAsync(Exchange exchange, Endpoint endpoint, SimulatorCore core)
    {
        var limit = core.Options.Limits.LiveBytes;
        if (await RequestBytes.ReadAsync(exchange.Http.Request, limit, exchange.Aborted).ConfigureAwait(false) is not { } body)
        {
            var type = exchange.Api == Api.Anthropic ? "request_too_large" : "invalid_request_error";
            await exchange.FailAsync(new ApiError(413, type, "Request exceeds the maximum size")).ConfigureAwait(false);
            return null;
        }

        var completion = new Completion(core.Answers, core.Options.KnownModels);
        completion.Answer(body.Span, endpoint, inBatch: false);
        core.Stats.Of(exchange.Api).LiveCall();
        exchange.Match(completion.Request.Model, completion.Request.Prompt, completion.Request.Hash);
        if (!await exchange.AdmitMatchedAsync().ConfigureAwait(false))
        {
            return null;
        }

        if (completion.Error is { } error)
        {
            await exchange.FailAsync(error).ConfigureAwait(false);
            return null;
        }

        if (core.Options.LiveLatency > TimeSpan.Zero)
        {
            await Task.Delay(core.Options.LiveLatency, core.Options.TimeProvider, exchange.Aborted).ConfigureAwait(false);
        }

        completion.Seed = Storage.StableHash.Of(System.Text.Encoding.UTF8.GetBytes(exchange.RequestId));
        core.Stats.Of(exchange.Api).Answered([completion.Request.Hash]);
        WriteRateLimits(exchange, core.Options);
        return await exchange.TryFaultAsync(after: true).ConfigureAwait(false) ? null : completion;
    }

    public static Task SendAsync(Exchange exchange, Action<Utf8JsonWriter> write) => JsonAnswer.WriteAsync(exchange.Http, 200, write);

    private static void WriteRateLimits(Exchange exchange, SimulatorOptions options)
    {
        var headers = exchange.Http.Response.Headers;
        var perMinute = ((long)((options.RequestsPerSecond ?? 500) * 60)).ToString(CultureInfo.InvariantCulture);
        if (exchange.Api == Api.OpenAI)
        {
            headers["x-ratelimit-limit-requests"] = perMinute;
            headers["x-ratelimit-remaining-requests"] = perMinute;
            headers["x-ratelimit-reset-requests"] = "1s";
            headers["x-ratelimit-limit-tokens"] = "30000000";
            headers["x-ratelimit-remaining-tokens"] = "29999000";
            headers["x-ratelimit-reset-tokens"] = "2ms";
            return;
        }

        var reset = options.TimeProvider.GetUtcNow().AddSeconds(1).ToString("yyyy-MM-dd'T'HH:mm:ss'Z'", CultureInfo.InvariantCulture);
        foreach (var kind in (string[])["requests", "input-tokens", "output-tokens"])
        {
            headers[$"anthropic-ratelimit-{kind}-limit"] = perMinute;
            headers[$"anthropic-ratelimit-{kind}-remaining"] = perMinute;
            headers[$"anthropic-ratelimit-{kind}-reset"] = reset;
        }
    }
}
