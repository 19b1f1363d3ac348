using System.Text;
using Sluice.Configuration.Interpolation;

namespace Sluice.Configuration.Composition;

/// <summary>Follows the defaults lists from the primary config on, and says which configs are merged, in which order and to which place.</summary>
/// <remarks>
/// Children are followed last to first, each completely, as Hydra does: of several <c>override</c> items for a choice the one that is met first
/// stays.
/// </remarks>
internal sealed class DefaultsTree
{
    private const int MostConfigs = 10_000;
    private const int Deepest = 64;

    private readonly ConfigRepository _repository;
    private readonly GroupChoices _choices;
    private readonly ResolverSet _resolvers;
    private readonly bool _skipMandatory;
    private int _configs;

    private DefaultsTree(ConfigRepository repository, GroupChoices choices, ResolverSet resolvers, bool skipMandatory) =>
        (_repository, _choices, _resolvers, _skipMandatory) = (repository, choices, resolvers, skipMandatory);

    /// <summary>Gets whether the primary config has a defaults list without <c>_self_</c>, of which Hydra warns.</summary>
    public bool LacksSelf { get; private set; }

    /// <summary>Gives the configs in the order in which they are merged.</summary>
    /// <param name="repository">Where configs are.</param>
    /// <param name="choices">What is chosen from outside; learns what is chosen inside.</param>
    /// <param name="primary">The primary config's name; null for none.</param>
    /// <param name="resolvers">For <c>${oc.env:...}</c> and the like in options.</param>
    /// <param name="skipMandatory">Whether a choice that is still to be made is left out rather than an error.</param>
    /// <param name="lacksSelf">Whether the primary config's defaults list has no <c>_self_</c>.</param>
    /// <exception cref="ConfigException">The lists do not fit together.</exception>
    public static IReadOnlyList<DefaultsEntry> Follow(
        ConfigRepository repository, GroupChoices choices, string? primary, ResolverSet resolvers, bool skipMandatory, out bool lacksSelf)
    {
        var tree = new DefaultsTree(repository, choices, resolvers, skipMandatory);
        var start = new SourceMark(primary ?? SourceMark.CommandLineName, primary is null ? 0 : 1, primary is null ? 0 : 1);
        var root = new DefaultsNode(DefaultsItem.OfConfig(primary ?? "", start), null);
        var hydra = new DefaultsNode(DefaultsItem.OfConfig("hydra/config", start), null);
        tree.ExpandPrimary(root, primary);
        tree.Expand(hydra, isInterpolated: false);
        lacksSelf = tree.LacksSelf;
        choices.RequireUsed();
        var entries = new List<DefaultsEntry>();
        Flatten(hydra, entries);
        Flatten(root, entries);
        RequireDistinct(entries);
        return entries;
    }

    private void ExpandPrimary(DefaultsNode root, string? primary)
    {
        LoadedConfig? config = primary is null
            ? new LoadedConfig("", "", null, null, new ConfigMapping([], SourceMark.CommandLine))
            : _repository.Load(primary);
        root.Config = config ?? throw new ConfigException(ConfigErrorKind.MissingConfig, SourceMark.CommandLine,
            $"Cannot find primary config '{primary}'. Check that it's in your config search path.\n\n{_repository.Describe()}", Nearest(primary!));
        if (config.Content is not ConfigMapping)
        {
            throw new ConfigException(ConfigErrorKind.Composition, config.Content.Mark, $"primary config '{primary}' must be a DictConfig, got ListConfig");
        }

        ExpandItems(root, _choices.Appended, isInterpolated: false);
    }

    private void Expand(DefaultsNode node, bool isInterpolated)
    {
        if (++_configs > MostConfigs || node.Chain().Count() > Deepest)
        {
            throw Circle(node) ?? At(node, ConfigErrorKind.Composition, "the defaults lists lead to more than 10,000 configs, or more than 64 levels deep");
        }

        if (_choices.TryDelete(node))
        {
            node.IsAbsent = true;
            return;
        }

        if (node.IsGroup)
        {
            _choices.Know(node);
            if (node.Choice is null)
            {
                node.IsAbsent = true;
                return;
            }

            if (node.Choice.IsMandatory)
            {
                node.IsAbsent = _skipMandatory ? true : throw MustChoose(node);
                return;
            }
        }

        node.Config = _repository.Load(node.ConfigPath);
        if (node.Config is null)
        {
            node.IsAbsent = node.Item.IsOptional ? true : throw Missing(node);
            return;
        }

        ExpandItems(node, [], isInterpolated);
    }

    private void ExpandItems(DefaultsNode node, IReadOnlyList<DefaultsItem> appended, bool isInterpolated)
    {
        bool isPrimary = node.Parent is null;
        List<DefaultsItem> items = [.. node.Config!.Defaults ?? []];
        if (items.Count > 0 || appended.Count > 0)
        {
            AddSelf(node, items, isPrimary);
        }

        items.AddRange(appended);
        List<DefaultsNode> nodes = [.. items.Select(item => new DefaultsNode(item, node))];
        RegisterOverrides(nodes, isInterpolated);
        var children = new List<DefaultsNode>();
        foreach (DefaultsNode child in Enumerable.Reverse(nodes))
        {
            ExpandChild(child, node, children, isInterpolated);
        }

        foreach (DefaultsNode child in children.Where(IsInterpolated).ToList())
        {
            children[children.IndexOf(child)] = ExpandInterpolated(child, node);
        }

        children.Reverse();
        node.Children = children.Count > 0 ? children : null;
    }

    private void ExpandChild(DefaultsNode child, DefaultsNode parent, List<DefaultsNode> children, bool isInterpolated)
    {
        if (child.Item.IsOverride)
        {
            return;
        }

        if (child.Item.Kind == DefaultsKind.Self)
        {
            children.Add(child);
            return;
        }

        _choices.Apply(child);
        if (child is { IsGroup: true, Choice.IsList: true })
        {
            foreach (string option in child.Choice.Names.Reverse())
            {
                if (option.Contains("${", StringComparison.Ordinal))
                {
                    throw At(child, ConfigErrorKind.Composition,
                        $"In '{parent.ConfigPath}': Defaults List interpolation is not supported in options list items");
                }

                // Several options have no choice of their own: each is a plain config.
                var plain = new DefaultsNode(child.Item with { Kind = DefaultsKind.Config, Path = $"{child.Item.Path}/{option}", Choice = null }, parent) { ChosenBy = child.ChosenBy };
                Expand(plain, isInterpolated);
                children.Add(plain);
            }

            return;
        }

        if (!IsInterpolated(child))
        {
            Expand(child, isInterpolated);
        }

        children.Add(child);
    }

    private DefaultsNode ExpandInterpolated(DefaultsNode child, DefaultsNode parent)
    {
        DefaultsItem item = child.IsGroup
            ? child.Item with { Choice = OptionChoice.Of(Resolve(child, child.Choice!.Names[0])) }
            : child.Item with { Path = Resolve(child, child.Item.Path) };
        var resolved = new DefaultsNode(item, parent) { ChosenBy = child.ChosenBy };
        Expand(resolved, isInterpolated: true);
        return resolved;
    }

    /// <summary>Puts the choices known so far in the place of <c>${key}</c>.</summary>
    private string Resolve(DefaultsNode node, string text)
    {
        var resolved = new StringBuilder();
        int at = 0;
        while (text.IndexOf("${", at, StringComparison.Ordinal) is >= 0 and var open && text.IndexOf('}', open) is >= 0 and var close)
        {
            resolved.Append(text, at, open - at).Append(Choice(text[(open + 2)..close].Trim()));
            at = close + 1;
        }

        return resolved.Append(text, at, text.Length - at).ToString();

        string Choice(string key)
        {
            if (_choices.Known.TryGetValue(key, out OptionChoice? choice))
            {
                return choice?.Text ?? "None";
            }

            if (key.Contains(':', StringComparison.Ordinal))
            {
                return Called(node, key);
            }

            string keys = _choices.Known.Keys.Any() ? ", possible interpolation keys: " + string.Join(", ", _choices.Known.Keys.Where(static k => !k.StartsWith("hydra/", StringComparison.Ordinal))) : "";
            throw At(node, ConfigErrorKind.Composition, $"Error resolving interpolation '{text}'{keys}", NearestName.Hint(key, _choices.Known.Keys));
        }
    }

    /// <summary>Gives what a resolver such as <c>oc.env</c> makes of an option.</summary>
    private string Called(DefaultsNode node, string call)
    {
        var holder = new ConfigMapping([new ConfigEntry("option", node.Item.Mark, ConfigScalar.OfText($"${{{call}}}", node.Item.Mark))], node.Item.Mark);
        ConfigException? problem = null;
        ConfigNode? value = new Interpolator(holder, _resolvers, (_, error) => problem ??= error).Resolve(["option"]);
        return problem is null ? PythonText.Of(value!) : throw problem;
    }

    private void AddSelf(DefaultsNode node, List<DefaultsItem> items, bool isPrimary)
    {
        if (items.Count(static item => item.Kind == DefaultsKind.Self) > 1)
        {
            throw At(node, ConfigErrorKind.Composition, $"Duplicate _self_ defined in {node.ConfigPath}", mark: items.Last(static item => item.Kind == DefaultsKind.Self).Mark);
        }

        bool hasOthers = items.Exists(static item => !item.IsOverride);
        if (items.Exists(static item => item.Kind == DefaultsKind.Self) || (!hasOthers && items.Count > 0))
        {
            return;
        }

        LacksSelf |= isPrimary && node.Item.Path != "hydra/config" && hasOthers && node.Config!.HasContent;
        items.Add(new DefaultsItem(DefaultsKind.Self, DefaultsItem.SelfName, node.Item.Mark));
    }

    private void RegisterOverrides(List<DefaultsNode> nodes, bool isInterpolated)
    {
        DefaultsNode? last = null;
        foreach (DefaultsNode node in nodes.Where(static node => node.Item.Kind != DefaultsKind.Self))
        {
            string config = node.Parent!.ConfigPath;
            if (last is not null && !node.Item.IsOverride && node.Item.Mark != SourceMark.CommandLine)
            {
                throw At(node, ConfigErrorKind.Composition,
                    $"In {config}: Override '{last.OverrideKey} : {last.Choice?.Text}' is defined before '{(node.IsGroup ? $"{node.OverrideKey}: {node.Choice?.Text}" : node.ConfigPath)}'.\nOverrides must be at the end of the defaults list");
            }

            if (!node.Item.IsOverride)
            {
                continue;
            }

            last = node;
            if (isInterpolated)
            {
                throw At(node, ConfigErrorKind.Composition,
                    $"{config}: Default List Overrides are not allowed in the subtree\nof an in interpolated config group (override {node.OverrideKey}={node.Choice?.Text}).");
            }

            _choices.Add(node);
        }
    }

    private ConfigException MustChoose(DefaultsNode node)
    {
        string key = node.OverrideKey;
        return At(node, ConfigErrorKind.Composition,
            $"You must specify '{key}', e.g, {key}=<OPTION>\nAvailable options:{Listed(_repository.Options(node.GroupPath))}");
    }

    private ConfigException Missing(DefaultsNode node)
    {
        string parent = node.Parent is null ? "" : $"In '{node.Parent.ConfigPath}': ";
        string path = node.ConfigPath;
        string where = $"\n\n{_repository.Describe()}";
        if (!node.IsGroup)
        {
            return At(node, ConfigErrorKind.MissingConfig, $"{parent}Could not load '{path}'.{where}", WithKeyword(node.Item.Path) ?? Nearest(path));
        }

        IReadOnlyList<string> options = _repository.Options(node.GroupPath);
        string? hint = node.GroupPath == "hydra/sweeper"
            ? "a sweeper that chooses values while it runs is a Python plug-in of Hydra; here all combinations are run: leave hydra/sweeper out and give the values, key=a,b,c"
            : options.Count == 0 && _repository.NearestGroup(node.GroupPath) is { } group ? $"did you mean the group \"{group}\"?"
            : NearestName.Hint(node.Choice!.Text, options);
        return At(node, ConfigErrorKind.MissingConfig,
            $"{parent}Could not find '{path}'\n\nAvailable options in '{node.GroupPath}':{Listed(options)}{where}", hint);
    }

    // As plain text a keyword is a part of the config's name.
    private static string? WithKeyword(string path) => path.Split(' ', 2) switch
    {
        [var word and ("optional" or "override"), var group] => $"`{word}` goes with a group and its option: `- {word} {group}: OPTION`",
        _ => null,
    };

    /// <summary>Makes the error of configs that include each other; null when none is above itself.</summary>
    private static ConfigException? Circle(DefaultsNode node)
    {
        List<string> chain = [.. node.Chain()];
        int first = chain.FindIndex(name => chain.IndexOf(name) != chain.LastIndexOf(name));
        return first < 0 ? null : new ConfigException(ConfigErrorKind.Composition, node.Item.Mark,
            $"the defaults lists go round in a circle: {string.Join(" -> ", chain[first..(chain.IndexOf(chain[first], first + 1) + 1)])}",
            "take one of them out of the defaults list that names it");
    }

    private string? Nearest(string path)
    {
        int slash = path.LastIndexOf('/');
        string folder = slash < 0 ? "" : path[..slash];
        return NearestName.Hint(path[(slash + 1)..], _repository.Options(folder));
    }

    private static string Listed(IReadOnlyList<string> options) => string.Concat(options.Select(static option => $"\n\t{option}"));

    private static bool IsInterpolated(DefaultsNode node) => node.IsGroup
        ? node.Choice?.IsInterpolated == true
        : node.Item.Kind == DefaultsKind.Config && node.Item.Path.Contains("${", StringComparison.Ordinal);

    /// <summary>Makes an error of a node, with the configs that led there.</summary>
    private static ConfigException At(DefaultsNode node, ConfigErrorKind kind, string message, string? hint = null, SourceMark? mark = null)
    {
        // What was chosen elsewhere is to be mended there.
        DefaultsNode origin = node.ChosenBy is { Node: { } chooser } ? chooser : node;
        string[] chain = node.ChosenBy is { Node: null } ? [] : [.. (origin.Parent?.Chain() ?? []).Where(static name => name.Length > 0)];
        string? way = chain.Length > 1 ? $"reached by {string.Join(" -> ", chain)}" : null;
        SourceMark place = mark ?? (node.ChosenBy is { Node: null } ? SourceMark.CommandLine : origin.Item.Mark);
        return new ConfigException(kind, place, message, hint is null ? way : way is null ? hint : $"{hint} ({way})");
    }

    private static void Flatten(DefaultsNode node, List<DefaultsEntry> entries)
    {
        if (node.IsAbsent)
        {
            return;
        }

        if (node.Children is null)
        {
            entries.Add(new DefaultsEntry(node.ConfigPath, node.Package, node.Config!, node.IsGroup ? node.OverrideKey : null));
            return;
        }

        foreach (DefaultsNode child in node.Children)
        {
            if (child.Item.Kind == DefaultsKind.Self)
            {
                entries.Add(new DefaultsEntry(node.ConfigPath, node.Package, node.Config!, null));
            }
            else
            {
                Flatten(child, entries);
            }
        }
    }

    private static void RequireDistinct(List<DefaultsEntry> entries)
    {
        var seen = new HashSet<string>(StringComparer.Ordinal);
        foreach (DefaultsEntry entry in entries)
        {
            if (entry.OverrideKey is { } key && !seen.Add(key))
            {
                throw new ConfigException(ConfigErrorKind.Composition, new SourceMark(entry.Config.File, 1, 1), $"{key} appears more than once in the final defaults list");
            }
        }
    }
}

/// <summary>One config of the final list.</summary>
/// <param name="Name">The config's path.</param>
/// <param name="Package">Where its content goes: a dotted path, empty for the root.</param>
/// <param name="Config">The config.</param>
/// <param name="OverrideKey">The key of its choice; null when it was not chosen, or when it has defaults of its own.</param>
internal sealed record DefaultsEntry(string Name, string Package, LoadedConfig Config, string? OverrideKey);
