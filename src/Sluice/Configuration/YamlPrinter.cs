using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Sluice.Configuration;

/// <summary>Prints nodes as YAML that reads back as the same nodes: same keys, order, types and texts. Numbers and the like are written as
/// PyYAML does, so that it reads them back too.</summary>
internal static partial class YamlPrinter
{
    public static string Print(ConfigNode root)
    {
        var output = new StringBuilder();
        switch (root)
        {
            case ConfigMapping { Entries.Count: > 0 } mapping:
                Mapping(output, mapping, 0, indentFirst: true);
                break;
            case ConfigSequence { Items.Count: > 0 } sequence:
                Sequence(output, sequence, 0, indentFirst: true);
                break;
            default:
                output.Append(Inline(root)).Append('\n');
                break;
        }

        return output.ToString();
    }

    private static void Mapping(StringBuilder output, ConfigMapping mapping, int indent, bool indentFirst)
    {
        foreach (ConfigEntry entry in mapping.Entries)
        {
            output.Append(' ', indentFirst ? indent : 0).Append(entry.IsKeyTyped ? entry.Key : Key(entry.Key)).Append(':');
            indentFirst = true;
            switch (entry.Value)
            {
                case ConfigMapping { Entries.Count: > 0 } inner:
                    output.Append('\n');
                    Mapping(output, inner, indent + 2, indentFirst: true);
                    break;
                case ConfigSequence { Items.Count: > 0 } inner:
                    output.Append('\n');
                    Sequence(output, inner, indent + 2, indentFirst: true);
                    break;
                default:
                    Scalar(output, entry.Value, indent + 2);
                    break;
            }
        }
    }

    private static void Sequence(StringBuilder output, ConfigSequence sequence, int indent, bool indentFirst)
    {
        foreach (ConfigNode item in sequence.Items)
        {
            output.Append(' ', indentFirst ? indent : 0).Append('-');
            indentFirst = true;
            switch (item)
            {
                case ConfigMapping { Entries.Count: > 0 } inner:
                    output.Append(' ');
                    Mapping(output, inner, indent + 2, indentFirst: false);
                    break;
                case ConfigSequence { Items.Count: > 0 } inner:
                    output.Append(' ');
                    Sequence(output, inner, indent + 2, indentFirst: false);
                    break;
                default:
                    Scalar(output, item, indent + 2);
                    break;
            }
        }
    }

    private static void Scalar(StringBuilder output, ConfigNode node, int indent)
    {
        if (node is not ConfigScalar { Type: ScalarKind.Text } text || !FitsBlock(text.Text))
        {
            output.Append(' ').Append(Inline(node)).Append('\n');
            return;
        }

        bool ended = text.Text.EndsWith('\n');
        output.Append(ended ? " |\n" : " |-\n");
        foreach (string line in (ended ? text.Text[..^1] : text.Text).Split('\n'))
        {
            output.Append(' ', line.Length == 0 ? 0 : indent).Append(line).Append('\n');
        }
    }

    private static string Inline(ConfigNode node) => node switch
    {
        ConfigMapping => "{}",
        ConfigSequence => "[]",
        ConfigScalar { Type: ScalarKind.Text } scalar => IsPlain(scalar.Text) ? scalar.Text : Quoted(scalar.Text),
        ConfigScalar scalar => Typed(scalar),
        _ => throw new InvalidOperationException($"Cannot print {node.Kind}."),
    };

    private static string Typed(ConfigScalar scalar) => scalar.Type switch
    {
        ScalarKind.Null => "null",
        ScalarKind.Broken => "???",
        ScalarKind.Boolean => scalar.Boolean ? "true" : "false",
        ScalarKind.Number when double.IsNaN(scalar.Number) => ".nan",
        ScalarKind.Number when double.IsInfinity(scalar.Number) => scalar.Number > 0 ? ".inf" : "-.inf",
        // YAML 1.1 knows no exponent without a point before it.
        ScalarKind.Number when ScalarText.Of(scalar) is var text && !text.Contains('.', StringComparison.Ordinal) => text.Replace("e", ".0e", StringComparison.Ordinal),
        _ => ScalarText.Of(scalar),
    };

    private static string Key(string key) => IsPlain(key) ? key : Quoted(key);

    // Narrow on purpose: whatever is not plainly harmless is quoted.
    private static bool IsPlain(string text)
    {
        if (text.Length == 0 || !(char.IsAsciiLetterOrDigit(text[0]) || text[0] is '_' or '/' or '.' or '$' or '(')
            || text.StartsWith("...", StringComparison.Ordinal)
            || LooksTyped(text))
        {
            return false;
        }

        for (int i = 0; i < text.Length; i++)
        {
            char character = text[i];
            bool harmless = char.IsLetterOrDigit(character)
                || "_/.,$()+=;'-".Contains(character, StringComparison.Ordinal)
                || (character == ' ' && i + 1 < text.Length && text[i + 1] is not (' ' or '#'))
                || (character == ':' && i + 1 < text.Length && text[i + 1] != ' ');
            if (!harmless)
            {
                return false;
            }
        }

        return true;
    }

    // To this reader or to PyYAML, which knows dates, or to OmegaConf, which quotes y and n.
    private static bool LooksTyped(string text) =>
        ScalarTyping.TypeOf(text, default).Type != ScalarKind.Text || text is "y" or "Y" or "n" or "N" || DateShape.IsMatch(text);

    // Several lines of ordinary text read best as a block; everything with a trap in it (leading blanks, more than one
    // newline at the end, characters that YAML treats as line ends) is quoted instead.
    private static bool FitsBlock(string text) =>
        text.AsSpan().TrimEnd('\n').Contains('\n')
        && text[0] is not (' ' or '\n' or '\t')
        && text[^1] is not (' ' or '\t')
        && !text.EndsWith("\n\n", StringComparison.Ordinal)
        && text.AsSpan().IndexOfAny(" \n", "\t\n", "\n\t") < 0
        && text.All(static character => character is '\n' or '\t' || IsPrintable(character));

    private static int IndexOfAny(this ReadOnlySpan<char> text, params ReadOnlySpan<string> parts)
    {
        foreach (string part in parts)
        {
            if (text.IndexOf(part, StringComparison.Ordinal) is >= 0 and var place)
            {
                return place;
            }
        }

        return -1;
    }

    private static bool IsPrintable(char character) =>
        !char.IsControl(character) && character is not ('\u2028' or '\u2029' or '\uFEFF' or '\uFFFE' or '\uFFFF');

    private static string Quoted(string text)
    {
        if (text.Length > 0 && LooksTyped(text))
        {
            return $"'{text}'";
        }

        var quoted = new StringBuilder(text.Length + 2).Append('"');
        foreach (char character in text)
        {
            _ = character switch
            {
                '"' => quoted.Append("\\\""),
                '\\' => quoted.Append("\\\\"),
                '\n' => quoted.Append("\\n"),
                '\r' => quoted.Append("\\r"),
                '\t' => quoted.Append("\\t"),
                _ when IsPrintable(character) => quoted.Append(character),
                _ => quoted.Append(CultureInfo.InvariantCulture, $"\\u{(int)character:X4}"),
            };
        }

        return quoted.Append('"').ToString();
    }

    [GeneratedRegex(@"^[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:(?:[Tt]|[ \t]+)[0-9]{1,2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]*)?(?:[ \t]*(?:Z|[-+][0-9]{1,2}(?::[0-9]{2})?))?)?\z", RegexOptions.CultureInvariant)]
    private static partial Regex DateShape { get; }
}
