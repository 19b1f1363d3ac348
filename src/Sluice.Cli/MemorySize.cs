using System.Globalization;

namespace Sluice.Cli;

/// <summary>Reads sizes of memory as people write them: <c>5GB</c>, <c>512MiB</c>.</summary>
internal static class MemorySize
{
    private static readonly (string Unit, double Bytes)[] Units = [("GiB", 1L << 30), ("MiB", 1L << 20), ("GB", 1e9), ("MB", 1e6)];

    /// <summary>Returns the size in bytes; null when the text is none.</summary>
    public static long? Parse(string text)
    {
        foreach (var (unit, bytes) in Units)
        {
            if (text.EndsWith(unit, StringComparison.OrdinalIgnoreCase)
                && double.TryParse(text.AsSpan(0, text.Length - unit.Length).TrimEnd(), NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var number)
                && number is > 0 and < 1e9)
            {
                return (long)(number * bytes);
            }
        }

        return null;
    }
}
