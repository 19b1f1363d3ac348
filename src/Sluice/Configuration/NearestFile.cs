namespace Sluice.Configuration;

/// <summary>Finds the file that a missing one was probably meant to be.</summary>
internal static class NearestFile
{
    // A folder can hold a million files, and this is only a hint.
    private const int Looked = 1000;

    /// <summary>Names the file or folder next to the missing path that has the nearest name, or gives null.</summary>
    public static string? Hint(string missing)
    {
        string? folder = Path.GetDirectoryName(missing);
        try
        {
            return Directory.Exists(folder)
                ? NearestName.Hint(Path.GetFileName(missing), Directory.EnumerateFileSystemEntries(folder).Take(Looked)
                    .Select(static path => Path.GetFileName(path)).Order(StringComparer.Ordinal))
                : null;
        }
        catch (Exception exception) when (exception is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
