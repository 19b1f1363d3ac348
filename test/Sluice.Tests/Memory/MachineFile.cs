namespace Sluice.Tests.Memory;

/// <summary>A machine in one text file: what it is, what the probe has to find, then the content of each file after a line <c>--- path</c>.</summary>
public sealed class MachineFile
{
    private const string Unreadable = " (unreadable)";
    private const string NoLineFeed = " (no line feed at the end)";

    private readonly List<(string Path, string? Content)> _files = [];

    private MachineFile(string text)
    {
        string[] parts = text.Split("\n--- ");
        string[] head = parts[0].Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Expectations = [.. head.Where(line => !line.StartsWith('#')).Select(line => (line[..line.IndexOf(' ')], line[(line.IndexOf(' ') + 1)..]))];
        foreach (string part in parts[1..])
        {
            int end = part.IndexOf('\n');
            string path = end < 0 ? part : part[..end];
            string content = end < 0 ? "" : part[(end + 1)..].TrimEnd('\n');
            _files.Add(path.EndsWith(Unreadable) ? (path[..^Unreadable.Length], null)
                : path.EndsWith(NoLineFeed) ? (path[..^NoLineFeed.Length], content) : (path, content + "\n"));
        }
    }

    /// <summary>Gets the names of all machines.</summary>
    public static IEnumerable<string> Names => Directory.GetFiles(Folder, "*.txt").Select(path => Path.GetFileNameWithoutExtension(path)!).Order();

    private static string Folder => Path.Combine(AppContext.BaseDirectory, "Memory", "Machines");

    /// <summary>Gets what the probe has to find, in lines of a name and a value.</summary>
    public IReadOnlyList<(string Name, string Value)> Expectations { get; }

    public static MachineFile Read(string name) => new(File.ReadAllText(Path.Combine(Folder, name + ".txt")));

    /// <summary>Makes the machine's files.</summary>
    public FakeMachine Build()
    {
        var machine = new FakeMachine();
        foreach ((string path, string? content) in _files)
        {
            _ = content is null ? machine.File(path, "").Forbid(path) : machine.File(path, content);
        }

        return machine;
    }
}
