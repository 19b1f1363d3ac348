using Sluice.Configuration.Interpolation;

namespace Sluice.Configuration.Composition;

/// <summary>What an item of a defaults list is.</summary>
internal enum DefaultsKind
{
    /// <summary><c>_self_</c>: the place of the file's own content.</summary>
    Self,

    /// <summary><c>path/config</c>: one config, always the same.</summary>
    Config,

    /// <summary><c>group: option</c>: a choice, which can be changed from outside.</summary>
    Group,
}

/// <summary>One item of a defaults list, as written.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Path">The group's or the config's path, without a leading slash.</param>
/// <param name="Mark">Where it was written.</param>
internal sealed record DefaultsItem(DefaultsKind Kind, string Path, SourceMark Mark)
{
    public const string SelfName = "_self_";

    /// <summary>Gets whether the path counts from the root of the search path, not from the containing config's folder.</summary>
    public bool IsAbsolute { get; init; }

    /// <summary>Gets what stands after <c>@</c>, or null.</summary>
    public string? Package { get; init; }

    /// <summary>Gets the choice of a group; null for none.</summary>
    public OptionChoice? Choice { get; init; }

    /// <summary>Gets whether it does not matter when the config does not exist.</summary>
    public bool IsOptional { get; init; }

    /// <summary>Gets whether it changes a choice made elsewhere.</summary>
    public bool IsOverride { get; init; }

    /// <summary>Reads a defaults list.</summary>
    /// <param name="node">The value of <c>defaults</c>.</param>
    /// <param name="config">The config it stands in.</param>
    /// <exception cref="ConfigException">It is no list, or an item is none.</exception>
    public static IReadOnlyList<DefaultsItem> ReadAll(ConfigNode node, string config) => node switch
    {
        ConfigSequence list => [.. list.Items.Select(item => Read(item, config))],
        ConfigScalar { Type: ScalarKind.Null } => [],
        _ => throw Refused(node.Mark, $"Invalid defaults list in '{config}', defaults must be a list (got {(node is ConfigMapping ? "mapping" : PythonText.TypeOf(node))})"),
    };

    /// <summary>Makes the item that <c>+group=option</c> on the command line stands for.</summary>
    public static DefaultsItem Appended(string group, string? package, OptionChoice choice) =>
        new(DefaultsKind.Group, group, SourceMark.CommandLine) { Package = package, Choice = choice };

    /// <summary>Makes an item for a config, such as the primary one.</summary>
    public static DefaultsItem OfConfig(string path, SourceMark mark) => new(DefaultsKind.Config, path, mark);

    private static DefaultsItem Read(ConfigNode item, string config) => item switch
    {
        ConfigMapping { Entries: [var entry] } => Group(entry),
        ConfigMapping { Entries: [] } => throw Refused(item.Mark, $"In {config}: Missing group name in {{}}"),
        ConfigMapping => throw Refused(item.Mark, $"In {config}: Too many keys in default item {PythonText.Of(item)}"),
        ConfigScalar { Type: ScalarKind.Text } text => Plain(text),
        _ => throw Refused(item.Mark, $"Unsupported type in defaults : {PythonText.TypeOf(item)}"),
    };

    private static DefaultsItem Plain(ConfigScalar text)
    {
        (string path, string? package) = Split(text.Text);
        if (path != SelfName)
        {
            return new(DefaultsKind.Config, path.TrimStart('/'), text.Mark) { Package = package, IsAbsolute = path.StartsWith('/') };
        }

        return package is null
            ? new(DefaultsKind.Self, path, text.Mark)
            : throw Refused(text.Mark, "_self_@PACKAGE is not supported");
    }

    private static DefaultsItem Group(ConfigEntry entry)
    {
        string[] words = entry.Key.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        (string group, string? package) = Split(words[^1]);
        foreach (string word in words[..^1])
        {
            if (word is not ("optional" or "override"))
            {
                throw Refused(entry.KeyMark, $"Unsupported keyword '{word}' in '{entry.Key}'", NearestName.Hint(word, ["optional", "override"]));
            }
        }

        return new(DefaultsKind.Group, group.TrimStart('/'), entry.KeyMark)
        {
            IsAbsolute = group.StartsWith('/'),
            Package = package,
            IsOptional = words[..^1].Contains("optional"),
            IsOverride = words[..^1].Contains("override"),
            Choice = OptionChoice.Of(
                entry.Value,
                node => Refused(node.Mark, $"Unsupported item value in defaults : {PythonText.TypeOf(node)}. Supported: string or list", "put quotes around it")),
        };
    }

    private static (string Path, string? Package) Split(string text)
    {
        int at = text.IndexOf('@', StringComparison.Ordinal);
        return at < 0 ? (text, null) : (text[..at], text[(at + 1)..]);
    }

    private static ConfigException Refused(SourceMark mark, string message, string? hint = null) => new(ConfigErrorKind.InvalidValue, mark, message, hint);
}
