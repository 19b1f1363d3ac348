using System.Globalization;

namespace Sluice.Cli.Views;

/// <summary>How numbers look to people.</summary>
internal static class Numbers
{
    public static string Count(long value) => value.ToString("#,0", CultureInfo.InvariantCulture);

    /// <summary>A number of things: <c>1 batch</c>, <c>2 batches</c>.</summary>
    public static string Of(long count, string thing) => Count(count) + " " + (count == 1 ? thing : thing.EndsWith("ch", StringComparison.Ordinal) ? thing + "es" : thing + "s");

    public static string Money(double? usd) => usd is { } value
        ? "$" + value.ToString(value is 0 or >= 100 ? "0.00" : value >= 1 ? "0.000" : "0.0000", CultureInfo.InvariantCulture)
        : "unknown";

    public static string Bytes(long? bytes) => bytes is { } value
        ? value < 0 ? "-" + Bytes(value == long.MinValue ? long.MaxValue : -value) : value >= 1L << 30 ? Scaled(value, 1L << 30, "GiB") : value >= 1L << 20 ? Scaled(value, 1L << 20, "MiB") : Scaled(value, 1L << 10, "KiB")
        : "unknown";

    public static string Age(TimeSpan age) => age.TotalHours >= 1 ? $"{(int)age.TotalHours}h{age.Minutes:00}m" : age.TotalMinutes >= 1 ? $"{age.Minutes}m{age.Seconds:00}s" : $"{age.Seconds}s";

    public static string Score(double? mean, double? error) => mean is not { } value
        ? "-"
        : value.ToString("0.000", CultureInfo.InvariantCulture) + (error is { } e ? " ± " + e.ToString("0.000", CultureInfo.InvariantCulture) : "");

    private static string Scaled(long value, long unit, string name) => ((double)value / unit).ToString("0.#", CultureInfo.InvariantCulture) + " " + name;
}
