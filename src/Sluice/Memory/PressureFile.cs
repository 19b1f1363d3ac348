using System.Globalization;

namespace Sluice.Memory;

/// <summary>Reads a file of pressure stall information.</summary>
internal static class PressureFile
{
    /// <summary>Returns what the first of the files says that can be read; many kernels have none, which is no reason for a note.</summary>
    public static MemoryPressure? ReadFirst(ProcFiles files, IEnumerable<string> paths) =>
        paths.Select(path => Parse(files.ReadText(path, isOptional: true))).FirstOrDefault(static pressure => pressure is not null);

    // some avg10=0.12 avg60=0.05 avg300=0.01 total=123456
    // full avg10=0.00 avg60=0.00 avg300=0.00 total=23456
    private static MemoryPressure? Parse(string? text)
    {
        (double Average, TimeSpan Total)? some = null;
        (double Average, TimeSpan Total)? full = null;
        foreach (string line in text?.Split('\n') ?? [])
        {
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields is ["some", ..])
            {
                some = ParseLine(fields);
            }
            else if (fields is ["full", ..])
            {
                full = ParseLine(fields);
            }
        }

        return some is { } s ? new MemoryPressure(s.Average, full?.Average ?? 0, s.Total, full?.Total ?? TimeSpan.Zero) : null;
    }

    private static (double Average, TimeSpan Total)? ParseLine(string[] fields)
    {
        string? average = Value(fields, "avg10=");
        string? total = Value(fields, "total=");
        return double.TryParse(average, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out double percent)
            && long.TryParse(total, NumberStyles.None, CultureInfo.InvariantCulture, out long microseconds)
            && microseconds <= TimeSpan.MaxValue.Ticks / TimeSpan.TicksPerMicrosecond
            ? (percent, TimeSpan.FromMicroseconds(microseconds))
            : null;
    }

    private static string? Value(string[] fields, string name) =>
        Array.Find(fields, field => field.StartsWith(name, StringComparison.Ordinal))?[name.Length..];
}
