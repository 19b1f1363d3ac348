using Sluice.Configuration.Interpolation;

namespace Sluice.Configuration.Composition;

/// <summary>Puts one config over another, as OmegaConf does: mappings are merged key by key, everything else replaces.</summary>
internal sealed class ConfigMerger
{
    private readonly Func<IReadOnlyList<string>, ConfigMapping, ConfigNode?> _peek;

    /// <summary>Creates a merger.</summary>
    /// <param name="peek">Finds what the reference at a path of a config leads to.</param>
    public ConfigMerger(Func<IReadOnlyList<string>, ConfigMapping, ConfigNode?> peek) => _peek = peek;

    /// <summary>Merges content at a dotted place into a config.</summary>
    /// <exception cref="ConfigException">A mapping meets a list.</exception>
    public ConfigMapping Into(ConfigMapping root, string package, ConfigNode content)
    {
        ConfigNode placed = content;
        if (package.Length > 0)
        {
            foreach (string key in package.Split('.').Reverse())
            {
                placed = new ConfigMapping([new ConfigEntry(key, content.Mark, placed)], content.Mark);
            }
        }

        return (ConfigMapping)Over(root, placed, root, []);
    }

    /// <summary>Merges a value into the one at a path.</summary>
    public ConfigNode Over(ConfigNode? below, ConfigNode above, ConfigMapping root, IReadOnlyList<string> path)
    {
        if (below is null)
        {
            return above;
        }

        if (IsMissing(above))
        {
            return below;
        }

        if (above is ConfigMapping && below is ConfigScalar { Type: ScalarKind.Text } text && !InterpolationSyntax.IsPlain(text.Text)
            && _peek(path, root) is ConfigMapping target)
        {
            // A reference to a mapping: what it leads to is copied here, and the link is lost.
            below = target;
        }

        return (below, above) switch
        {
            (ConfigMapping old, ConfigMapping changes) => Merged(old, changes, root, path),
            (ConfigMapping, ConfigSequence) or (ConfigSequence, ConfigMapping) =>
                throw new ConfigException(ConfigErrorKind.MergeType, above.Mark, "Cannot merge DictConfig with ListConfig",
                    $"`{string.Join('.', path)}` is {below.Kind} in {below.Mark}"),
            _ => above,
        };
    }

    public static bool IsMissing(ConfigNode node) => node is ConfigScalar { Type: ScalarKind.Text, Text: OptionChoice.Mandatory };

    private ConfigMapping Merged(ConfigMapping old, ConfigMapping changes, ConfigMapping root, IReadOnlyList<string> path)
    {
        if (changes.Entries.Count == 0)
        {
            return old;
        }

        var entries = new List<ConfigEntry>(old.Entries.Count + changes.Entries.Count);
        entries.AddRange(old.Entries);
        foreach (ConfigEntry change in changes.Entries)
        {
            int place = old.PlaceOf(change.Key);
            if (place < 0)
            {
                entries.Add(change);
            }
            else
            {
                entries[place] = entries[place] with { Value = Over(entries[place].Value, change.Value, root, [.. path, change.Key]) };
            }
        }

        return new ConfigMapping(entries, old.Mark);
    }
}
