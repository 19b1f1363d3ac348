namespace Sluice.Cli;

/// <summary>Looks before anything else whether this process may open as many files as it needs: without, .NET dies at places that nobody can catch.</summary>
internal static class OpenFiles
{
    private const int Needed = 256;

    /// <summary>Tells whether there are enough; else says so, without anything that would need a file.</summary>
    public static bool AreEnough()
    {
        if (Allowed() is not (< Needed and var allowed))
        {
            return true;
        }

        Console.Error.WriteLine($"error: only {allowed} files may be open at a time; at least {Needed} are needed");
        Console.Error.WriteLine("hint: ulimit -n 1024");
        return false;
    }

    /// <summary>Returns the soft limit; null where there is none, or none can be read.</summary>
    private static int? Allowed()
    {
        const string Name = "Max open files";
        try
        {
            var line = File.ReadLines("/proc/self/limits").FirstOrDefault(l => l.StartsWith(Name, StringComparison.Ordinal));
            return int.TryParse(line?[Name.Length..].TrimStart().Split(' ')[0], out var limit) ? limit : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }
}
