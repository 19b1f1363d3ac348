using System.Text;

namespace Sluice.Configuration;

/// <summary>A part of a text: words to keep, or what stands between <c>${</c> and <c>}</c>.</summary>
internal readonly record struct TextPart(string Text, bool IsReference);

/// <summary>Takes texts with <c>${...}</c> apart, and protects texts from being taken so.</summary>
internal static class InterpolatedText
{
    private const string Opening = "${";

    public static bool IsPlain(string text) => !text.Contains(Opening, StringComparison.Ordinal);

    /// <summary>Gives the parts of a text, escapes undone: <c>$${</c> and <c>\${</c> are a plain <c>${</c>.</summary>
    /// <returns>The parts, or null when a <c>${</c> is not closed.</returns>
    public static IReadOnlyList<TextPart>? Parts(string text)
    {
        var parts = new List<TextPart>();
        var plain = new StringBuilder();
        int at = 0;
        while (text.IndexOf(Opening, at, StringComparison.Ordinal) is >= 0 and var open)
        {
            int slashes = 0;
            while (open - slashes > at && text[open - slashes - 1] == '\\')
            {
                slashes++;
            }

            bool dollar = slashes == 0 && open > at && text[open - 1] == '$';
            plain.Append(text, at, open - at - (dollar ? 1 : slashes)).Append('\\', slashes / 2);
            at = open + Opening.Length;
            if (dollar || slashes % 2 == 1)
            {
                plain.Append(Opening);
                continue;
            }

            int close = text.IndexOf('}', at);
            if (close < 0)
            {
                return null;
            }

            Flush();
            parts.Add(new TextPart(text[at..close].Trim(), IsReference: true));
            at = close + 1;
        }

        plain.Append(text, at, text.Length - at);
        Flush();
        return parts;

        void Flush()
        {
            if (plain.Length > 0)
            {
                parts.Add(new TextPart(plain.ToString(), IsReference: false));
                plain.Clear();
            }
        }
    }

    /// <summary>Gives the dotted key when the whole text is one reference to a key, else null.</summary>
    public static string? WholePath(string text) =>
        text.StartsWith(Opening, StringComparison.Ordinal)
        && Parts(text) is [{ IsReference: true, Text.Length: <= ConfigLimits.ReferenceCharacters } part]
        && !part.Text.Contains(':', StringComparison.Ordinal)
            ? part.Text
            : null;

    /// <summary>Writes a text so that <see cref="Parts"/> gives it back as it is.</summary>
    public static string Escape(string text)
    {
        if (IsPlain(text))
        {
            return text;
        }

        var escaped = new StringBuilder(text.Length + 8);
        int at = 0;
        while (text.IndexOf(Opening, at, StringComparison.Ordinal) is >= 0 and var open)
        {
            int slashes = 0;
            while (open - slashes > at && text[open - slashes - 1] == '\\')
            {
                slashes++;
            }

            escaped.Append(text, at, open - at).Append('\\', slashes + 1).Append(Opening);
            at = open + Opening.Length;
        }

        return escaped.Append(text, at, text.Length - at).ToString();
    }
}
