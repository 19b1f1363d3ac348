using System.Globalization;

namespace Sluice.Providers.OpenAI;

/// <summary>Classifies what OpenAI and compatible services report.</summary>
internal static class OpenAIErrors
{
    /// <summary>Reads an HTTP error.</summary>
    public static RequestError Read(int status, ReadOnlySpan<byte> body)
    {
        var (type, code, message) = ErrorText.Read(status, body);
        return Classify(status, type, code, message);
    }

    /// <summary>Classifies by status first, then by code.</summary>
    public static RequestError Classify(int status, string? type, string? code, string message)
    {
        var name = code ?? type ?? status.ToString(CultureInfo.InvariantCulture);
        var kind = status switch
        {
            401 => ErrorClass.Credentials,
            403 => ErrorClass.Credentials,
            402 => ErrorClass.Quota,
            429 when type == "insufficient_quota" || code == "insufficient_quota" => ErrorClass.Quota,
            429 => ErrorClass.RateLimited,
            408 or 409 or >= 500 or < 200 => ErrorClass.Transient,
            _ => ByCode(code ?? type) is ErrorClass.Quota or ErrorClass.RateLimited ? ByCode(code ?? type) : ErrorClass.Permanent,
        };
        return new RequestError(kind, name, message);
    }

    /// <summary>Classifies a code that comes without a status: unexecuted lines and refused batches.</summary>
    /// <remarks>Unknown codes are transient: tries are bounded, and expired lines have been seen with plain server errors.</remarks>
    public static ErrorClass ByCode(string? code) => code switch
    {
        "token_limit_exceeded" => ErrorClass.RateLimited,
        "billing_hard_limit_reached" or "insufficient_quota" => ErrorClass.Quota,
        "invalid_json_line" or "duplicate_custom_id" or "missing_required_parameter" or "mismatched_model" or "model_mismatch" or "invalid_url" or "url_mismatch"
            or "model_not_found" or "invalid_request" or "invalid_request_error" or "streaming_unsupported" or "too_many_tasks" or "empty_file" or "empty_batch"
            or "content_policy_violation" or "invalid_prompt" or "image_content_policy_violation" => ErrorClass.Permanent,
        _ => ErrorClass.Transient,
    };
}
