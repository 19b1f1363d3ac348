using System.Globalization;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Sluice.Providers;

/// <summary>Says what can be done about an error: the one place for live calls, uploads, creates, batches and their result lines of all providers.</summary>
internal static partial class ErrorRules
{
    /// <summary>The code of an answer that the provider has not finished: with other words than an error's, since it may be paid for.</summary>
    public const string Unfinished = "unfinished";

    /// <summary>Words of a spent account. Providers send them with any status: 400, 402, 403, 429.</summary>
    private static readonly string[] SpentWords =
    [
        "credit balance is too low", "reached your specified", "insufficient balance", "insufficient account balance", "insufficient credit", "insufficient quota", "insufficient funds",
        "out of credits", "not enough credits", "requires more credits", "used all available credits", "storage quota", "quota for files", "billing hard limit", "billing limit has been reached",
        "spending limit", "spend limit", "budget has been exceeded", "check your billing",
    ];

    /// <summary>Classifies an HTTP answer that is no success.</summary>
    /// <param name="status">The status.</param>
    /// <param name="body">Its body, or the beginning of it.</param>
    public static RequestError OfAnswer(int status, ReadOnlySpan<byte> body)
    {
        var (type, code, message, isForeign) = ErrorText.Read(status, body);
        var error = OfStatus(status, type, code, message);
        var kind = (status, error.Class) switch
        {
            (405 or 407, _) or (>= 300 and < 400, _) => ErrorClass.Address,
            // A gateway without a server behind it, or a network that asks for a login (511). What the provider itself says with these is an error like any other.
            (502 or 503 or 511 or 521 or 522 or 523 or 525 or 526 or 530, ErrorClass.Transient) when isForeign => ErrorClass.Unreachable,
            (500, ErrorClass.Transient) when isForeign && message.StartsWith('<') => ErrorClass.Unreachable,
            (_, ErrorClass.Permanent) or (403, ErrorClass.Credentials) when isForeign => ErrorClass.Address,
            (404, ErrorClass.Permanent) when message == "Not Found" || message.StartsWith("Invalid URL", StringComparison.Ordinal) => ErrorClass.Address,
            _ => error.Class,
        };
        return kind == error.Class ? error : error with { Class = kind };
    }

    /// <summary>Classifies a result line with a status and a body of its own.</summary>
    public static RequestError OfLine(int status, ReadOnlySpan<byte> body)
    {
        var (type, code, message, _) = ErrorText.Read(status, body);
        return OfStatus(status, type, code, message);
    }

    /// <summary>Classifies a status with what was said beside it.</summary>
    public static RequestError OfStatus(int status, string? type, string? code, string message)
    {
        var told = ByName(type, code);
        var kind = status switch
        {
            _ when IsSpent(status, type, code, message) => ErrorClass.Quota,
            // OpenRouter refuses a prompt so, not the key.
            403 when message.Contains("input was flagged", StringComparison.OrdinalIgnoreCase) => ErrorClass.Permanent,
            401 or 403 => ErrorClass.Credentials,
            402 => ErrorClass.Quota,
            // OpenAI: one request that needs more tokens than the limit has in a whole minute. No wait makes room for it.
            429 when message.StartsWith("Request too large", StringComparison.OrdinalIgnoreCase) => ErrorClass.Permanent,
            429 => ErrorClass.RateLimited,
            408 or 409 or 425 or >= 500 or < 200 => ErrorClass.Transient,
            _ when told is ErrorClass.RateLimited or ErrorClass.Credentials => told.Value,
            400 when IsKeyProblem(message) => ErrorClass.Credentials,
            _ => ErrorClass.Permanent,
        };
        return new RequestError(kind, code ?? type ?? status.ToString(CultureInfo.InvariantCulture), message);
    }

    /// <summary>Classifies what comes without a status: unexecuted lines, refused batches, failed responses.</summary>
    /// <remarks>Unknown names are transient: tries are bounded, and expired lines have been seen with plain server errors.</remarks>
    public static RequestError OfName(string? type, string? code, string message)
    {
        var kind = IsSpent(0, type, code, message) ? ErrorClass.Quota : ByName(type, code) ?? ErrorClass.Transient;
        return new RequestError(kind, code ?? type ?? "error", message);
    }

    /// <summary>Classifies an error object that stands in a result line: with a status beside it, or with one in place of a code, or with neither.</summary>
    public static RequestError OfObject(int status, JsonElement error)
    {
        var (type, code, message) = ErrorText.Read(status, error);
        // vLLM: a status beside a text, or the status as the code. (providers.md section 15)
        if (code is null && status >= 400)
        {
            return OfStatus(status, type, null, message);
        }

        return int.TryParse(code, NumberStyles.None, CultureInfo.InvariantCulture, out var codeStatus) ? OfStatus(codeStatus, type, null, message) : OfName(type, code, message);
    }

    /// <summary>Classifies the error member of a result line; null when there is none, or when it says nothing: some services always write one.</summary>
    public static RequestError? OfMember(int status, ReadOnlyMemory<byte> error)
    {
        if (error.IsEmpty)
        {
            return null;
        }

        using var document = JsonDocument.Parse(error);
        return ErrorText.SaysNothing(document.RootElement) ? null : OfObject(status, document.RootElement);
    }

    private static ErrorClass? ByName(string? type, string? code) => (code ?? type) switch
    {
        "token_limit_exceeded" or "rate_limit_error" or "rate_limit_exceeded" or "too_many_requests" => ErrorClass.RateLimited,
        "authentication_error" or "permission_error" or "invalid_api_key" or "account_deactivated" => ErrorClass.Credentials,
        "invalid_json_line" or "duplicate_custom_id" or "missing_required_parameter" or "mismatched_model" or "model_mismatch" or "invalid_url" or "url_mismatch"
            or "model_not_found" or "invalid_request" or "invalid_request_error" or "streaming_unsupported" or "too_many_tasks" or "empty_file" or "empty_batch"
            or "content_policy_violation" or "invalid_prompt" or "image_content_policy_violation" or "request_too_large" or "not_found_error" => ErrorClass.Permanent,
        _ => null,
    };

    /// <summary>Tells whether the account has no credit left or has reached a limit that waiting does not lift.</summary>
    private static bool IsSpent(int status, string? type, string? code, string message)
    {
        if (IsSpentName(type) || IsSpentName(code))
        {
            return true;
        }

        // These speak of the request itself, and may repeat words of a prompt.
        if (status is 404 or 413 or 422 || code is "invalid_prompt" or "content_policy_violation")
        {
            return false;
        }

        // vLLM and gateways quote the part of the prompt that they refuse.
        message = Quoted().Replace(message, "");
        // Gemini says this of every closed window, too; there the type is RESOURCE_EXHAUSTED.
        return SpentWords.Any(words => message.Contains(words, StringComparison.OrdinalIgnoreCase))
            || (message.Contains("check your plan and billing", StringComparison.OrdinalIgnoreCase) && type != "RESOURCE_EXHAUSTED" && RateWindow.OfText(message) is null);
    }

    private static bool IsSpentName(string? name) => name is "insufficient_quota" or "insufficient_user_quota" or "insufficient_balance" or "insufficient_credits" or "billing_hard_limit_reached"
        or "billing_not_active" or "billing_error" or "quotaExceeded" or "budget_exceeded" or "payment_required";

    /// <summary>Gemini and xAI answer 400 to a wrong key.</summary>
    private static bool IsKeyProblem(string message) =>
        message.Contains("API key not valid", StringComparison.OrdinalIgnoreCase) || message.Contains("Incorrect API key", StringComparison.OrdinalIgnoreCase);

    /// <summary>Finds text in quotation marks, also in a pair that was cut off; an apostrophe within a word is none.</summary>
    [GeneratedRegex("""(?<!\w)(['"`])(?:.*?\1(?!\w)|.*$)""", RegexOptions.Singleline)]
    private static partial Regex Quoted();
}
