using Microsoft.AspNetCore.Http;
using Sluice.Simulator.Requests;

namespace Sluice.Simulator.Http;

/// <summary>Accepts any key but none, and but those that begin with <c>invalid</c>, so that a wrong key can be rehearsed.</summary>
internal static class Authentication
{
    public static ApiError? Check(HttpRequest request, Api api) => api == Api.OpenAI ? CheckOpenAI(request) : CheckAnthropic(request);

    private static ApiError? CheckOpenAI(HttpRequest request)
    {
        var key = Bearer(request);
        if (string.IsNullOrWhiteSpace(key))
        {
            return new ApiError(401, "invalid_request_error",
                "You didn't provide an API key. You need to provide your API key in an Authorization header using Bearer auth "
                + "(i.e. Authorization: Bearer YOUR_KEY).", "invalid_api_key");
        }

        return IsWrong(key) ? new ApiError(401, "invalid_request_error", "Incorrect API key provided.", "invalid_api_key") : null;
    }

    private static ApiError? CheckAnthropic(HttpRequest request)
    {
        var key = request.Headers["x-api-key"].ToString();
        key = key.Length > 0 ? key : Bearer(request);
        if (string.IsNullOrWhiteSpace(key))
        {
            return new ApiError(401, "authentication_error", "x-api-key header is required");
        }

        if (IsWrong(key))
        {
            return new ApiError(401, "authentication_error", "invalid x-api-key");
        }

        return request.Headers.ContainsKey("anthropic-version") ? null : ApiError.Invalid("anthropic-version: header is required");
    }

    private static string? Bearer(HttpRequest request)
    {
        var value = request.Headers.Authorization.ToString();
        return value.StartsWith("Bearer ", StringComparison.OrdinalIgnoreCase) ? value["Bearer ".Length..].Trim() : null;
    }

    private static bool IsWrong(string key) => key.StartsWith("invalid", StringComparison.Ordinal);
}
