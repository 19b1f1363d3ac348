using Sluice.Configuration.Interpolation;

namespace Sluice.Configuration.Composition;

/// <summary>One config file, read: its content, and the two things that say how it is composed.</summary>
/// <param name="Name">Its path below the root, without ending.</param>
/// <param name="File">The file, for messages.</param>
/// <param name="Header">What its <c># @package</c> line says, or null.</param>
/// <param name="Defaults">Its defaults list; null when it has none.</param>
/// <param name="Content">What is left: a mapping, or a list.</param>
internal sealed record LoadedConfig(string Name, string File, string? Header, IReadOnlyList<DefaultsItem>? Defaults, ConfigNode Content)
{
    /// <summary>Gets whether it has anything beside its defaults list.</summary>
    public bool HasContent => Content is not ConfigMapping { Entries.Count: 0 };

    /// <summary>Reads a config's text.</summary>
    /// <exception cref="ConfigException">It is no config.</exception>
    public static LoadedConfig Parse(string name, string text, string file)
    {
        string? header = PackageHeader.Read(text, file);
        ConfigNode content = YamlReader.Read(text, file);
        if (content is ConfigScalar scalar)
        {
            // As Hydra does: a lone word is a key without a value.
            content = new ConfigMapping([new ConfigEntry(scalar.Text, scalar.Mark, ConfigScalar.OfNull("", scalar.Mark))], scalar.Mark);
        }

        IReadOnlyList<DefaultsItem>? defaults = null;
        if (content is ConfigMapping mapping && mapping.TryGet("defaults", out ConfigNode? list))
        {
            defaults = DefaultsItem.ReadAll(list, name);
            content = mapping.Without("defaults");
        }

        CheckTexts(content);
        return new LoadedConfig(name, file, header, defaults, content);
    }

    private static void CheckTexts(ConfigNode node)
    {
        switch (node)
        {
            case ConfigMapping mapping:
                foreach (ConfigEntry entry in mapping.Entries)
                {
                    CheckTexts(entry.Value);
                }

                break;
            case ConfigSequence sequence:
                foreach (ConfigNode item in sequence.Items)
                {
                    CheckTexts(item);
                }

                break;
            case ConfigScalar { Type: ScalarKind.Text } text:
                InterpolationSyntax.Check(text);
                break;
            default:
                break;
        }
    }
}
