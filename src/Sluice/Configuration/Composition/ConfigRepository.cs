using System.Collections.Concurrent;

namespace Sluice.Configuration.Composition;

/// <summary>All configs on the search path; the first root that has a config wins. Each file is read once, however many jobs use it.
/// Thread-safe.</summary>
internal sealed class ConfigRepository(IReadOnlyList<ConfigSource> sources, bool acceptPlugins)
{
    private readonly ConcurrentDictionary<string, LoadedConfig?> _configs = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, bool> _groups = new(StringComparer.Ordinal);

    /// <summary>Gives a config, or null when no root has it.</summary>
    /// <exception cref="ConfigException">It cannot be read.</exception>
    public LoadedConfig? Load(string name) => _configs.GetOrAdd(WithoutEnding(name), static (name, self) => self.Read(name), this);

    /// <summary>Says whether some root has a folder of that path.</summary>
    public bool HasGroup(string group) => _groups.GetOrAdd(group, static (group, sources) => sources.Any(source => source.HasGroup(group)), sources);

    /// <summary>Gives the names of a group's configs over all roots, sorted.</summary>
    public IReadOnlyList<string> Options(string group) =>
        [.. sources.SelectMany(source => source.Options(group)).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)];

    /// <summary>Gives the group beside a group that was probably meant; null when nothing is like it.</summary>
    public string? NearestGroup(string group)
    {
        int slash = group.LastIndexOf('/');
        string? nearest = NearestName.Of(group[(slash + 1)..], sources.SelectMany(source => source.Groups(slash < 0 ? "" : group[..slash])).Distinct(StringComparer.Ordinal));
        return nearest is null ? null : group[..(slash + 1)] + nearest;
    }

    /// <summary>Gives the roots as lines of a message.</summary>
    public string Describe() => "Config search path:" + string.Concat(sources.Select(static source => $"\n\tprovider={source.Provider}, path={source.Location}"));

    /// <summary>Gives a repository with more roots at the end.</summary>
    public ConfigRepository With(IEnumerable<ConfigSource> more)
    {
        // Hydra's own come last, as its structured configs do.
        IEnumerable<ConfigSource> users = sources.Where(static source => source is not BuiltInSource);
        return new ConfigRepository([.. users, .. more, .. sources.OfType<BuiltInSource>()], acceptPlugins);
    }

    private LoadedConfig? Read(string name)
    {
        foreach (ConfigSource source in sources)
        {
            if (source.Read(name) is { } found)
            {
                return LoadedConfig.Parse(name, found.Text, found.File);
            }
        }

        return acceptPlugins && BuiltInSource.IsPlugin(name) ? LoadedConfig.Parse(name, "", name) : null;
    }

    private static string WithoutEnding(string name) => name.EndsWith(".yaml", StringComparison.Ordinal) ? name[..^".yaml".Length] : name;
}
