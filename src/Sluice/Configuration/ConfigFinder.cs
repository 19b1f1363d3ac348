using System.IO.Enumeration;

namespace Sluice.Configuration;

/// <summary>Finds the config files that arguments name: files, folders and globs.</summary>
internal sealed class ConfigFinder(string currentDirectory, MistakeList mistakes)
{
    private static readonly string[] Endings = [".yaml", ".yml"];

    /// <summary>Gives the files in the order of the arguments, those of one argument sorted, each file once; relative names stay
    /// relative.</summary>
    public IReadOnlyList<string> Find(IEnumerable<string> arguments)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        return [.. arguments.SelectMany(Files).Where(file => seen.Add(Full(file)))];
    }

    private IEnumerable<string> Files(string argument)
    {
        if (argument.Length == 0 || argument.Contains('\0', StringComparison.Ordinal))
        {
            return Nothing(argument, $"{Say.Quoted(argument)} is no file name");
        }

        try
        {
            return File.Exists(Full(argument)) ? [argument]
                : Directory.Exists(Full(argument)) ? InFolder(argument)
                : argument.AsSpan().ContainsAny('*', '?') ? Matching(argument)
                : Nothing(argument, "no such file or folder", NearestFile.Hint(Full(argument)));
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return Nothing(argument, "cannot be read: " + exception.Message);
        }
    }

    private IEnumerable<string> InFolder(string folder)
    {
        string[] files = [.. Directory.EnumerateFiles(Full(folder))
            .Select(static path => Path.GetFileName(path))
            .Where(static name => Endings.Contains(Path.GetExtension(name), StringComparer.OrdinalIgnoreCase))
            .Order(StringComparer.Ordinal)
            .Select(name => Path.Join(folder, name))];
        return files.Length > 0 ? files
            : Nothing(folder, "the folder holds no .yaml or .yml file",
                $"for those in folders below: '{Path.Join(folder, "**", "*.yaml")}'");
    }

    private IEnumerable<string> Matching(string glob)
    {
        string[] parts = glob.Split('/', Path.DirectorySeparatorChar);
        int first = Array.FindIndex(parts, static part => part.AsSpan().ContainsAny('*', '?'));
        string start = string.Join('/', parts.Take(first)) + (first > 0 ? "/" : "");
        string[] files = [.. Walk(start, parts.AsMemory(first)).Distinct().Order(StringComparer.Ordinal)];
        return files.Length > 0 ? files : Nothing(glob, "no file matches", "** stands for any folders, * and ? for any letters");
    }

    /// <summary>Gives the files below a folder (named with its slash, empty for the current one) that match the remaining parts.</summary>
    private IEnumerable<string> Walk(string folder, ReadOnlyMemory<string> parts)
    {
        string full = Full(folder.Length == 0 ? "." : folder);
        if (!Directory.Exists(full))
        {
            return [];
        }

        string part = parts.Span[0];
        ReadOnlyMemory<string> rest = parts[1..];
        if (part == "**")
        {
            IEnumerable<string> here = rest.IsEmpty ? Entries(full, "*", folders: false).Select(name => folder + name) : Walk(folder, rest);
            return here.Concat(Entries(full, "*", folders: true).SelectMany(name => Walk($"{folder}{name}/", parts)));
        }

        return rest.IsEmpty
            ? Entries(full, part, folders: false).Select(name => folder + name)
            : Entries(full, part, folders: true).SelectMany(name => Walk($"{folder}{name}/", rest));
    }

    // As in a shell, a wildcard does not match a leading dot. Links to folders are not followed by it either: they may lead in a circle.
    private static string[] Entries(string full, string pattern, bool folders) =>
        [.. new DirectoryInfo(full).EnumerateFileSystemInfos()
            .Where(entry => folders ? entry is DirectoryInfo && (entry.LinkTarget is null || pattern == entry.Name) : entry is FileInfo)
            .Where(entry => (entry.Name[0] != '.' || pattern[0] == '.')
                && FileSystemName.MatchesSimpleExpression(pattern, entry.Name, ignoreCase: false))
            .Select(static entry => entry.Name)];

    private string Full(string path) => Path.GetFullPath(path, currentDirectory);

    private string[] Nothing(string argument, string message, string? hint = null)
    {
        mistakes.Add(SourceMark.CommandLine, Say.Short(argument), message, hint);
        return [];
    }
}
