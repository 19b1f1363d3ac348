namespace Sluice.Configuration.Overrides;

/// <summary>Finds the numbers at the beginning of a text, by the rules of the override grammar.</summary>
internal static class NumberShape
{
    /// <summary>Measures the longest number at the beginning.</summary>
    /// <returns>Its length, 0 when there is none, and whether it has a fraction or exponent or is no finite number.</returns>
    public static (int Length, bool IsFloat) Measure(ReadOnlySpan<char> text)
    {
        int sign = text is ['+' or '-', ..] ? 1 : 0;
        ReadOnlySpan<char> unsigned = text[sign..];
        if (unsigned.StartsWith("inf", StringComparison.OrdinalIgnoreCase) || unsigned.StartsWith("nan", StringComparison.OrdinalIgnoreCase))
        {
            return (sign + 3, true);
        }

        int whole = Unsigned(unsigned);
        int point = Fraction(unsigned, whole);
        int mantissa = Math.Max(whole, point);
        int exponent = mantissa == 0 ? 0 : Exponent(unsigned[mantissa..]);
        return mantissa == 0 ? (0, false) : (sign + mantissa + exponent, point > 0 || exponent > 0);
    }

    /// <summary>Measures a whole number without a sign: no leading zeros, single underscores between digits.</summary>
    public static int Unsigned(ReadOnlySpan<char> text) => text is ['0', ..] ? 1 : Digits(text);

    /// <summary>Measures digits with single underscores between them.</summary>
    public static int Digits(ReadOnlySpan<char> text)
    {
        int length = 0;
        while (true)
        {
            // One underscore is skipped when it stands after a digit and before one.
            int next = length > 0 && length < text.Length && text[length] == '_' ? length + 1 : length;
            if (next == text.Length || !char.IsAsciiDigit(text[next]))
            {
                return length;
            }

            length = next + 1;
        }
    }

    /// <summary>Measures <c>e5</c>, <c>E-05</c> and the like.</summary>
    public static int Exponent(ReadOnlySpan<char> text)
    {
        if (text is not ['e' or 'E', ..])
        {
            return 0;
        }

        int sign = text is [_, '+' or '-', ..] ? 1 : 0;
        int digits = Digits(text[(1 + sign)..]);
        return digits == 0 ? 0 : 1 + sign + digits;
    }

    /// <summary>Measures a number with a point: <c>1.</c>, <c>.5</c>, <c>1.5</c>.</summary>
    public static int Fraction(ReadOnlySpan<char> text, int whole)
    {
        if (whole == text.Length || text[whole] != '.')
        {
            return 0;
        }

        int digits = Digits(text[(whole + 1)..]);
        return whole + digits == 0 ? 0 : whole + 1 + digits;
    }
}
