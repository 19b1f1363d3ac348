using System.Globalization;

namespace Sluice.Memory;

/// <summary>Writes sizes as people read them.</summary>
public static class ByteText
{
    /// <summary>Returns a size in the largest unit that fits; <c>unknown</c> for null.</summary>
    public static string Of(long? bytes) => bytes switch
    {
        null => "unknown",
        long.MinValue => Of(-long.MaxValue),
        < 0 => "-" + Of(-bytes),
        >= 1L << 30 => Scaled(bytes.Value, 1L << 30, "GiB"),
        >= 1L << 20 => Scaled(bytes.Value, 1L << 20, "MiB"),
        _ => Scaled(bytes.Value, 1L << 10, "KiB"),
    };

    private static string Scaled(long value, long unit, string name) => ((double)value / unit).ToString("0.#", CultureInfo.InvariantCulture) + " " + name;
}
