using System.Globalization;

namespace Sluice.Configuration;

/// <summary>Writes a value into a text the way Hydra does, which is the way Python's <c>str()</c> does.</summary>
internal static class ScalarText
{
    public static string Of(ConfigScalar scalar) => scalar.Type switch
    {
        ScalarKind.Null => "None",
        ScalarKind.Boolean => scalar.Boolean ? "True" : "False",
        ScalarKind.Integer => scalar.Integer.ToString(CultureInfo.InvariantCulture),
        ScalarKind.Number => OfNumber(scalar.Number),
        _ => scalar.Text,
    };

    private static string OfNumber(double value)
    {
        if (!double.IsFinite(value))
        {
            return double.IsNaN(value) ? "nan" : value > 0 ? "inf" : "-inf";
        }

        // .NET and Python agree on the digits (the fewest that read back as the same number), not on where an exponent is used.
        string[] written = Math.Abs(value).ToString("R", CultureInfo.InvariantCulture).Split('E');
        string[] sides = written[0].Split('.');
        string digits = sides[0] + (sides.Length == 2 ? sides[1] : "");
        int leading = digits.Length - digits.TrimStart('0').Length;
        int exponent = value == 0 ? 0
            : sides[0].Length - 1 - leading + (written.Length == 2 ? int.Parse(written[1], CultureInfo.InvariantCulture) : 0);
        string mantissa = digits.Trim('0') is { Length: > 0 } trimmed ? trimmed : "0";
        string sign = double.IsNegative(value) ? "-" : "";
        if (exponent is < -4 or >= 16)
        {
            string fraction = mantissa.Length == 1 ? "" : "." + mantissa[1..];
            return $"{sign}{mantissa[0]}{fraction}e{(exponent < 0 ? '-' : '+')}{Math.Abs(exponent):00}";
        }

        return exponent < 0 ? $"{sign}0.{new string('0', -exponent - 1)}{mantissa}"
            : mantissa.Length <= exponent + 1 ? $"{sign}{mantissa.PadRight(exponent + 1, '0')}.0"
            : $"{sign}{mantissa[..(exponent + 1)]}.{mantissa[(exponent + 1)..]}";
    }
}
