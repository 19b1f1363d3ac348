using Sluice.Configuration.Interpolation;
using Sluice.Configuration.Overrides;

namespace Sluice.Configuration.Composition;

/// <summary>The choices of config groups made from outside a defaults list: on the command line, and by <c>override</c> items; and those known so
/// far.</summary>
internal sealed class GroupChoices
{
    private readonly Dictionary<string, Chosen> _chosen = new(StringComparer.Ordinal);
    private readonly Dictionary<string, (string? Option, bool Used)> _deleted = new(StringComparer.Ordinal);
    private readonly Dictionary<string, OptionChoice?> _known = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SourceMark> _knownFrom = new(StringComparer.Ordinal);
    private readonly Dictionary<string, SortedSet<string>> _keysOfGroup = new(StringComparer.Ordinal);
    private readonly List<DefaultsItem> _appended = [];
    private readonly List<Override> _values = [];

    /// <summary>Sorts command-line overrides into choices of groups and changes of values.</summary>
    /// <exception cref="ConfigException">One cannot be what it looks like.</exception>
    public GroupChoices(ConfigRepository repository, IReadOnlyList<Override> overrides)
    {
        foreach (Override change in overrides)
        {
            ConfigNode? value = (change.Value as OverrideElement)?.ToNode();
            if (value is ConfigMapping || !repository.HasGroup(change.Key))
            {
                _values.Add(change);
            }
            else
            {
                try
                {
                    Take(change, value);
                }
                catch (ConfigException error)
                {
                    throw error.FromCommandLineAt(change.Mark);
                }
            }
        }
    }

    /// <summary>Gets the overrides that change values, in order.</summary>
    public IReadOnlyList<Override> Values => _values;

    /// <summary>Gets what <c>+group=option</c> appends to the primary config's defaults list.</summary>
    public IReadOnlyList<DefaultsItem> Appended => _appended;

    /// <summary>Gets the choices made so far, by override key.</summary>
    public IReadOnlyDictionary<string, OptionChoice?> Known => _known;

    /// <summary>Registers an <c>override</c> item; the first one for a key stays.</summary>
    public void Add(DefaultsNode node) => _chosen.TryAdd(node.OverrideKey, new Chosen(node.Choice, node));

    /// <summary>Gives a node the choice made elsewhere, if there is one.</summary>
    public void Apply(DefaultsNode node)
    {
        if (node.IsGroup && _chosen.TryGetValue(node.OverrideKey, out Chosen? chosen))
        {
            chosen.IsUsed = true;
            (node.Choice, node.ChosenBy) = (chosen.Choice, new ChoiceOrigin(chosen.Node));
        }
    }

    /// <summary>Says whether a node is deleted on the command line.</summary>
    public bool TryDelete(DefaultsNode node)
    {
        if (!node.IsGroup || !_deleted.TryGetValue(node.OverrideKey, out (string? Option, bool Used) deletion)
            || (deletion.Option is { } option && node.Choice?.Text != option))
        {
            return false;
        }

        _deleted[node.OverrideKey] = (deletion.Option, true);
        return true;
    }

    /// <summary>Remembers the choice of a node.</summary>
    /// <exception cref="ConfigException">There is another one already.</exception>
    public void Know(DefaultsNode node)
    {
        string key = node.OverrideKey;
        if (!_known.TryAdd(key, node.Choice) && _known[key]?.Text != node.Choice?.Text)
        {
            // One of the two is Hydra's own, or was added on the command line: the other one is to be changed.
            SourceMark first = _knownFrom[key];
            throw new ConfigException(ConfigErrorKind.Composition, first == SourceMark.CommandLine || BuiltInSource.Has(node.Item.Mark.File) ? first : node.Item.Mark,
                $"Multiple values for {key}. To override a value use 'override {key}: {_known[key]?.Text}'",
                first == SourceMark.CommandLine ? $"the choice is there already, in {node.Item.Mark}: {key}=... without the + changes it" : null);
        }

        _knownFrom.TryAdd(key, node.Item.Mark);

        if (!_keysOfGroup.TryGetValue(node.GroupPath, out SortedSet<string>? keys))
        {
            _keysOfGroup.Add(node.GroupPath, keys = new SortedSet<string>(StringComparer.Ordinal));
        }

        keys.Add(key);
    }

    /// <summary>Makes sure that every choice and deletion has met what it was about.</summary>
    /// <exception cref="ConfigException">One has not.</exception>
    public void RequireUsed()
    {
        foreach ((string key, Chosen chosen) in _chosen)
        {
            if (!chosen.IsUsed)
            {
                throw Unmatched(key, chosen);
            }
        }

        foreach ((string key, (string? option, bool used)) in _deleted)
        {
            if (!used)
            {
                throw Refused(ConfigErrorKind.Composition, $"Could not delete '{(option is null ? key : $"{key}={option}")}'. No match in the defaults list");
            }
        }
    }

    private void Take(Override change, ConfigNode? value)
    {
        string key = change.Package is null ? change.Key : $"{change.Key}@{change.Package}";
        if (change.Kind == OverrideKind.Force)
        {
            throw Refused(ConfigErrorKind.Composition, $"force-add of config groups is not supported: '{change.Text}'", $"write +{key}=...");
        }

        if (change.Kind == OverrideKind.Delete)
        {
            _deleted[key] = value switch
            {
                null or ConfigScalar { Type: ScalarKind.Null } => (null, false),
                ConfigScalar { Type: ScalarKind.Text } text => (text.Text, false),
                _ => throw Refused(ConfigErrorKind.InvalidValue, $"Config group override deletion value must be a string : {change.Text}"),
            };
            return;
        }

        OptionChoice choice = OptionChoice.Of(value!, node => NoOption(node, change)) ?? throw NoOption(value!, change);
        if (change.Kind == OverrideKind.Add)
        {
            _appended.Add(DefaultsItem.Appended(change.Key, change.Package, choice));
        }
        else
        {
            _chosen[key] = new Chosen(choice, null);
        }
    }

    private ConfigException Unmatched(string key, Chosen chosen)
    {
        string group = key.Split('@')[0];
        string message = $"Could not override '{key}'." + _keysOfGroup.GetValueOrDefault(group) switch
        {
            null => " No match in the defaults list.",
            { Count: 1 } one => $"\nDid you mean to override {one.Min}?",
            var several => $"\nDid you mean to override one of {string.Join(", ", several)}?",
        };
        return chosen.Node is { } node
            ? new ConfigException(ConfigErrorKind.Composition, node.Item.Mark, $"In '{node.Parent!.ConfigPath}': {message}", Rooted(node) ?? NearestName.Hint(key, _known.Keys))
            : Refused(ConfigErrorKind.Composition, $"{message}\nTo append to your default list use +{key}={chosen.Choice?.Text}", NearestName.Hint(key, _known.Keys));
    }

    /// <summary>Tells who forgot the slash, since a group without one is looked for beside the config.</summary>
    private string? Rooted(DefaultsNode node)
    {
        string rooted = node.Item.Package is { } package ? $"{node.Item.Path}@{package}" : node.Item.Path;
        return !node.Item.IsAbsolute && _known.ContainsKey(rooted)
            ? $"without a slash the group is looked for below the config's own folder; write `override /{rooted}: {node.Choice?.Text ?? "null"}`"
            : null;
    }

    private static ConfigException NoOption(ConfigNode node, Override change) => Refused(
        ConfigErrorKind.InvalidValue, $"Config group override must be a string or a list. Got {PythonText.TypeOf(node)}",
        node is ConfigScalar { Type: ScalarKind.Null } ? $"to leave the group out, write ~{change.Key}" : $"an option of that name needs quotes: {change.Key}='\"...\"'");

    private static ConfigException Refused(ConfigErrorKind kind, string message, string? hint = null) => new(kind, SourceMark.CommandLine, message, hint);

    private sealed class Chosen(OptionChoice? choice, DefaultsNode? node)
    {
        public OptionChoice? Choice => choice;

        /// <summary>Gets the <c>override</c> item; null for the command line.</summary>
        public DefaultsNode? Node => node;

        public bool IsUsed { get; set; }
    }
}
