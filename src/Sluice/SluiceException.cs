namespace Sluice;

/// <summary>Who has to act on an error. The command line maps each kind to an exit code.</summary>
public enum ErrorKind
{
    /// <summary>The user's command, configuration or data is wrong.</summary>
    Usage,

    /// <summary>A provider refused the credentials, or none were given.</summary>
    Credentials,

    /// <summary>The machine, the disk or the network is in the way; the same command can succeed later.</summary>
    Environment,

    /// <summary>There is less memory than the experiments require, and they want to be refused then.</summary>
    Memory,
}

/// <summary>
/// An error with a message for people: what was found and where, and, in <see cref="Hint"/>, what to do next.
/// </summary>
/// <remarks>It is shown without a stack trace. A bug is any other exception.</remarks>
public class SluiceException : Exception
{
    /// <summary>Creates an error of the given kind.</summary>
    /// <param name="kind">Who has to act.</param>
    /// <param name="message">What is wrong and where; one or more lines, no trailing full stop needed.</param>
    /// <param name="hint">What to do next, or null when the message says it all.</param>
    /// <param name="inner">The cause, shown only with <c>--verbose</c>.</param>
    public SluiceException(ErrorKind kind, string message, string? hint = null, Exception? inner = null)
        : base(message, inner)
    {
        Kind = kind;
        Hint = hint;
    }

    /// <summary>Gets who has to act.</summary>
    public ErrorKind Kind { get; }

    /// <summary>Gets what to do next, or null.</summary>
    public string? Hint { get; }
}
