using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Sluice.Configuration;

/// <summary>Applies the tags of YAML's core schema, such as <c>!!str</c>, and refuses all others.</summary>
internal static class YamlTags
{
    private const string Core = "tag:yaml.org,2002:";

    public static ConfigScalar Typed(Scalar scalar, SourceMark mark)
    {
        string text = scalar.Value;
        if (HasLoneSurrogate(text))
        {
            throw new ConfigException(ConfigErrorKind.Yaml, mark, "half of a surrogate pair, which no text can hold");
        }

        if (scalar.Tag.IsEmpty)
        {
            return scalar.Style == ScalarStyle.Plain ? ScalarTyping.TypeOf(text, mark) : ConfigScalar.OfText(text, mark);
        }

        if (scalar.Tag.IsNonSpecific)
        {
            return ConfigScalar.OfText(text, mark);
        }

        ConfigScalar typed = ScalarTyping.TypeOf(text, mark);
        return (scalar.Tag.Value, typed.Type) switch
        {
            (Core + "str", _) => ConfigScalar.OfText(text, mark),
            (Core + "float", ScalarKind.Integer) => ConfigScalar.OfNumber(typed.Number, text, mark),
            (Core + "int", ScalarKind.Integer) or (Core + "bool", ScalarKind.Boolean) or (Core + "null", ScalarKind.Null)
                or (Core + "float", ScalarKind.Number) => typed,
            (Core + "int" or Core + "bool" or Core + "null" or Core + "float", _) =>
                throw new ConfigException(ConfigErrorKind.Yaml, mark, $"{Say.Quoted(text)} is not what its tag says: !!{scalar.Tag.Value[Core.Length..]}"),
            _ => throw Unknown(scalar.Tag, mark),
        };
    }

    public static void Check(TagName tag, string allowed, SourceMark mark)
    {
        if (!tag.IsEmpty && !tag.IsNonSpecific && tag.Value != allowed)
        {
            throw Unknown(tag, mark);
        }
    }

    private static ConfigException Unknown(TagName tag, SourceMark mark) =>
        new(ConfigErrorKind.Yaml, mark, $"the tag {Say.Short(tag.Value)} is not known",
            "tags other than !!str, !!int, !!float, !!bool and !!null are not allowed");

    private static bool HasLoneSurrogate(string text)
    {
        for (int i = 0; i < text.Length; i++)
        {
            if (char.IsHighSurrogate(text[i]) && i + 1 < text.Length && char.IsLowSurrogate(text[i + 1]))
            {
                i++;
            }
            else if (char.IsSurrogate(text[i]))
            {
                return true;
            }
        }

        return false;
    }
}
