using System.Globalization;
using Sluice.Memory;

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

    public static string Bytes(long? bytes) => ByteText.Of(bytes);

    public static string Age(TimeSpan age) => age.TotalHours >= 1 ? $"{(int)age.TotalHours}h{age.Minutes:00}m" : age.TotalMinutes >= 1 ? $"{age.Minutes}m{age.Seconds:00}s" : $"{age.Seconds}s";

    public static string Score(double? mean, double? error) => mean is not { } value
        ? "-"
        : value.ToString("0.000", CultureInfo.InvariantCulture) + (error is { } e ? " ± " + e.ToString("0.000", CultureInfo.InvariantCulture) : "");
}
