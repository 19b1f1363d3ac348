using Sluice.Simulator.Requests;

namespace Sluice.Simulator.Faults;

/// <summary>Fills in what an error fault leaves open as the provider would say it.</summary>
internal static class FaultErrors
{
    public static ApiError ErrorOf(Fault fault, Api api) => new(
        fault.Status,
        fault.ErrorType ?? TypeOf(fault.Status, api),
        fault.Message ?? MessageOf(fault.Status),
        fault.Code ?? (api == Api.OpenAI ? CodeOf(fault.Status) : null),
        fault.Param);

    private static string TypeOf(int status, Api api) => (status, api) switch
    {
        (429, Api.OpenAI) => "rate_limit_exceeded",
        ( >= 500, Api.OpenAI) => "server_error",
        (_, Api.OpenAI) => "invalid_request_error",
        (401, _) => "authentication_error",
        (402, _) => "billing_error",
        (403, _) => "permission_error",
        (404, _) => "not_found_error",
        (409, _) => "conflict_error",
        (413, _) => "request_too_large",
        (429, _) => "rate_limit_error",
        (504, _) => "timeout_error",
        (529, _) => "overloaded_error",
        ( >= 500, _) => "api_error",
        _ => "invalid_request_error",
    };

    private static string? CodeOf(int status) => status switch
    {
        429 => "rate_limit_exceeded",
        >= 500 => "server_error",
        _ => null,
    };

    private static string MessageOf(int status) => status switch
    {
        429 => "Rate limit reached. Please try again later.",
        529 => "Overloaded",
        >= 500 => "The server had an error while processing your request. Sorry about that!",
        _ => "Your request was refused by the simulator's fault script.",
    };
}
