using System.Globalization;
using System.Numerics;

namespace Sluice.Configuration.Overrides;

/// <summary>Reads numbers from texts as Python's <c>int()</c> and <c>float()</c> do.</summary>
internal static class NumberText
{
    /// <summary>Reads a whole number; blanks around it, leading zeros and single underscores are allowed.</summary>
    public static bool TryInteger(string text, out BigInteger value)
    {
        string trimmed = text.Trim();
        int sign = trimmed is ['+' or '-', ..] ? 1 : 0;
        value = default;
        return trimmed.Length > sign
            && NumberShape.Digits(trimmed.AsSpan(sign)) == trimmed.Length - sign
            && BigInteger.TryParse(Plain(trimmed), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out value);
    }

    /// <summary>Reads a number, with the words for those that are not finite in any letter case.</summary>
    public static bool TryNumber(string text, out double value)
    {
        string trimmed = text.Trim();
        int sign = trimmed is ['+' or '-', ..] ? 1 : 0;
        string unsigned = trimmed[sign..];
        if (unsigned.ToUpperInvariant() is "INF" or "INFINITY" or "NAN")
        {
            value = unsigned[0] is 'n' or 'N' ? double.NaN : trimmed[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
            return true;
        }

        int whole = NumberShape.Digits(unsigned);
        int mantissa = Math.Max(whole, NumberShape.Fraction(unsigned, whole));
        value = 0;
        return mantissa > 0
            && mantissa + NumberShape.Exponent(unsigned.AsSpan(mantissa)) == unsigned.Length
            && double.TryParse(Plain(trimmed), NumberStyles.Float, CultureInfo.InvariantCulture, out value);
    }

    private static string Plain(string text) => text.Replace("_", "", StringComparison.Ordinal);
}
