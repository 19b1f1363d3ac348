using System.Globalization;
using System.Text;

namespace Sluice.Configuration.Interpolation;

/// <summary>Writes a time in the way of Python's <c>strftime</c>.</summary>
internal static class Strftime
{
    /// <summary>The directives that are known.</summary>
    public const string Known = "%Y %m %d %H %M %S %f %j %y %b %B %a %A %p %I %F %T %%";

    /// <summary>Writes the time, or gives null with the directive that is not known.</summary>
    public static string? Write(string format, DateTimeOffset time, out string? unknown)
    {
        var written = new StringBuilder();
        for (int i = 0; i < format.Length; i++)
        {
            if (format[i] != '%')
            {
                written.Append(format[i]);
                continue;
            }

            char directive = ++i < format.Length ? format[i] : ' ';
            if (Directive(directive, time) is not { } part)
            {
                unknown = $"%{directive}";
                return null;
            }

            written.Append(part);
        }

        unknown = null;
        return written.ToString();
    }

    private static string? Directive(char directive, DateTimeOffset time)
    {
        if (directive == '%')
        {
            return "%";
        }

        string? pattern = directive switch
        {
            'Y' => "yyyy",
            'm' => "MM",
            'd' => "dd",
            'H' => "HH",
            'M' => "mm",
            'S' => "ss",
            'f' => "ffffff",
            'y' => "yy",
            'b' => "MMM",
            'B' => "MMMM",
            'a' => "ddd",
            'A' => "dddd",
            'p' => "tt",
            'I' => "hh",
            'F' => "yyyy-MM-dd",
            'T' => "HH:mm:ss",
            _ => null,
        };
        return directive == 'j' ? time.DayOfYear.ToString("000", CultureInfo.InvariantCulture)
            : pattern is null ? null
            : time.ToString(pattern, CultureInfo.InvariantCulture);
    }
}
