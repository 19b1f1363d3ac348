using Sluice.Experiments;

namespace Sluice.Cli;

/// <summary>Finds the name of a sweep when the user gives none.</summary>
internal static class SweepName
{
    private static readonly string[] Plain = ["configs", "config", "conf", "experiments"];

    /// <summary>Returns the given name, or that of the configs' common folder; folders called <c>configs</c> and the like give way to their parent.</summary>
    /// <exception cref="SluiceException">The given name cannot be a folder's name.</exception>
    public static string Of(string? given, IReadOnlyList<ExperimentPlan> plans)
    {
        if (given is not null)
        {
            return Checked(given, "sweep");
        }

        var folder = plans.Select(p => Path.GetDirectoryName(Path.GetFullPath(p.Experiment.Source))!).Aggregate(Common);
        var name = Path.GetFileName(folder);
        if (Plain.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            name = Path.GetFileName(Path.GetDirectoryName(folder)) ?? name;
        }

        return IsSafe(name) ? name : "sweep";
    }

    /// <summary>Returns a name that can be a folder's.</summary>
    /// <exception cref="SluiceException">It cannot.</exception>
    public static string Checked(string given, string what) =>
        IsSafe(given) ? given : throw new SluiceException(ErrorKind.Usage, $"`{given}` cannot be the name of a {what}", "use letters, digits, `.`, `_` and `-`, not beginning with a dot");

    /// <summary>Tells whether a name can be a folder's.</summary>
    public static bool IsSafe(string name) => name is { Length: > 0 and <= 100 } && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    private static string Common(string left, string right)
    {
        while (!(right + "/").StartsWith(left + "/", StringComparison.Ordinal))
        {
            left = Path.GetDirectoryName(left) ?? "/";
        }

        return left;
    }
}
