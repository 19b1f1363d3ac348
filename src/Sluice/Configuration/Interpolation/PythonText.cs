using System.Globalization;
using System.Text;

namespace Sluice.Configuration.Interpolation;

/// <summary>Writes values as Python does, which is how they look when Hydra puts them into a text.</summary>
internal static class PythonText
{
    /// <summary>Gives Python's <c>str()</c> of a value.</summary>
    public static string Of(ConfigNode node)
    {
        if (node is ConfigScalar scalar)
        {
            return ScalarText.Of(scalar);
        }

        var written = new StringBuilder();
        Write(node, written);
        return written.ToString();
    }

    /// <summary>Gives Python's <c>repr()</c> of a value: texts stand in quotes.</summary>
    public static string Literal(ConfigNode node)
    {
        var written = new StringBuilder();
        Write(node, written);
        return written.ToString();
    }

    /// <summary>Gives the name of the type that the value has in Hydra.</summary>
    public static string TypeOf(ConfigNode node) => node switch
    {
        ConfigMapping => "DictConfig",
        ConfigSequence => "ListConfig",
        ConfigScalar { Type: ScalarKind.Null } => "NoneType",
        ConfigScalar { Type: ScalarKind.Boolean } => "bool",
        ConfigScalar { Type: ScalarKind.Integer } => "int",
        ConfigScalar { Type: ScalarKind.Number } => "float",
        _ => "str",
    };

    private static void Write(ConfigNode node, StringBuilder written)
    {
        switch (node)
        {
            case ConfigMapping mapping:
                written.Append('{');
                for (int i = 0; i < mapping.Entries.Count; i++)
                {
                    Quote(mapping.Entries[i].Key, written.Append(i > 0 ? ", " : ""));
                    Write(mapping.Entries[i].Value, written.Append(": "));
                }

                written.Append('}');
                break;
            case ConfigSequence sequence:
                written.Append('[');
                for (int i = 0; i < sequence.Items.Count; i++)
                {
                    Write(sequence.Items[i], written.Append(i > 0 ? ", " : ""));
                }

                written.Append(']');
                break;
            case ConfigScalar { Type: ScalarKind.Text } text:
                Quote(text.Text, written);
                break;
            case ConfigScalar scalar:
                written.Append(ScalarText.Of(scalar));
                break;
        }
    }

    private static void Quote(string text, StringBuilder written)
    {
        char quote = text.Contains('\'', StringComparison.Ordinal) && !text.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        written.Append(quote);
        foreach (Rune rune in text.EnumerateRunes())
        {
            _ = rune.Value switch
            {
                '\n' => written.Append(@"\n"),
                '\r' => written.Append(@"\r"),
                '\t' => written.Append(@"\t"),
                '\\' => written.Append(@"\\"),
                _ when rune.Value == quote => written.Append('\\').Append(quote),
                _ when IsPrintable(rune) => written.Append(rune.ToString()),
                <= 0xFF => written.Append(CultureInfo.InvariantCulture, $@"\x{rune.Value:x2}"),
                <= 0xFFFF => written.Append(CultureInfo.InvariantCulture, $@"\u{rune.Value:x4}"),
                _ => written.Append(CultureInfo.InvariantCulture, $@"\U{rune.Value:x8}"),
            };
        }

        written.Append(quote);
    }

    private static bool IsPrintable(Rune rune) => rune.Value == ' ' || Rune.GetUnicodeCategory(rune) is not (
        UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
        or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator
        or UnicodeCategory.SpaceSeparator);
}
