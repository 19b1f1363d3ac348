using Sluice.Experiments;

namespace Sluice.Cli;

/// <summary>Finds the name of a sweep when the user gives none.</summary>
internal static class SweepName
{
    /// <summary>The folder below <c>runs/</c> that belongs to <c>launch</c>.</summary>
    public const string OfLaunches = "launch";

    private static readonly string[] Plain = ["configs", "config", "conf", "experiments"];

    /// <summary>Returns the given name, or that of the configs' common folder; folders called <c>configs</c> and the like give way to their parent.</summary>
    /// <exception cref="SluiceException">The given name cannot be a folder's name, or the folder is used for something else.</exception>
    public static string Of(string? given, IReadOnlyList<ExperimentPlan> plans)
    {
        if (given is not null)
        {
            return IsReserved(Checked(given, "sweep"))
                ? throw new SluiceException(ErrorKind.Usage, $"`{given}` cannot be the name of a sweep: runs/{OfLaunches} holds the jobs of `sluice launch`", "give the sweep another name with --sweep")
                : given;
        }

        var folder = plans.Select(p => Path.GetDirectoryName(Path.GetFullPath(p.Experiment.Source))!).Aggregate(Common);
        var name = Path.GetFileName(folder);
        if (Plain.Contains(name, StringComparer.OrdinalIgnoreCase))
        {
            name = Path.GetFileName(Path.GetDirectoryName(folder)) ?? name;
        }

        return IsSafe(name) && !IsReserved(name) ? name : "sweep";
    }

    /// <summary>Returns a name that can be a folder's.</summary>
    /// <exception cref="SluiceException">It cannot.</exception>
    public static string Checked(string given, string what) =>
        IsSafe(given) ? given : throw new SluiceException(ErrorKind.Usage, $"`{given}` cannot be the name of a {what}", "use letters, digits, `.`, `_` and `-`, not beginning with a dot");

    /// <summary>Tells whether a name can be a folder's.</summary>
    public static bool IsSafe(string name) => name is { Length: > 0 and <= 100 } && name[0] != '.' && name.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '_' or '-');

    // File systems that do not tell case apart have one folder for both.
    private static bool IsReserved(string name) => name.Equals(OfLaunches, StringComparison.OrdinalIgnoreCase);

    private static string Common(string left, string right)
    {
        while (!(right + "/").StartsWith(left + "/", StringComparison.Ordinal))
        {
            left = Path.GetDirectoryName(left) ?? "/";
        }

        return left;
    }
}
