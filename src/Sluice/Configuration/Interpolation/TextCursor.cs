namespace Sluice.Configuration.Interpolation;

/// <summary>Where a parser stands in a text.</summary>
internal sealed class TextCursor(string text, SourceMark mark)
{
    private const int Deepest = 32;

    private int _depth;

    public SourceMark Mark { get; } = mark;

    public int Position { get; private set; }

    public bool IsAtEnd => Position == text.Length;

    /// <summary>Gets the character at the position; only where the text has not ended.</summary>
    public char Current => text[Position];

    public bool IsAt(string expected) => string.CompareOrdinal(text, Position, expected, 0, expected.Length) == 0;

    public bool IsAt(char expected) => !IsAtEnd && Current == expected;

    /// <summary>Whether one of the characters comes next, at a distance from the position.</summary>
    public bool IsAtAny(string characters, int distance = 0) =>
        Position + distance < text.Length && characters.Contains(text[Position + distance], StringComparison.Ordinal);

    public bool Take(char expected)
    {
        bool taken = IsAt(expected);
        Position += taken ? 1 : 0;
        return taken;
    }

    /// <summary>Passes a number of characters and gives them.</summary>
    public string Take(int count)
    {
        Position += count;
        return text.Substring(Position - count, count);
    }

    public char Next() => text[Position++];

    public void SkipBlanks()
    {
        while (IsAtAny(" \t"))
        {
            Position++;
        }
    }

    public string Since(int start) => text[start..Position];

    /// <summary>Goes one bracket or interpolation deeper.</summary>
    /// <exception cref="ConfigException">That is too deep.</exception>
    public void Enter()
    {
        if (++_depth > Deepest)
        {
            throw Fail("interpolations and brackets are nested deeper than 32 levels");
        }
    }

    public void Leave() => _depth--;

    public ConfigException Unexpected(string? hint = null) => IsAtEnd
        ? Fail("ends too early: a bracket or quote is not closed", hint)
        : Fail($"{Say.Quoted(Current.ToString())} cannot stand here", hint);

    public ConfigException Fail(string message, string? hint = null)
    {
        int start = Math.Max(0, Position - 20);
        string before = (start > 0 ? "…" : "") + text[start..Position];
        return new ConfigException(
            ConfigErrorKind.InterpolationSyntax,
            Mark,
            $"the interpolation cannot be read at character {Position + 1}, after {Say.Quoted(before)}: {message}",
            hint ?? InterpolationSyntax.Escaping);
    }
}
