using System.Globalization;
using System.Text.RegularExpressions;

namespace Sluice.Caching.JsonLines;

/// <summary>The names of the files of a JSONL store: <c>DAY-NUMBER.jsonl</c>, rewritten ones <c>DAY-NUMBER-rREVISION.jsonl</c>; their order is that of time.</summary>
internal static partial class LineFile
{
    private const string Extension = ".jsonl";

    /// <summary>Returns the files of a folder, oldest first.</summary>
    public static IReadOnlyList<string> In(string folder)
    {
        var names = Directory.EnumerateFiles(folder, "*" + Extension).Select(f => Path.GetFileName(f)!).ToList();
        names.Sort(StringComparer.Ordinal);
        return names;
    }

    /// <summary>Returns the name of a new file, behind all that there are.</summary>
    public static string Next(IEnumerable<string> names, DateTimeOffset now)
    {
        var (day, number) = (Day(now), 0);
        foreach (var shape in names.Select(n => Shape.Match(n)).Where(m => m.Success))
        {
            // A clock that was set back must not put new lines before old ones.
            var order = string.CompareOrdinal(shape.Groups[1].Value, day);
            var other = int.Parse(shape.Groups[2].ValueSpan, CultureInfo.InvariantCulture);
            (day, number) = order > 0 ? (shape.Groups[1].Value, other) : order == 0 ? (day, Math.Max(number, other)) : (day, number);
        }

        return $"{day}-{number + 1:0000}{Extension}";
    }

    /// <summary>Returns the name of the file that takes the place of another.</summary>
    public static string Successor(string name)
    {
        var shape = Shape.Match(name);
        var revision = shape.Groups[3].Success ? int.Parse(shape.Groups[3].ValueSpan, CultureInfo.InvariantCulture) : 0;
        var stem = shape.Success ? $"{shape.Groups[1].Value}-{shape.Groups[2].Value}" : Path.GetFileNameWithoutExtension(name);
        return $"{stem}-r{revision + 1:0000}{Extension}";
    }

    /// <summary>Tells whether lines of today may still go into a file.</summary>
    public static bool MayGrow(string name, DateTimeOffset now) => Shape.Match(name) is { Success: true } shape && string.CompareOrdinal(shape.Groups[1].Value, Day(now)) >= 0;

    private static string Day(DateTimeOffset now) => now.UtcDateTime.ToString("yyyy-MM-dd", CultureInfo.InvariantCulture);

    [GeneratedRegex(@"^([0-9]{4}-[0-9]{2}-[0-9]{2})-([0-9]{4,9})(?:-r([0-9]{4,9}))?\.jsonl\z", RegexOptions.CultureInvariant)]
    private static partial Regex Shape { get; }
}
