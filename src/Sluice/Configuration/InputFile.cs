namespace Sluice.Configuration;

/// <summary>Finds a file that a config names: below the current directory first, then beside the config.</summary>
internal static class InputFile
{
    /// <summary>Returns the file's full path; null when it is not given, or is a mistake, which has then been added.</summary>
    public static string? Find(MappingBinder binder, string key, string currentDirectory, string configFolder, bool required = false)
    {
        if (binder.Text(key, required) is not { } path)
        {
            return null;
        }

        if (path.Contains('\0', StringComparison.Ordinal))
        {
            binder.Mistake(key, $"{Say.Quoted(path)} is no path");
            return null;
        }

        string[] places = [.. new[] { Path.GetFullPath(path, currentDirectory), Path.GetFullPath(path, configFolder) }.Distinct()];
        if (Array.Find(places, File.Exists) is { } found)
        {
            return found;
        }

        if (Array.Find(places, Directory.Exists) is { } folder)
        {
            binder.Mistake(key, $"{Say.Quoted(path)} is a folder; expected a file", NearestFile.Hint(Path.Join(folder, "data.jsonl")));
            return null;
        }

        binder.Mistake(key, $"no file {Say.Quoted(path)}; looked for {string.Join(" and ", places)}", places.Select(NearestFile.Hint).FirstOrDefault(static hint => hint is not null));
        return null;
    }
}
