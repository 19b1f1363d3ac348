namespace Sluice.Simulator.Requests;

/// <summary>An error as both providers' bodies can say it.</summary>
internal sealed record ApiError(int Status, string Type, string Message, string? Code = null, string? Param = null)
{
    public static ApiError Invalid(string message, string? code = null, string? param = null) =>
        new(400, "invalid_request_error", message, code, param);
}
