using System.Globalization;

namespace Sluice;

/// <summary>Reads how long ago something was, as people write it: <c>45s</c>, <c>90m</c>, <c>12h</c>, <c>30d</c>, <c>2w</c>.</summary>
public static class Age
{
    /// <summary>What is expected, for messages: <c>... is no age; expected is ...</c>.</summary>
    public const string Expected = "a whole number and a unit, such as 45s, 90m, 12h, 30d or 2w, at most a hundred years";

    private static readonly TimeSpan Longest = TimeSpan.FromDays(36525);

    /// <summary>Reads an age; false when it is none.</summary>
    public static bool TryParse(string? text, out TimeSpan age)
    {
        age = default;
        var trimmed = text.AsSpan().Trim();
        if (trimmed.Length < 2 || Unit(trimmed[^1]) is not { } unit || !long.TryParse(trimmed[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out var count)
            || count > Longest.Ticks / unit.Ticks)
        {
            return false;
        }

        age = unit * count;
        return true;
    }

    private static TimeSpan? Unit(char letter) => letter switch
    {
        's' => TimeSpan.FromSeconds(1),
        'm' => TimeSpan.FromMinutes(1),
        'h' => TimeSpan.FromHours(1),
        'd' => TimeSpan.FromDays(1),
        'w' => TimeSpan.FromDays(7),
        _ => null,
    };
}
