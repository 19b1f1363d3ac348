using System.Text;

namespace Sluice.Configuration.Overrides;

/// <summary>Writes and reads text in quotes, where backslashes count only in front of a quote.</summary>
internal static class QuotedText
{
    /// <summary>Finds the place after the closing quote: the first one with an even number of backslashes before it.</summary>
    /// <returns>The place, or -1 when nothing closes the text.</returns>
    public static int End(string text, int open)
    {
        int slashes = 0;
        for (int i = open + 1; i < text.Length; i++)
        {
            if (text[i] == text[open] && slashes % 2 == 0)
            {
                return i + 1;
            }

            slashes = text[i] == '\\' ? slashes + 1 : 0;
        }

        return -1;
    }

    /// <summary>Gives the text between the quotes, escapes undone.</summary>
    public static string Read(ReadOnlySpan<char> quoted) =>
        Rewritten(quoted[1..^1], quoted[0], static slashes => slashes / 2, escapeQuotes: false);

    /// <summary>Writes the text so that it reads back as the same.</summary>
    public static string Write(string text, char quote) =>
        $"{quote}{Rewritten(text, quote, static slashes => slashes * 2, escapeQuotes: true)}{quote}";

    private static string Rewritten(ReadOnlySpan<char> text, char quote, Func<int, int> slashesBeforeQuote, bool escapeQuotes)
    {
        var result = new StringBuilder(text.Length + 2);
        for (int i = 0; i < text.Length; i++)
        {
            int slashes = text[i..].IndexOfAnyExcept('\\') is >= 0 and var count ? count : text.Length - i;
            i += slashes;
            bool atQuote = i == text.Length || text[i] == quote;
            result.Append('\\', atQuote ? slashesBeforeQuote(slashes) : slashes);
            if (i < text.Length)
            {
                result.Append(escapeQuotes && atQuote ? "\\" : "").Append(text[i]);
            }
        }

        return result.ToString();
    }
}
