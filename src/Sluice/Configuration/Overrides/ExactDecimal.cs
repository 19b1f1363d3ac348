using System.Globalization;
using System.Numerics;

namespace Sluice.Configuration.Overrides;

/// <summary>A decimal number of any length, added with 28 significant digits as by Python's <c>decimal</c>. A <see cref="decimal"/>
/// cannot hold what a double exactly is.</summary>
/// <param name="Digits">The digits as a whole number.</param>
/// <param name="Exponent">The power of ten to multiply by.</param>
internal readonly record struct ExactDecimal(BigInteger Digits, int Exponent) : IComparable<ExactDecimal>
{
    private const int Precision = 28;
    private static readonly BigInteger s_limit = BigInteger.Pow(10, Precision);

    public int Sign => Digits.Sign;

    public static ExactDecimal Of(ConfigScalar scalar) =>
        scalar.Type == ScalarKind.Integer ? new(scalar.Integer, 0) : Of(scalar.Number);

    /// <summary>Gives the exact value of a finite double: its significand times a power of two, which is 5ⁿ/10ⁿ when negative.</summary>
    public static ExactDecimal Of(double value)
    {
        long bits = BitConverter.DoubleToInt64Bits(value);
        int power = (int)((bits >> 52) & 0x7FF);
        long significand = (bits & 0xFFFFFFFFFFFFF) | (power == 0 ? 0 : 1L << 52);
        power = Math.Max(power, 1) - 1075;
        BigInteger signed = bits < 0 ? -significand : significand;
        return power >= 0 ? new(signed << power, 0) : new(signed * BigInteger.Pow(5, -power), power);
    }

    /// <summary>Adds exactly, then rounds to 28 digits, halves to the even digit.</summary>
    public ExactDecimal Plus(ExactDecimal other)
    {
        int exponent = Math.Min(Exponent, other.Exponent);
        return new ExactDecimal(Scaled(exponent) + other.Scaled(exponent), exponent).Rounded();
    }

    public int CompareTo(ExactDecimal other)
    {
        int exponent = Math.Min(Exponent, other.Exponent);
        return Scaled(exponent).CompareTo(other.Scaled(exponent));
    }

    /// <summary>Counts the whole steps from one number to another; negative when the steps lead away from it.</summary>
    public static BigInteger Steps(ExactDecimal from, ExactDecimal to, ExactDecimal step)
    {
        int exponent = Math.Min(Math.Min(from.Exponent, to.Exponent), step.Exponent);
        return (to.Scaled(exponent) - from.Scaled(exponent)) / step.Scaled(exponent);
    }

    /// <summary>Gives the nearest double.</summary>
    public double ToDouble() =>
        double.Parse(string.Create(CultureInfo.InvariantCulture, $"{Digits}E{Exponent}"), NumberStyles.Float, CultureInfo.InvariantCulture);

    private BigInteger Scaled(int exponent) => Exponent == exponent ? Digits : Digits * BigInteger.Pow(10, Exponent - exponent);

    private ExactDecimal Rounded()
    {
        BigInteger absolute = BigInteger.Abs(Digits);
        if (absolute < s_limit)
        {
            return this;
        }

        int surplus = absolute.ToString(CultureInfo.InvariantCulture).Length - Precision;
        BigInteger unit = BigInteger.Pow(10, surplus);
        (BigInteger kept, BigInteger rest) = BigInteger.DivRem(absolute, unit);
        int half = (rest * 2).CompareTo(unit);
        kept += half > 0 || (half == 0 && !kept.IsEven) ? 1 : 0;
        return new ExactDecimal(kept * Digits.Sign, Exponent + surplus);
    }
}
