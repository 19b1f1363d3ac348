namespace Sluice.Configuration.Composition;

/// <summary>An item of a defaults list at its place in the tree of all of them: what is above it decides where it is looked for and where its
/// content goes.</summary>
internal sealed class DefaultsNode(DefaultsItem item, DefaultsNode? parent)
{
    private const string Global = "_global_";

    public DefaultsItem Item { get; } = item;

    public DefaultsNode? Parent { get; } = parent;

    /// <summary>Gets or sets the choice, once those made elsewhere are considered.</summary>
    public OptionChoice? Choice { get; set; } = item.Choice;

    /// <summary>Gets or sets where the choice was made, when that was not in the item itself.</summary>
    public ChoiceOrigin? ChosenBy { get; set; }

    /// <summary>Gets or sets the config, once it is read.</summary>
    public LoadedConfig? Config { get; set; }

    /// <summary>Gets or sets what its defaults list leads to, in order; null for a config without one.</summary>
    public IReadOnlyList<DefaultsNode>? Children { get; set; }

    /// <summary>Gets or sets whether it contributes nothing: deleted, not chosen, or optional and not there.</summary>
    public bool IsAbsent { get; set; }

    public bool IsGroup => Item.Kind == DefaultsKind.Group;

    /// <summary>Gets the folder of a config, or the group, from the root of the search path.</summary>
    public string GroupPath
    {
        get
        {
            string own = IsGroup ? Item.Path : Item.Path.LastIndexOf('/') is >= 0 and var slash ? Item.Path[..slash] : "";
            return Item.IsAbsolute ? own : Joined(Parent?.GroupPath ?? "", own, '/');
        }
    }

    /// <summary>Gets the config's path; for a group that of the chosen option.</summary>
    public string ConfigPath => IsGroup
        ? $"{GroupPath}/{Choice?.Text}"
        : Item.IsAbsolute ? Item.Path : Joined(Parent?.GroupPath ?? "", Item.Path, '/');

    /// <summary>Gets where the content goes: a dotted path, empty for the root.</summary>
    public string Package => Final(Config?.Header is { } header && Item.Package is null ? $"{Global}.{header}" : RelativePackage);

    /// <summary>Gets the name under which a choice can be changed from outside: the group, and its package where that is not the usual one.</summary>
    public string OverrideKey
    {
        get
        {
            string package = Final(RelativePackage);
            return package == GroupPath.Replace('/', '.') ? GroupPath : $"{GroupPath}@{(package.Length == 0 ? Global : package)}";
        }
    }

    // As written, not as found: an absolute path changes where a config is looked for, and nothing else.
    private string RelativePackage => Item.Package switch
    {
        null => (IsGroup ? Item.Path : Item.Path.LastIndexOf('/') is >= 0 and var slash ? Item.Path[..slash] : "").Replace('/', '.'),
        "_here_" => "",
        "_group_" => $"{Global}.{GroupPath.Replace('/', '.')}",
        var package => package,
    };

    /// <summary>Gives the configs that lead here, the first one first.</summary>
    public IEnumerable<string> Chain() => Parent is null ? [ConfigPath] : Parent.Chain().Append(ConfigPath);

    private string Final(string relative)
    {
        string joined = Joined(Parent?.Package ?? "", relative, '.');
        int global = joined.LastIndexOf(Global, StringComparison.Ordinal);
        return global < 0 ? joined : joined[(global + Global.Length)..].TrimStart('.');
    }

    private static string Joined(string left, string right, char separator) =>
        left.Length == 0 ? right : right.Length == 0 ? left : $"{left}{separator}{right}";
}

/// <summary>Who made a choice outside of the item that it is about.</summary>
/// <param name="Node">The <c>override</c> item; null for the command line.</param>
internal sealed record ChoiceOrigin(DefaultsNode? Node);
