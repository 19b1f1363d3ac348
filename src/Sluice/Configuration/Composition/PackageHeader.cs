namespace Sluice.Configuration.Composition;

/// <summary>Reads the line <c># @package X</c> that says where a config's content goes.</summary>
internal static class PackageHeader
{
    private const int Searched = 512;

    /// <summary>Gives the package, or null when there is no such line before anything else.</summary>
    /// <exception cref="ConfigException">The line names no package, or several.</exception>
    public static string? Read(string text, string file)
    {
        int number = 0;
        foreach (string line in text[..Math.Min(text.Length, Searched)].Split('\n'))
        {
            number++;
            string trimmed = line.Trim();
            if (trimmed.Length == 0)
            {
                continue;
            }

            string comment = trimmed[0] == '#' ? trimmed[1..].TrimStart() : "";
            if (!comment.StartsWith('@'))
            {
                return null;
            }

            string[] words = comment.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
            if (words.Length < 2)
            {
                throw new ConfigException(ConfigErrorKind.InvalidValue, new SourceMark(file, number, 1), $"Expected header format: KEY VALUE, got '{comment}'",
                    "write `# @package NAME`, or `# @package _global_` for the root");
            }

            if (words.Length > 2)
            {
                throw new ConfigException(ConfigErrorKind.InvalidValue, new SourceMark(file, number, 1), $"Too many components in '{comment}'");
            }

            if (words[0] == "@package")
            {
                return words[1];
            }
        }

        return null;
    }
}
