using System.Text;

namespace Sluice.Configuration.Interpolation;

/// <summary>Parses running text in which interpolations stand: a value of a config, or a quoted argument.</summary>
internal static class TextParser
{
    /// <summary>Parses up to the end of the text, or up to the closing quote when there is one.</summary>
    /// <remarks>Backslashes count only in front of <c>${</c> or the closing quote: two are one, and an odd one escapes.</remarks>
    /// <returns>At least one part.</returns>
    public static IReadOnlyList<Expression> Parts(TextCursor cursor, char? quote = null)
    {
        var parts = new List<Expression>();
        var plain = new StringBuilder();
        while (!IsOver(cursor, quote))
        {
            if (cursor.IsAt(InterpolationSyntax.Opening))
            {
                Flush();
                parts.Add(ReferenceParser.Parse(cursor));
            }
            else if (cursor.Current == '\\')
            {
                Backslashes(cursor, quote, plain);
            }
            else
            {
                plain.Append(cursor.Next());
            }
        }

        if (parts.Count == 0 || plain.Length > 0)
        {
            Flush(evenEmpty: true);
        }

        return parts;

        void Flush(bool evenEmpty = false)
        {
            if (plain.Length > 0 || evenEmpty)
            {
                parts.Add(new Literal(ConfigScalar.OfText(plain.ToString(), cursor.Mark)));
                plain.Clear();
            }
        }
    }

    private static bool IsOver(TextCursor cursor, char? quote) => quote switch
    {
        null => cursor.IsAtEnd,
        _ when cursor.IsAtEnd => throw cursor.Unexpected(),
        { } closing => cursor.Take(closing),
    };

    private static void Backslashes(TextCursor cursor, char? quote, StringBuilder plain)
    {
        int count = 0;
        while (cursor.Take('\\'))
        {
            count++;
        }

        int special = cursor.IsAt(InterpolationSyntax.Opening) ? 2 : quote is { } closing && cursor.IsAt(closing) ? 1 : 0;
        plain.Append('\\', special == 0 ? count : count / 2);
        if (special > 0 && count % 2 == 1)
        {
            plain.Append(cursor.Take(special));
        }
    }
}
