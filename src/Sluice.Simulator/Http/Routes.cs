using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Sluice.Simulator.Requests;

namespace Sluice.Simulator.Http;

/// <summary>Maps paths to handlers and does for each request what all have in common: count, authenticate, limit the rate.</summary>
internal sealed class Routes(WebApplication web, SimulatorCore core)
{
    public void Map(string method, string pattern, Api api, string operation, Func<Exchange, Task> handle) =>
        web.MapMethods(pattern, [method], http => RunAsync(new Exchange(http, api, operation, core), handle));

    /// <summary>Maps the simulator's own paths, and the answer to any other.</summary>
    public void MapControl()
    {
        web.MapGet("/_sim/health", (RequestDelegate)(http => JsonAnswer.WriteAsync(http, 200, json =>
        {
            json.WriteStartObject();
            json.WriteString("status"u8, "ok"u8);
            json.WriteEndObject();
        })));
        web.MapGet("/_sim/stats", (RequestDelegate)(http => JsonAnswer.WriteAsync(http, 200, json => StatsView.Write(json, core.Stats.Read()))));
        web.MapPost("/_sim/reset-stats", (RequestDelegate)(http =>
        {
            core.Stats.Reset();
            http.Response.StatusCode = StatusCodes.Status204NoContent;
            return Task.CompletedTask;
        }));
        web.MapFallback((RequestDelegate)(http =>
        {
            var api = http.Request.Headers.ContainsKey("anthropic-version") ? Api.Anthropic : Api.OpenAI;
            var type = api == Api.Anthropic ? "not_found_error" : "invalid_request_error";
            return new Exchange(http, api, "unknown", core).FailAsync(
                new ApiError(404, type, $"Invalid URL ({http.Request.Method} {http.Request.Path})"));
        }));
    }

    /// <summary>Says whether an error means that the connection has ended; a body that breaks off shows it before the request is called aborted.</summary>
    private static bool IsGone(Exception error, HttpContext http) => error is ConnectionResetException or ConnectionAbortedException
        || (error is OperationCanceledException && http.RequestAborted.IsCancellationRequested);

    private async Task RunAsync(Exchange exchange, Func<Exchange, Task> handle)
    {
        core.Stats.Of(exchange.Api).Request(exchange.Operation);
        if (Authentication.Check(exchange.Http.Request, exchange.Api) is { } refusal)
        {
            await exchange.FailAsync(refusal).ConfigureAwait(false);
            return;
        }

        var gate = exchange.Api == Api.OpenAI ? core.OpenAIRate : core.AnthropicRate;
        if (!gate.TryPass(out var retryAfter))
        {
            await exchange.FailTooManyAsync(retryAfter).ConfigureAwait(false);
            return;
        }

        try
        {
            if (!await exchange.TryResetAsync().ConfigureAwait(false))
            {
                await handle(exchange).ConfigureAwait(false);
            }
        }
        catch (Exception error) when (IsGone(error, exchange.Http))
        {
            // The client went away; there is nobody to answer.
        }
        catch (BadHttpRequestException error)
        {
            await exchange.FailAsync(ApiError.Invalid(error.Message)).ConfigureAwait(false);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A full or read-only disk: the client sees the provider's 500, the statistics keep the reason.
            core.Stats.InternalError(error);
            if (!exchange.Http.Response.HasStarted)
            {
                await exchange.FailAsync(new ApiError(
                    500, exchange.Api == Api.OpenAI ? "server_error" : "api_error", "The simulator failed: " + error.Message)).ConfigureAwait(false);
            }
        }
    }
}
