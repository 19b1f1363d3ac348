using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Sluice.Configuration;
using Sluice.Configuration.Overrides;

namespace Sluice.Launching;

/// <summary>Makes the jobs of a launch: every combination of the overrides' values, put into the command.</summary>
internal static class LaunchPlan
{
    private const string Overrides = "{}";

    // A launch keeps a line for each job in memory; whoever means more has mistyped a range.
    private const int MostJobs = 100_000;

    /// <summary>Makes the jobs.</summary>
    /// <param name="options">What to launch.</param>
    /// <param name="numberOf">Gives the number of a job by its key.</param>
    /// <exception cref="SluiceException">An override is wrong, or there are too many jobs.</exception>
    public static IReadOnlyList<LaunchJob> Make(LaunchOptions options, Func<string, int> numberOf)
    {
        try
        {
            return Expand(options, numberOf);
        }
        catch (ConfigException error)
        {
            throw new SluiceException(ErrorKind.Usage, error.Message, error.Hint, error);
        }
    }

    /// <summary>Puts a job's overrides, number and name into the command; the overrides come last when it has no place for them.</summary>
    internal static IReadOnlyList<string> Fill(IReadOnlyList<string> command, IReadOnlyList<string> overrides, int number, string name)
    {
        var words = new List<string>();
        foreach (var word in command)
        {
            if (word == Overrides)
            {
                words.AddRange(overrides);
            }
            else
            {
                words.Add(word.Replace("{job}", number.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal)
                    .Replace(Overrides, string.Join(' ', overrides), StringComparison.Ordinal)
                    .Replace("{name}", name, StringComparison.Ordinal));
            }
        }

        if (!command.Any(word => word.Contains(Overrides, StringComparison.Ordinal)))
        {
            words.AddRange(overrides);
        }

        return words;
    }

    private static List<LaunchJob> Expand(LaunchOptions options, Func<string, int> numberOf)
    {
        List<Override> overrides = [.. options.Overrides.Select(Override.Parse)];
        if (!options.Multirun)
        {
            overrides.ForEach(one => one.RequireSingle());
        }

        if (SweepExpansion.Count(overrides, NoGroups) is > MostJobs and var count)
        {
            throw new SluiceException(ErrorKind.Usage, $"the overrides make {count.ToString("N0", CultureInfo.InvariantCulture)} jobs", $"{MostJobs:N0} are the limit");
        }

        string[] hydra = [.. overrides.Where(one => one.IsHydra).Select(one => one.Text)];
        var seen = new Dictionary<string, int>(StringComparer.Ordinal);
        var jobs = new List<LaunchJob>();
        foreach (var values in SweepExpansion.Jobs(overrides, NoGroups))
        {
            string[] texts = [.. values.Select(one => one.Text), .. hydra];
            var key = Key(options.Command, texts);
            // The same job twice is two jobs.
            seen[key] = seen.GetValueOrDefault(key) + 1;
            key = seen[key] == 1 ? key : string.Create(CultureInfo.InvariantCulture, $"{key}-{seen[key]}");
            var number = numberOf(key);
            var name = OverrideDirname.Of(values, "=", ",", []);
            jobs.Add(new LaunchJob(number, key, name, texts, Fill(options.Command, texts, number, name)));
        }

        DeclaredMemory.RequireJobs(options.Declared, jobs);
        return jobs;
    }

    private static IReadOnlyList<string> NoGroups(string group) =>
        throw new SluiceException(ErrorKind.Usage, $"`{group}=glob(...)`: a launched program's config groups are not known here", "name the values: a,b,c");

    private static string Key(IReadOnlyList<string> command, IReadOnlyList<string> overrides) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\0', [.. command, "", .. overrides])))[..10]);
}
