using System.Globalization;
using Sluice.Memory;

namespace Sluice.Launching;

/// <summary>All processes that can be seen.</summary>
internal static class ProcessTable
{
    /// <summary>Reads the table; a process that ends meanwhile is in it or not.</summary>
    public static List<ProcessEntry> Read()
    {
        var files = new ProcFiles("/", notes: []);
        var table = new List<ProcessEntry>();
        foreach (var folder in Directory.EnumerateDirectories("/proc"))
        {
            if (int.TryParse(System.IO.Path.GetFileName(folder.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out var id) && Find(files, id) is { } entry)
            {
                table.Add(entry);
            }
        }

        return table;
    }

    /// <summary>Reads one process; null when there is none of that number.</summary>
    public static ProcessEntry? Find(int id) => Find(new ProcFiles("/", notes: []), id);

    /// <summary>Tells whether a process was started with a text in its environment.</summary>
    public static bool HasInEnvironment(int id, string text) =>
        new ProcFiles("/", notes: []).ReadText(Path("environ", id), isOptional: true)?.Contains(text, StringComparison.Ordinal) == true;

    /// <summary>Returns the most memory that a process had resident so far; null when it is not known.</summary>
    public static long? Peak(int id) => new ProcFiles("/", notes: []).ReadTable(Path("status", id)).TryGetValue("VmHWM", out var peak) ? peak : null;

    private static ProcessEntry? Find(ProcFiles files, int id) => files.ReadText(Path("stat", id), isOptional: true) is { } stat ? ProcessEntry.Parse(stat) : null;

    private static string Path(string file, int id) => string.Create(CultureInfo.InvariantCulture, $"/proc/{id}/{file}");
}
