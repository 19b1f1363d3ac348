using System.Globalization;
using System.Numerics;
using System.Text.RegularExpressions;

namespace Sluice.Configuration;

/// <summary>Decides what an unquoted scalar is, by the rules of OmegaConf: YAML 1.1 without dates, and with <c>1e-3</c> as a
/// number.</summary>
internal static partial class ScalarTyping
{
    /// <summary>An unquoted scalar longer than this is text: no number that anybody means is longer.</summary>
    private const int LongestNumber = 1000;

    public static ConfigScalar TypeOf(string text, SourceMark mark) => text switch
    {
        "" or "~" or "null" or "Null" or "NULL" => ConfigScalar.OfNull(text, mark),
        "true" or "True" or "TRUE" or "yes" or "Yes" or "YES" or "on" or "On" or "ON" => ConfigScalar.OfBoolean(true, text, mark),
        "false" or "False" or "FALSE" or "no" or "No" or "NO" or "off" or "Off" or "OFF" => ConfigScalar.OfBoolean(false, text, mark),
        _ when text.Length > LongestNumber || !MayBeNumber(text[0]) => ConfigScalar.OfText(text, mark),
        _ when IntegerShape.IsMatch(text) => ConfigScalar.OfInteger(IntegerOf(text), text, mark),
        _ when NumberShape.IsMatch(text) => ConfigScalar.OfNumber(NumberOf(text), text, mark),
        _ => ConfigScalar.OfText(text, mark),
    };

    [GeneratedRegex(@"^(?:[-+]?0b[0-1_]+|[-+]?0[0-7_]+|[-+]?(?:0|[1-9][0-9_]*)|[-+]?0x[0-9a-fA-F_]+|[-+]?[1-9][0-9_]*(?::[0-5]?[0-9])+)\z", RegexOptions.CultureInvariant)]
    private static partial Regex IntegerShape { get; }

    [GeneratedRegex(@"^(?:[-+]?[0-9]+(?:_[0-9]+)*\.[0-9_]*(?:[eE][-+]?[0-9]+)?|[-+]?[0-9]+(?:_[0-9]+)*[eE][-+]?[0-9]+|\.[0-9]+(?:_[0-9]+)*(?:[eE][-+][0-9]+)?|[-+]?[0-9]+(?:_[0-9]+)*(?::[0-5]?[0-9])+\.[0-9_]*|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))\z", RegexOptions.CultureInvariant)]
    private static partial Regex NumberShape { get; }

    private static bool MayBeNumber(char first) => char.IsAsciiDigit(first) || first is '-' or '+' or '.';

    private static BigInteger IntegerOf(string text)
    {
        string digits = text.Replace("_", "", StringComparison.Ordinal);
        BigInteger sign = digits[0] == '-' ? -1 : 1;
        digits = digits.TrimStart('-', '+');
        return sign * digits switch
        {
            "" or "0" or "0b" or "0x" => BigInteger.Zero,
            ['0', 'x', .. string rest] => InBase(rest, 16),
            ['0', 'b', .. string rest] => InBase(rest, 2),
            ['0', .. string rest] => InBase(rest, 8),
            _ when digits.Contains(':', StringComparison.Ordinal) =>
                digits.Split(':').Aggregate(BigInteger.Zero, static (sum, part) =>
                    (sum * 60) + int.Parse(part, CultureInfo.InvariantCulture)),
            _ => BigInteger.Parse(digits, NumberStyles.None, CultureInfo.InvariantCulture),
        };
    }

    private static BigInteger InBase(string digits, int numberBase) =>
        digits.Aggregate(BigInteger.Zero, (sum, digit) => (sum * numberBase) + Convert.ToInt32(digit.ToString(), 16));

    private static double NumberOf(string text)
    {
        string digits = text.Replace("_", "", StringComparison.Ordinal);
        bool negative = digits[0] == '-';
        double value = digits.TrimStart('-', '+') switch
        {
            ".inf" or ".Inf" or ".INF" => double.PositiveInfinity,
            ".nan" or ".NaN" or ".NAN" => double.NaN,
            string plain when plain.Contains(':', StringComparison.Ordinal) =>
                plain.Split(':').Aggregate(0.0, static (sum, part) => (sum * 60) + Parse(part)),
            string plain => Parse(plain),
        };
        return negative ? -value : value;

        static double Parse(string part) => double.Parse(part, NumberStyles.Float, CultureInfo.InvariantCulture);
    }
}
