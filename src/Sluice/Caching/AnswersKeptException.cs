namespace Sluice.Caching;

/// <summary>A store cannot take answers until people have put something right; the answers themselves are kept beside it, durably.</summary>
/// <remarks>Whoever put them need not have them again: they are found by look-ups, and carried over once the store can be written again.</remarks>
public sealed class AnswersKeptException : SluiceException
{
    /// <summary>Creates the error.</summary>
    /// <param name="cause">Why the store cannot take them.</param>
    /// <param name="folder">Where they are kept.</param>
    public AnswersKeptException(SluiceException cause, string folder)
        : base(Of(cause).Kind, Of(cause).Message, $"{Of(cause).Hint ?? "run the same command again"}; the answers that arrived meanwhile are kept in {folder}, and the next command takes them in", cause)
    {
    }

    private static SluiceException Of(SluiceException cause)
    {
        ArgumentNullException.ThrowIfNull(cause);
        return cause;
    }
}
