using System.Globalization;
using System.Numerics;

namespace Sluice.Configuration.Interpolation;

/// <summary>Decides what unquoted text is by the rules of the override grammar, which differ from those of YAML.</summary>
internal static class PrimitiveTyping
{
    // No number that anybody means is longer.
    private const int LongestNumber = 1000;

    /// <summary>Gives null, a boolean, a number or the text itself; the value's text is one that YAML reads in the same way.</summary>
    public static ConfigScalar TypeOf(string text, SourceMark mark)
    {
        if (Is(text, "null"))
        {
            return ConfigScalar.OfNull("null", mark);
        }

        if (Is(text, "true") || Is(text, "false"))
        {
            bool value = Is(text, "true");
            return ConfigScalar.OfBoolean(value, value ? "true" : "false", mark);
        }

        if (text.Length is 0 or > LongestNumber)
        {
            return ConfigScalar.OfText(text, mark);
        }

        ReadOnlySpan<char> unsigned = text[0] is '+' or '-' ? text.AsSpan(1) : text;
        if (unsigned.Equals("inf", StringComparison.OrdinalIgnoreCase) || unsigned.Equals("nan", StringComparison.OrdinalIgnoreCase))
        {
            return unsigned[0] is 'n' or 'N' ? ConfigScalar.OfNumber(double.NaN, ".nan", mark)
                : text[0] == '-' ? ConfigScalar.OfNumber(double.NegativeInfinity, "-.inf", mark)
                : ConfigScalar.OfNumber(double.PositiveInfinity, ".inf", mark);
        }

        return Shape(unsigned) switch
        {
            ScalarKind.Integer => OfInteger(BigInteger.Parse(WithoutUnderscores(text), CultureInfo.InvariantCulture), mark),
            ScalarKind.Number => OfNumber(double.Parse(WithoutUnderscores(text), NumberStyles.Float, CultureInfo.InvariantCulture), mark),
            _ => ConfigScalar.OfText(text, mark),
        };
    }

    private static ConfigScalar OfInteger(BigInteger value, SourceMark mark) =>
        ConfigScalar.OfInteger(value, value.ToString(CultureInfo.InvariantCulture), mark);

    private static ConfigScalar OfNumber(double value, SourceMark mark)
    {
        string text = ScalarText.Of(ConfigScalar.OfNumber(value, "", mark));
        return ConfigScalar.OfNumber(value, double.IsFinite(value) ? text : text.Replace("inf", ".inf", StringComparison.Ordinal), mark);
    }

    /// <summary>Says whether all of a text without sign is a whole number or a number; otherwise it is text.</summary>
    private static ScalarKind Shape(ReadOnlySpan<char> text)
    {
        int at = Whole(text);
        bool whole = at > 0;
        bool point = at < text.Length && text[at] == '.';
        if (point)
        {
            int fraction = Digits(text[(at + 1)..]);
            at += 1 + fraction;
            whole |= fraction > 0;
        }

        if (!whole)
        {
            return ScalarKind.Text;
        }

        if (at == text.Length)
        {
            return point ? ScalarKind.Number : ScalarKind.Integer;
        }

        if (text[at] is not ('e' or 'E'))
        {
            return ScalarKind.Text;
        }

        ReadOnlySpan<char> exponent = text[(at + 1)..];
        exponent = exponent is ['+' or '-', ..] ? exponent[1..] : exponent;
        return exponent.Length > 0 && Digits(exponent) == exponent.Length ? ScalarKind.Number : ScalarKind.Text;
    }

    /// <summary>Counts the characters of a whole number, which has no leading zero.</summary>
    private static int Whole(ReadOnlySpan<char> text) => text is ['0', ..] ? 1 : Digits(text);

    /// <summary>Counts digits, between which single underscores may stand.</summary>
    private static int Digits(ReadOnlySpan<char> text)
    {
        int at = 0;
        while (at < text.Length && (char.IsAsciiDigit(text[at])
            || (text[at] == '_' && at > 0 && text[at - 1] != '_' && at + 1 < text.Length && char.IsAsciiDigit(text[at + 1]))))
        {
            at++;
        }

        return at;
    }

    private static string WithoutUnderscores(string text) => text.Replace("_", "", StringComparison.Ordinal);

    private static bool Is(string text, string word) => text.Equals(word, StringComparison.OrdinalIgnoreCase);
}
