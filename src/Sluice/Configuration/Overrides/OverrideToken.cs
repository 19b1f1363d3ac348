namespace Sluice.Configuration.Overrides;

/// <summary>What a piece of a value is.</summary>
internal enum OverrideTokenKind
{
    End,
    ParenOpen,
    ParenClose,
    BracketOpen,
    BracketClose,
    BraceOpen,
    BraceClose,
    Comma,
    Equal,
    Quoted,

    // All below may stand in a value without quotes.
    Colon,
    Identifier,
    Null,
    Boolean,
    Integer,
    Float,
    Interpolation,
    Escapes,
    Blank,

    /// <summary>One of <c>/ - \ + . $ % * @ ? |</c>.</summary>
    Character,
}

/// <summary>A piece of a value; brackets and the like include the blanks that do not count there.</summary>
internal readonly record struct OverrideToken(OverrideTokenKind Kind, int Start, int End)
{
    public bool IsPlain => Kind >= OverrideTokenKind.Colon;
}
