using System.Security.Cryptography;
using System.Text;
using Sluice.Configuration;
using Sluice.Experiments;
using Sluice.Storage;

namespace Sluice.Sweeps;

/// <summary>A folder of results that an experiment takes over from one with other choices.</summary>
/// <param name="Name">The name that both have.</param>
/// <param name="Before">How the earlier one was made: its config and overrides.</param>
/// <param name="Now">How the new one is made.</param>
/// <param name="Aside">The name under which the earlier one goes on, since it waits for batches; null when it does not.</param>
public sealed record TakenFolder(string Name, string Before, string Now, string? Aside)
{
    // A name holds 100 characters, and the mark of a displaced experiment is nine of them.
    private const int LongestKept = 91;

    /// <summary>What does not change results: how requests travel, how many there may be, and how much of the experiment is done.</summary>
    private static readonly string[] WithoutMeaning = ["name", "batch_mode", "live", "batch", "budget", "memory", "simulator", "epochs", "cache"];

    /// <summary>Finds the folders that a sweep would take over.</summary>
    /// <param name="workspace">The workspace.</param>
    /// <param name="sweep">The sweep's name.</param>
    /// <param name="plans">Its experiments.</param>
    public static IReadOnlyList<TakenFolder> Find(Workspace workspace, string sweep, IReadOnlyList<ExperimentPlan> plans)
    {
        ArgumentNullException.ThrowIfNull(workspace);
        ArgumentNullException.ThrowIfNull(plans);
        return [.. FindAll(workspace.SweepFolder(sweep), plans.Select(p => p.Experiment)).Select(found => found.Taken)];
    }

    /// <summary>Keeps what is needed to go on with the experiments that wait for batches and lose their folders.</summary>
    /// <returns>What the manifest is to say of them.</returns>
    internal static IReadOnlyList<ManifestEntry> SetAside(string folder, IEnumerable<Experiment> experiments)
    {
        var kept = new List<ManifestEntry>();
        foreach (var (taken, entry, config) in FindAll(folder, experiments))
        {
            if (taken.Aside is { } name)
            {
                AtomicFile.WriteText(Path.Combine(folder, name, "config.yaml"), YamlPrinter.Print(config.With("name", ConfigScalar.OfText(name, config.Mark))));
                kept.Add(entry with { Name = name });
            }
        }

        return kept;
    }

    private static IEnumerable<(TakenFolder Taken, ManifestEntry Entry, ConfigMapping Config)> FindAll(string folder, IEnumerable<Experiment> experiments)
    {
        var entries = SweepManifest.EntriesIn(folder).DistinctBy(e => e.Name).ToDictionary(e => e.Name, StringComparer.Ordinal);
        foreach (var experiment in experiments)
        {
            var path = Path.Combine(folder, experiment.Name, "config.yaml");
            if (experiment.Overrides is not { } overrides || !entries.TryGetValue(experiment.Name, out var entry) || entry.Overrides is not { } before
                || IsSame(entry, before, experiment, overrides) || Read(path) is not { } old)
            {
                continue;
            }

            if (Substance(old).SameValuesAs(Substance((ConfigMapping)YamlReader.Read(experiment.ComposedYaml, path))))
            {
                continue;
            }

            var taken = new TakenFolder(experiment.Name, Describe(entry.Source, before), Describe(experiment.Source, overrides), entry.Batches.Count > 0 ? AsideName(experiment.Name, old) : null);
            yield return (taken, entry, old);
        }
    }

    /// <summary>Reads a composed config; null when there is none that can be read, and so nothing to go on with.</summary>
    private static ConfigMapping? Read(string path)
    {
        try
        {
            return File.Exists(path) ? ConfigFile.Read(path, "/") : null;
        }
        catch (ConfigException)
        {
            return null;
        }
    }

    // A file that was edited since is normal work, and so is one that has moved.
    private static bool IsSame(ManifestEntry entry, IReadOnlyList<string> before, Experiment experiment, IReadOnlyList<string> overrides) =>
        Path.GetFileName(entry.Source) == Path.GetFileName(experiment.Source) && before.ToHashSet(StringComparer.Ordinal).SetEquals(overrides);

    private static ConfigMapping Substance(ConfigMapping config)
    {
        var rest = WithoutMeaning.Aggregate(config, (fields, key) => fields.Without(key));
        // Studies with scopes of their own share no answers.
        if (config.TryGet("cache", out var node) && node is ConfigMapping cache && cache.TryGet("scope", out var scope))
        {
            rest = rest.With("cache", scope);
        }

        return rest.TryGet("dataset", out node) && node is ConfigMapping dataset ? rest.With("dataset", dataset.Without("limit")) : rest;
    }

    private static string Describe(string source, IReadOnlyList<string> overrides) => string.Join(' ', [Path.GetFileName(source), .. overrides]);

    private static string AsideName(string name, ConfigMapping config) =>
        $"{name[..Math.Min(name.Length, LongestKept)]}@{Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(YamlPrinter.Print(config))))[..8]}";
}
