using Sluice.Configuration.Interpolation;
using Sluice.Configuration.Overrides;

namespace Sluice.Configuration.Composition;

/// <summary>Applies overrides of values to a composed config, which is closed by then: only <c>+</c> and <c>++</c> add keys.</summary>
/// <param name="merger">How a mapping is merged into a mapping.</param>
/// <param name="peek">Finds what the reference at a path of a config leads to.</param>
/// <param name="fieldAt">Tells what is known about a path of a config that may be set though no file has it; null for all others.</param>
internal sealed class ValueOverrides(
    ConfigMerger merger, Func<IReadOnlyList<string>, ConfigMapping, ConfigNode?> peek, Func<ConfigMapping, IReadOnlyList<string>, Field?> fieldAt)
{
    /// <summary>Applies one override.</summary>
    /// <exception cref="ConfigException">It does not fit the config.</exception>
    public ConfigMapping Apply(ConfigMapping root, Override change)
    {
        if (change.Package is not null)
        {
            throw Refused(ConfigErrorKind.Composition,
                $"Override {change.Text} looks like a config group override, but config group '{change.Key}' does not exist.");
        }

        IReadOnlyList<string> path = change.Path;
        ConfigNode? value = (change.Value as OverrideElement)?.ToNode();
        if (value is ConfigScalar { Type: ScalarKind.Text } text)
        {
            InterpolationSyntax.Check(text);
        }

        switch (change.Kind)
        {
            case OverrideKind.Delete:
                RequireDeletable(root, change, value);
                return (ConfigMapping)Without(root, path, 0)!;
            case OverrideKind.Add when value is not (ConfigMapping or ConfigSequence) && Select(root, path) is { } there && !IsNothing(there):
                throw Refused(ConfigErrorKind.Composition,
                    $"Could not append to config. An item is already at '{change.Key}'.\nEither remove + prefix: '{change.Text[1..]}'\nOr add a second + to add or override '{change.Key}': '+{change.Text}'");
            case OverrideKind.Add or OverrideKind.Force:
                return (ConfigMapping)With(root, root, path, 0, value!, change, adds: true);
            default:
                return (ConfigMapping)With(root, root, path, 0, value!, change, adds: fieldAt(root, path) is not null);
        }
    }

    private ConfigNode With(ConfigMapping root, ConfigNode container, IReadOnlyList<string> path, int at, ConfigNode value, Override change, bool adds)
    {
        string key = path[at];
        bool isLast = at == path.Count - 1;
        switch (container)
        {
            case ConfigSequence list:
                if (!int.TryParse(key, out int place))
                {
                    throw Refused(ConfigErrorKind.InvalidValue, $"Error merging override {change.Text}\n'{key}' is no place in a list",
                        $"name the place, from 0: {string.Join('.', path.Take(at))}.0");
                }

                if (place < 0 || place >= list.Items.Count)
                {
                    throw Refused(ConfigErrorKind.Type, $"Error merging override {change.Text}\nlist index out of range",
                        $"`{string.Join('.', path.Take(at))}` has {Say.Count(list.Items.Count, "item")}, counted from 0");
                }

                return list.With(place, Below(list.Items[place]));
            case ConfigMapping mapping:
                if (!mapping.TryGet(key, out ConfigNode? child) && !adds)
                {
                    throw NotThere(root, mapping, path, at, change);
                }

                return mapping.With(key, Below(child));
            default:
                throw new InvalidOperationException("A container was expected.");
        }

        ConfigNode Below(ConfigNode? child)
        {
            if (isLast)
            {
                return child is ConfigMapping or ConfigSequence && value is ConfigMapping or ConfigSequence ? Merged(root, child!, path, value, change, adds) : value;
            }

            ConfigNode? inner = child;
            if (!adds || change.Kind == OverrideKind.Change)
            {
                // What a reference leads to is copied here before it is changed: the others that refer to it keep theirs.
                inner = Opened(root, child, [.. path.Take(at + 1)]);
            }

            return With(root, inner as ConfigMapping ?? inner as ConfigSequence ?? Empty(root, [.. path.Take(at + 1)], change), path, at + 1, value, change, adds);
        }
    }

    private ConfigNode Empty(ConfigMapping root, IReadOnlyList<string> path, Override change) => change.Kind == OverrideKind.Change && fieldAt(root, path) is { IsList: true }
        ? new ConfigSequence([], SourceMark.CommandLine)
        : new ConfigMapping([], SourceMark.CommandLine);

    private ConfigNode? Opened(ConfigMapping root, ConfigNode? child, IReadOnlyList<string> path) => child switch
    {
        ConfigScalar { Type: ScalarKind.Text } text when !InterpolationSyntax.IsPlain(text.Text) => peek(path, root) ?? child,
        ConfigScalar { Type: ScalarKind.Text } text when fieldAt(root, path)?.Shorthand is { } shorthand =>
            new ConfigMapping([new ConfigEntry(shorthand, text.Mark, text)], text.Mark),
        _ => child,
    };

    private ConfigNode Merged(ConfigMapping root, ConfigNode child, IReadOnlyList<string> path, ConfigNode value, Override change, bool adds)
    {
        if (child is ConfigMapping && value is ConfigMapping changes && !adds)
        {
            RequireKnown(root, (ConfigMapping)child, changes, path, change);
        }

        try
        {
            return merger.Over(child, value, root, path);
        }
        catch (ConfigException error) when (error.Kind == ConfigErrorKind.MergeType)
        {
            throw Refused(ConfigErrorKind.Type, $"Error merging override {change.Text}\n{error.Message}", error.Hint);
        }
    }

    /// <summary>A mapping that is merged may bring no keys either.</summary>
    private void RequireKnown(ConfigMapping root, ConfigMapping old, ConfigMapping changes, IReadOnlyList<string> path, Override change)
    {
        foreach (ConfigEntry entry in changes.Entries)
        {
            string[] inner = [.. path, entry.Key];
            if (!old.TryGet(entry.Key, out ConfigNode? child))
            {
                if (fieldAt(root, inner) is null)
                {
                    throw NotThere(root, old, inner, inner.Length - 1, change);
                }
            }
            else if (child is ConfigMapping mapping && entry.Value is ConfigMapping more)
            {
                RequireKnown(root, mapping, more, inner, change);
            }
        }
    }

    private ConfigException NotThere(ConfigMapping root, ConfigMapping mapping, IReadOnlyList<string> path, int at, Override change)
    {
        IReadOnlyList<string> above = [.. path.Take(at)];
        string? nearest = NearestName.Of(path[at], mapping.Keys.Concat(fieldAt(root, above)?.Inner?.Names ?? []));
        string? meant = fieldAt(root, [EmbeddedExperiment.Key, .. path]) is not null ? string.Join('.', [EmbeddedExperiment.Key, .. path])
            : nearest is not null ? string.Join('.', [.. above, nearest, .. path.Skip(at + 1)])
            : path.Count == 1 ? PathsEndingWith(root, "", path[0]).Concat(Fields(path[0])).FirstOrDefault()
            : null;
        // A mapping may bring many keys.
        string which = path.Count > change.Path.Count ? $"\nKey '{path[at]}' is not in struct\n    full_key: {string.Join('.', path)}" : "";
        return Refused(ConfigErrorKind.Struct, $"Could not override '{change.Key}'.\nTo append to your config use +{change.Text}{which}",
            meant is null ? null : $"did you mean \"{meant}\"?");

        IEnumerable<string> Fields(string key) => (fieldAt(root, [])?.Inner?.Paths() ?? [])
            .Where(field => field.EndsWith("." + key, StringComparison.Ordinal) && !field.Contains('#', StringComparison.Ordinal));
    }

    private static IEnumerable<string> PathsEndingWith(ConfigMapping mapping, string prefix, string key) => mapping.Entries.SelectMany(entry =>
        entry.Key == key ? [prefix + key]
        : entry.Value is ConfigMapping inner ? PathsEndingWith(inner, $"{prefix}{entry.Key}.", key)
        : []);

    private static void RequireDeletable(ConfigMapping root, Override change, ConfigNode? value)
    {
        if (Select(root, change.Path) is not { } there || IsNothing(there))
        {
            throw Refused(ConfigErrorKind.Composition, $"Could not delete from config. '{change.Key}' does not exist.");
        }

        if (value is not (null or ConfigScalar { Type: ScalarKind.Null }) && !SameValue(there, value))
        {
            throw Refused(ConfigErrorKind.Composition, $"Could not delete from config. The value of '{change.Key}' is {PythonText.Of(there)} and not {PythonText.Of(value)}.");
        }
    }

    private static ConfigNode Without(ConfigNode container, IReadOnlyList<string> path, int at)
    {
        bool isLast = at == path.Count - 1;
        return container switch
        {
            ConfigMapping mapping when isLast => mapping.Without(path[at]),
            ConfigMapping mapping => mapping.With(path[at], Without(mapping.Entries[mapping.PlaceOf(path[at])].Value, path, at + 1)),
            ConfigSequence list when !isLast => list.With(int.Parse(path[at]), Without(list.Items[int.Parse(path[at])], path, at + 1)),
            _ => throw Refused(ConfigErrorKind.Composition, $"Could not delete from config. '{string.Join('.', path)}' is an item of a list", "give the whole list anew"),
        };
    }

    private static ConfigNode? Select(ConfigMapping root, IReadOnlyList<string> path)
    {
        ConfigNode? node = root;
        foreach (string key in path)
        {
            node = node switch
            {
                ConfigMapping mapping when mapping.TryGet(key, out ConfigNode? child) => child,
                ConfigSequence list when int.TryParse(key, out int place) && place >= 0 && place < list.Items.Count => list.Items[place],
                _ => null,
            };
            if (node is null)
            {
                return null;
            }
        }

        return node;
    }

    private static bool IsNothing(ConfigNode node) => node is ConfigScalar { Type: ScalarKind.Null } || ConfigMerger.IsMissing(node);

    // As in Python, 1 and 1.0 are equal.
    private static bool SameValue(ConfigNode left, ConfigNode right) => (left, right) switch
    {
        (ConfigScalar { Type: ScalarKind.Integer or ScalarKind.Number } a, ConfigScalar { Type: ScalarKind.Integer or ScalarKind.Number } b) => a.Number == b.Number,
        (ConfigScalar { Type: ScalarKind.Boolean } a, ConfigScalar { Type: ScalarKind.Boolean } b) => a.Boolean == b.Boolean,
        _ => left.SameAs(right),
    };

    private static ConfigException Refused(ConfigErrorKind kind, string message, string? hint = null) => new(kind, SourceMark.CommandLine, message, hint);
}
