namespace Sluice.Configuration.Composition;

/// <summary>Which options of a group are chosen: one, or several in order.</summary>
/// <param name="Names">The options.</param>
/// <param name="IsList">Whether they were written as a list, which has no single name.</param>
internal sealed record OptionChoice(IReadOnlyList<string> Names, bool IsList)
{
    /// <summary>The option that stands for "the user must choose".</summary>
    public const string Mandatory = "???";

    public string Text => IsList ? $"[{string.Join(',', Names)}]" : Names[0];

    public bool IsMandatory => !IsList && Names[0] == Mandatory;

    public bool IsInterpolated => !IsList && Names[0].Contains("${", StringComparison.Ordinal);

    public static OptionChoice Of(string name) => new([name], IsList: false);

    /// <summary>Reads a choice; null stands for none.</summary>
    /// <exception cref="ConfigException">What <paramref name="refuse"/> makes of another value.</exception>
    public static OptionChoice? Of(ConfigNode node, Func<ConfigNode, ConfigException> refuse) => node switch
    {
        ConfigScalar { Type: ScalarKind.Null } => null,
        ConfigScalar { Type: ScalarKind.Text } text => Of(text.Text),
        ConfigSequence list => new OptionChoice([.. list.Items.Select(item => item is ConfigScalar { Type: ScalarKind.Text } text ? text.Text : throw refuse(item))], IsList: true),
        _ => throw refuse(node),
    };

    public bool Same(OptionChoice? other) => other is not null && other.IsList == IsList && other.Names.SequenceEqual(Names);
}
