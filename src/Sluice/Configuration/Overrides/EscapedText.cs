using System.Buffers;
using System.Text;

namespace Sluice.Configuration.Overrides;

/// <summary>Writes and reads text that stands without quotes.</summary>
internal static class EscapedText
{
    private static readonly SearchValues<char> s_special = SearchValues.Create("\\()[]{}:=, \t");

    /// <summary>Whether a backslash before the character takes away its meaning.</summary>
    public static bool IsEscapable(char c) => s_special.Contains(c);

    public static string Write(string text)
    {
        if (text.AsSpan().IndexOfAny(s_special) < 0)
        {
            return text;
        }

        var written = new StringBuilder(text.Length + 8);
        foreach (char c in text)
        {
            if (IsEscapable(c))
            {
                written.Append('\\');
            }

            written.Append(c);
        }

        return written.ToString();
    }

    /// <summary>Undoes a run of escapes, in which every other character is a backslash.</summary>
    public static void AppendRead(StringBuilder target, ReadOnlySpan<char> escapes)
    {
        for (int i = 1; i < escapes.Length; i += 2)
        {
            target.Append(escapes[i]);
        }
    }
}
