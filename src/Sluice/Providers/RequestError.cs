namespace Sluice.Providers;

/// <summary>What can be done about an error.</summary>
public enum ErrorClass
{
    /// <summary>Trying again later can help: server errors, overload, time-outs, expired or cancelled lines.</summary>
    Transient,

    /// <summary>The provider asks to wait: rate or queue limits.</summary>
    RateLimited,

    /// <summary>This request will never succeed as it is.</summary>
    Permanent,

    /// <summary>The key is missing, wrong, or may not do this.</summary>
    Credentials,

    /// <summary>The account has no money or quota left: every further request would fail too.</summary>
    Quota,

    /// <summary>No server answers at the address, or a proxy says so: it may come back by itself. Says nothing about the request.</summary>
    Unreachable,

    /// <summary>Something else than the provider answers at the address: a redirect, a page of a proxy. Only people can cure it.</summary>
    Address,
}

/// <summary>Why a request, or a call about a batch, did not succeed.</summary>
/// <param name="Class">What can be done about it.</param>
/// <param name="Code">The provider's code or type, or the HTTP status as text.</param>
/// <param name="Message">The provider's message.</param>
public sealed record RequestError(ErrorClass Class, string Code, string Message)
{
    /// <summary>Returns code and message in one line.</summary>
    public override string ToString() => Message.Contains(Code, StringComparison.Ordinal) ? Message : $"{Code}: {Message}";
}

/// <summary>One line of a batch's result.</summary>
/// <param name="CustomId">The line's id, as bytes of the line.</param>
/// <param name="Body">The response's raw body, a slice of the line; empty when the line is an error.</param>
/// <param name="Usage">Tokens used, when there is a response.</param>
/// <param name="Error">The error, or null.</param>
public readonly record struct BatchLine(ReadOnlyMemory<byte> CustomId, ReadOnlyMemory<byte> Body, Sluice.Requests.TokenUsage Usage, RequestError? Error);
