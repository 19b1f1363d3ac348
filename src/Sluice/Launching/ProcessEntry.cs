using System.Globalization;

namespace Sluice.Launching;

/// <summary>A process as the kernel lists it.</summary>
/// <param name="Id">Its number, which another process gets some time after its end.</param>
/// <param name="Parent">Its parent.</param>
/// <param name="Session">Its session.</param>
/// <param name="State">The letter of its state.</param>
/// <param name="Start">When it was started, in ticks since the boot: with the number it is one process and no other.</param>
internal readonly record struct ProcessEntry(int Id, int Parent, int Session, char State, ulong Start)
{
    /// <summary>Gets whether it can still do anything: one that its parent has not buried cannot.</summary>
    public bool IsAlive => State is not ('Z' or 'X');

    /// <summary>Reads a line of <c>/proc/PID/stat</c>; null when it is none.</summary>
    public static ProcessEntry? Parse(string stat)
    {
        // Fields count from after the last ')': the name before it may hold anything (proc(5)).
        var name = stat.LastIndexOf(')');
        var blank = stat.IndexOf(' ', StringComparison.Ordinal);
        string[] fields = name < 0 || name + 2 > stat.Length ? [] : stat[(name + 2)..].Split(' ');
        return blank > 0 && fields.Length > 19 && fields[0].Length == 1
            && int.TryParse(stat.AsSpan(0, blank), NumberStyles.None, CultureInfo.InvariantCulture, out var id)
            && int.TryParse(fields[1], NumberStyles.None, CultureInfo.InvariantCulture, out var parent)
            && int.TryParse(fields[3], NumberStyles.None, CultureInfo.InvariantCulture, out var session)
            && ulong.TryParse(fields[19], NumberStyles.None, CultureInfo.InvariantCulture, out var start)
            ? new ProcessEntry(id, parent, session, fields[0][0], start)
            : null;
    }
}
