namespace Sluice.Configuration;

/// <summary>Applies overrides, in their order, to a config that is not interpolated yet.</summary>
internal sealed class OverrideApplier
{
    private static readonly Field Root = new("", ExperimentFields.Experiment);

    private readonly ConfigMapping _root;
    private readonly Override _change;
    private readonly MistakeList _mistakes;

    private OverrideApplier(ConfigMapping root, Override change, MistakeList mistakes)
    {
        _root = root;
        _change = change;
        _mistakes = mistakes;
    }

    /// <summary>Applies all overrides; one that does not fit becomes a mistake and changes nothing.</summary>
    public static ConfigMapping Apply(ConfigMapping root, IReadOnlyList<Override> overrides, MistakeList mistakes)
    {
        foreach (Override change in overrides)
        {
            if (new OverrideApplier(root, change, mistakes).Change(root, 0, Root) is not ConfigMapping changed)
            {
                continue;
            }

            if (ConfigLimits.Broken(changed) is { } limit)
            {
                mistakes.Add(SourceMark.CommandLine, change.Key, limit);
                continue;
            }

            root = changed;
        }

        return root;
    }

    /// <summary>Gives the node with the change made below it, or null after a mistake.</summary>
    private ConfigNode? Change(ConfigNode? node, int level, Field? field) => Opened(node, field) switch
    {
        ConfigMapping mapping => ChangeMapping(mapping, level, field),
        ConfigSequence sequence => ChangeSequence(sequence, level, field),
        _ when _change.Action is OverrideAction.Add or OverrideAction.Force =>
            ChangeMapping(new ConfigMapping([], SourceMark.CommandLine), level, field),
        ConfigNode other => Mistake($"{Written(level)} is {Say.Found(other)}, which has no keys"),
        _ => Mistake("no such key"),
    };

    private ConfigNode? ChangeMapping(ConfigMapping mapping, int level, Field? field)
    {
        string key = _change.Path[level];
        Field? inner = null;
        bool known = field is not null && field.TryInner(key, out inner);
        bool exists = mapping.TryGet(key, out ConfigNode? old);
        bool last = level == _change.Path.Count - 1;
        if (!exists && (_change.Action == OverrideAction.Delete || (_change.Action == OverrideAction.Set && !known)))
        {
            return Mistake("no such key", NearestKey(mapping, level, field));
        }

        if (!last)
        {
            return Change(old, level + 1, inner) is { } changed ? mapping.With(key, changed) : null;
        }

        if (_change.Action == OverrideAction.Delete)
        {
            return _change.Value is null || _change.Value.SameAs(old!)
                ? mapping.Without(key)
                : Mistake($"is {Say.Found(old!)} and not {Say.Found(_change.Value)}, so it is not deleted");
        }

        if (_change.Action == OverrideAction.Add && old is not (null or ConfigScalar { Type: ScalarKind.Null })
            && !(old is ConfigMapping && _change.Value is ConfigMapping))
        {
            return Mistake($"is already set, to {Say.Found(old)}", $"write {_change.Key}=... to change it");
        }

        return mapping.With(key, ConfigMerge.Over(old is null ? null : Opened(old, null), _change.Value!));
    }

    private ConfigNode? ChangeSequence(ConfigSequence sequence, int level, Field? field)
    {
        if (!int.TryParse(_change.Path[level], out int place))
        {
            return Mistake($"{Written(level)} is a list", $"name the place, from 0: {Written(level)}.0");
        }

        if (place >= sequence.Items.Count)
        {
            return Mistake($"{Written(level)} has {Say.Count(sequence.Items.Count, "item")}, so there is no {Written(level + 1)}",
                "places count from 0");
        }

        if (level < _change.Path.Count - 1)
        {
            Field? item = field?.IsOpen == true ? field : field?.Item;
            return Change(sequence.Items[place], level + 1, item) is { } changed ? sequence.With(place, changed) : null;
        }

        return _change.Action == OverrideAction.Delete
            ? Mistake("an item of a list cannot be deleted", $"give the whole list: {Written(level)}=[...]")
            : sequence.With(place, ConfigMerge.Over(sequence.Items[place], _change.Value!));
    }

    /// <summary>Gives the mapping or list that a value stands for: an interpolated one, the shorthand's, or a new one for a known
    /// field.</summary>
    private ConfigNode? Opened(ConfigNode? node, Field? field) => node switch
    {
        ConfigScalar { Type: ScalarKind.Text } text when InterpolatedText.WholePath(text.Text) is not null =>
            ConfigLookup.Follow(_root, text) is { } target and not ConfigScalar ? target : node,
        ConfigScalar { Type: ScalarKind.Text } text when field?.Shorthand is { } shorthand =>
            new ConfigMapping([new ConfigEntry(shorthand, text.Mark, text)], text.Mark),
        null or ConfigScalar { Type: ScalarKind.Null } when field is not null =>
            field.IsList ? new ConfigSequence([], SourceMark.CommandLine) : new ConfigMapping([], SourceMark.CommandLine),
        _ => node,
    };

    private string NearestKey(ConfigMapping mapping, int level, Field? field)
    {
        string key = _change.Path[level];
        string? nearest = NearestName.Of(key, mapping.Keys.Concat(field?.Inner?.Names ?? []));
        if (nearest is not null)
        {
            return $"did you mean \"{string.Join('.', [.. _change.Path.Take(level), nearest, .. _change.Path.Skip(level + 1)])}\"?";
        }

        string? elsewhere = _change.Path.Count == 1
            ? PathsEndingWith(_root, "", key).Concat(ExperimentFields.Experiment.Paths().Where(EndsWithKey)).FirstOrDefault()
            : null;
        return elsewhere is not null ? $"did you mean \"{elsewhere}\"?"
            : _change.Action == OverrideAction.Delete ? "nothing to delete"
            : $"write +{_change.Key}=... to add a key of your own";

        bool EndsWithKey(string path) =>
            path.EndsWith("." + key, StringComparison.Ordinal) && !path.Contains('#', StringComparison.Ordinal);
    }

    private static IEnumerable<string> PathsEndingWith(ConfigMapping mapping, string prefix, string key) =>
        mapping.Entries.SelectMany(entry =>
        entry.Key == key ? [prefix + key]
        : entry.Value is ConfigMapping inner ? PathsEndingWith(inner, $"{prefix}{entry.Key}.", key)
        : []);

    private string Written(int levels) => string.Join('.', _change.Path.Take(levels));

    private ConfigNode? Mistake(string message, string? hint = null)
    {
        _mistakes.Add(SourceMark.CommandLine, _change.Key, message, hint);
        return null;
    }
}
