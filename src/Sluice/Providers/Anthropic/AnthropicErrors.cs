using System.Globalization;

namespace Sluice.Providers.Anthropic;

/// <summary>Classifies what Anthropic reports (docs.claude.com/en/api/errors).</summary>
internal static class AnthropicErrors
{
    /// <summary>Reads an HTTP error.</summary>
    public static RequestError Read(int status, ReadOnlySpan<byte> body)
    {
        var (type, _, message) = ErrorText.Read(status, body);
        var kind = status switch
        {
            401 or 403 => ErrorClass.Credentials,
            402 => ErrorClass.Quota,
            429 => ErrorClass.RateLimited,
            408 or 409 or >= 500 or < 200 => ErrorClass.Transient,
            _ => ErrorClass.Permanent,
        };
        return new RequestError(kind, type ?? status.ToString(CultureInfo.InvariantCulture), message);
    }

    /// <summary>Classifies an error type that comes without a status: everything but an invalid request may be tried again.</summary>
    public static ErrorClass ByType(string? type) => type switch
    {
        "invalid_request_error" or "request_too_large" or "not_found_error" => ErrorClass.Permanent,
        "authentication_error" or "permission_error" => ErrorClass.Credentials,
        "billing_error" => ErrorClass.Quota,
        "rate_limit_error" => ErrorClass.RateLimited,
        _ => ErrorClass.Transient,
    };
}
