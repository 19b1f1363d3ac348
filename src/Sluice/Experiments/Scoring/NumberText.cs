using System.Globalization;
using System.Text;

namespace Sluice.Experiments.Scoring;

/// <summary>Finds numbers in prose as people and models write them: <c>-$1,234.50</c>, <c>.5</c>, <c>3.</c>, <c>25%</c>, <c>6.02e23</c>.</summary>
/// <remarks>
/// A comma belongs to a number when exactly three digits follow it each time. A minus is a sign unless something that it could be
/// subtracted from stands right before it: <c>16-3</c> has the numbers 16 and 3. A percent sign does not change the number.
/// Fractions are not computed: <c>1/2</c> has the numbers 1 and 2.
/// </remarks>
internal static class NumberText
{
    private const char Minus = '\u2212';

    /// <summary>Returns the last number of a text, or null when there is none (or it is too large for a double).</summary>
    public static double? FindLast(ReadOnlySpan<char> text)
    {
        (int Start, int Digits, int End)? last = null;
        int position = 0;
        while (text[position..].IndexOfAnyInRange('0', '9') is >= 0 and var distance)
        {
            int digits = position + distance;
            int start = HasLeadingPoint(text, digits) ? digits - 1 : digits;
            position = EndOf(text, start, digits);
            last = (start, digits, position);
        }

        return last is { } found ? Parse(text, found.Start, found.End) : null;
    }

    // ".5" begins with its point, but the point of "1.5" or the last one of "...5" does not begin a number.
    private static bool HasLeadingPoint(ReadOnlySpan<char> text, int digits) =>
        At(text, digits - 1) == '.' && At(text, digits - 2) is not ('.' or (>= '0' and <= '9'));

    private static int EndOf(ReadOnlySpan<char> text, int start, int digits)
    {
        int end = SkipDigits(text, digits);
        if (start == digits)
        {
            if (end - digits <= 3)
            {
                end = SkipGroups(text, end);
            }

            if (At(text, end) == '.' && char.IsAsciiDigit(At(text, end + 1)))
            {
                end = SkipDigits(text, end + 1);
            }
        }

        if (At(text, end) is 'e' or 'E')
        {
            int exponent = At(text, end + 1) is '+' or '-' or Minus ? end + 2 : end + 1;
            if (char.IsAsciiDigit(At(text, exponent)))
            {
                end = SkipDigits(text, exponent);
            }
        }

        return end;
    }

    // Thousands, also as LaTeX writes them: 1,234 and 1{,}234.
    private static int SkipGroups(ReadOnlySpan<char> text, int end)
    {
        while (true)
        {
            int group = At(text, end) == ',' ? end + 1 : text[end..].StartsWith("{,}") ? end + 3 : text.Length;
            if (group >= text.Length || SkipDigits(text, group) != group + 3)
            {
                return end;
            }

            end = group + 3;
        }
    }

    private static int SkipDigits(ReadOnlySpan<char> text, int position)
    {
        int length = position >= text.Length ? 0 : text[position..].IndexOfAnyExceptInRange('0', '9');
        return length < 0 ? text.Length : position + length;
    }

    private static double? Parse(ReadOnlySpan<char> text, int start, int end)
    {
        var plain = new StringBuilder(end - start + 1);
        if (IsNegative(text, start))
        {
            plain.Append('-');
        }

        foreach (char c in text[start..end])
        {
            if (c is not (',' or '{' or '}'))
            {
                plain.Append(c == Minus ? '-' : c);
            }
        }

        double number = double.Parse(plain.ToString(), NumberStyles.Float, CultureInfo.InvariantCulture);
        return double.IsFinite(number) ? number : null;
    }

    private static bool IsNegative(ReadOnlySpan<char> text, int start)
    {
        int before = start - 1;
        if (At(text, before) is '$' or '€' or '£' or '¥')
        {
            before -= At(text, before - 1) == '\\' ? 2 : 1;
        }

        return At(text, before) is '-' or Minus
            && At(text, before - 1) is var left
            && !char.IsLetterOrDigit(left)
            && left is not (')' or ']' or '}' or '%' or '-');
    }

    private static char At(ReadOnlySpan<char> text, int position) => (uint)position < (uint)text.Length ? text[position] : '\0';
}
