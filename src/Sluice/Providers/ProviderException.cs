namespace Sluice.Providers;

/// <summary>A provider refused a call, or the way to it failed.</summary>
public sealed class ProviderException : Exception
{
    /// <summary>Creates the exception.</summary>
    /// <param name="error">What went wrong, classified.</param>
    /// <param name="outcomeUnknown">Whether the provider may have carried out the call all the same.</param>
    /// <param name="status">The HTTP status, when there was one.</param>
    /// <param name="retryAfter">How long the provider asks to wait.</param>
    /// <param name="inner">The cause.</param>
    public ProviderException(RequestError error, bool outcomeUnknown, int? status = null, TimeSpan? retryAfter = null, Exception? inner = null)
        : base(error.ToString(), inner)
    {
        Error = error;
        OutcomeUnknown = outcomeUnknown;
        Status = status;
        RetryAfter = retryAfter;
    }

    /// <summary>Gets what went wrong.</summary>
    public RequestError Error { get; }

    /// <summary>Gets whether the call may have been carried out: time-out, reset after the body was sent, 5xx.</summary>
    public bool OutcomeUnknown { get; }

    /// <summary>Gets the HTTP status, or null.</summary>
    public int? Status { get; }

    /// <summary>Gets whether the provider itself says that there is no such thing (any more). A page of a proxy with the same status says nothing of it.</summary>
    public bool IsGone => Status is 404 or 410 && Error.Class != ErrorClass.Address;

    /// <summary>Gets how long the provider asks to wait, or null.</summary>
    public TimeSpan? RetryAfter { get; }
}
