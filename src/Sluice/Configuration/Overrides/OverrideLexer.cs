using System.Buffers;

namespace Sluice.Configuration.Overrides;

/// <summary>Takes a value apart. At each place the longest token counts.</summary>
internal static class OverrideLexer
{
    private static readonly SearchValues<char> s_characters = SearchValues.Create("/-\\+.$%*@?|");

    /// <summary>Gives the tokens from a place on, the last of which is the end.</summary>
    public static List<OverrideToken> Tokens(string text, int start)
    {
        var tokens = new List<OverrideToken>();
        for (int at = start; at < text.Length; at = tokens[^1].End)
        {
            tokens.Add(Structural(text, at) ?? Plain(text, at));
        }

        tokens.Add(new OverrideToken(OverrideTokenKind.End, text.Length, text.Length));
        return tokens;
    }

    /// <summary>Gives the first place that is neither a space nor a tab.</summary>
    public static int SkipBlanks(string text, int at)
    {
        while (at < text.Length && text[at] is ' ' or '\t')
        {
            at++;
        }

        return at;
    }

    private static OverrideToken? Structural(string text, int start)
    {
        int at = SkipBlanks(text, start);
        (OverrideTokenKind Kind, bool Before, bool After)? found = (at < text.Length ? text[at] : '\0') switch
        {
            '(' => (OverrideTokenKind.ParenOpen, true, true),
            ')' => (OverrideTokenKind.ParenClose, true, false),
            '[' => (OverrideTokenKind.BracketOpen, false, true),
            ']' => (OverrideTokenKind.BracketClose, true, false),
            '{' => (OverrideTokenKind.BraceOpen, false, true),
            '}' => (OverrideTokenKind.BraceClose, true, false),
            ',' => (OverrideTokenKind.Comma, true, true),
            ':' => (OverrideTokenKind.Colon, true, true),
            '=' => (OverrideTokenKind.Equal, true, true),
            _ => null,
        };
        return found is { } token && (token.Before || at == start)
            ? new OverrideToken(token.Kind, start, token.After ? SkipBlanks(text, at + 1) : at + 1)
            : at > start ? new OverrideToken(OverrideTokenKind.Blank, start, at) : null;
    }

    private static OverrideToken Plain(string text, int start)
    {
        char c = text[start];
        return c switch
        {
            '"' or '\'' => Quoted(text, start),
            '\\' when Escapes(text, start) is var end && end > start => new OverrideToken(OverrideTokenKind.Escapes, start, end),
            '$' when Interpolation(text, start) is >= 0 and var end => new OverrideToken(OverrideTokenKind.Interpolation, start, end),
            _ => Word(text, start)
                ?? (s_characters.Contains(c) ? new OverrideToken(OverrideTokenKind.Character, start, start + 1)
                    : throw OverrideMistake.Syntax(text, start, $"{Shown(c)} is not allowed outside quotes")),
        };
    }

    private static string Shown(char c) => char.IsControl(c) ? $"the control character U+{(int)c:X4}"
        : char.IsSurrogate(c) ? "this character" : $"'{c}'";

    private static OverrideToken Quoted(string text, int start) => QuotedText.End(text, start) is >= 0 and var end
        ? new OverrideToken(OverrideTokenKind.Quoted, start, end)
        : throw OverrideMistake.Syntax(text, start, $"{text[start]} opens a quoted text that nothing closes");

    private static int Escapes(string text, int at)
    {
        while (at + 1 < text.Length && text[at] == '\\' && EscapedText.IsEscapable(text[at + 1]))
        {
            at += 2;
        }

        return at;
    }

    // Up to the first }, with something between.
    private static int Interpolation(string text, int start)
    {
        if (start + 1 == text.Length || text[start + 1] != '{')
        {
            return -1;
        }

        int close = text.IndexOf('}', start + 2);
        return close > start + 2 ? close + 1 : -1;
    }

    private static OverrideToken? Word(string text, int start)
    {
        (int number, bool isFloat) = NumberShape.Measure(text.AsSpan(start));
        int word = Identifier(text.AsSpan(start));
        if (number > 0 && number >= word)
        {
            return new OverrideToken(isFloat ? OverrideTokenKind.Float : OverrideTokenKind.Integer, start, start + number);
        }

        OverrideTokenKind kind = Is("true") || Is("false") ? OverrideTokenKind.Boolean
            : Is("null") ? OverrideTokenKind.Null : OverrideTokenKind.Identifier;
        return word > 0 ? new OverrideToken(kind, start, start + word) : null;

        bool Is(string keyword) => text.AsSpan(start, word).Equals(keyword, StringComparison.OrdinalIgnoreCase);
    }

    private static int Identifier(ReadOnlySpan<char> text)
    {
        int length = 0;
        while (length < text.Length
            && (char.IsAsciiLetter(text[length]) || text[length] == '_'
                || (length > 0 && (char.IsAsciiDigit(text[length]) || text[length] == '-'))))
        {
            length++;
        }

        return length;
    }
}
