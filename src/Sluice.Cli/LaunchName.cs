namespace Sluice.Cli;

/// <summary>Finds the name of a launch when the user gives none.</summary>
internal static class LaunchName
{
    /// <summary>Returns the name of the first word that looks like a script, or that of the program.</summary>
    public static string Of(IReadOnlyList<string> command)
    {
        var script = command.Skip(1).FirstOrDefault(word => !word.StartsWith('-') && Path.GetExtension(word).Length > 1 && SweepName.IsSafe(Name(word)));
        var name = Name(script ?? command[0]);
        return SweepName.IsSafe(name) ? name : "launch";
    }

    private static string Name(string word) => Path.GetFileNameWithoutExtension(word);
}
