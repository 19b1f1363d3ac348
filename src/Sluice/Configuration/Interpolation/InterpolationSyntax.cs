using System.Text;

namespace Sluice.Configuration.Interpolation;

/// <summary>Parses texts that may hold interpolations.</summary>
internal static class InterpolationSyntax
{
    /// <summary>What begins an interpolation.</summary>
    public const string Opening = "${";

    /// <summary>What a message says to someone who meant no interpolation.</summary>
    public const string Escaping = @"a ""${"" that is meant as text is written ""\${""";

    /// <summary>Whether a text holds neither an interpolation nor an escaped one, so that it stands for itself.</summary>
    public static bool IsPlain(string text) => !text.Contains(Opening, StringComparison.Ordinal);

    /// <summary>Refuses a text whose interpolations cannot be parsed; resolves nothing.</summary>
    /// <exception cref="ConfigException">The text cannot be parsed.</exception>
    public static void Check(ConfigScalar text)
    {
        if (text.Type == ScalarKind.Text && !IsPlain(text.Text))
        {
            Parse(text);
        }
    }

    /// <summary>Parses a value of a config: text with interpolations in it.</summary>
    /// <exception cref="ConfigException">The text cannot be parsed.</exception>
    public static Expression Parse(ConfigScalar text)
    {
        if (IsPlain(text.Text))
        {
            return new Literal(text);
        }

        IReadOnlyList<Expression> parts = TextParser.Parts(new TextCursor(text.Text, text.Mark));
        return parts.Count == 1 ? parts[0] : new Concatenation(parts);
    }

    /// <summary>Parses a text by the rules for one argument of a resolver, as <c>oc.decode</c> does.</summary>
    /// <exception cref="ConfigException">The text cannot be parsed.</exception>
    public static Expression ParseElement(string text, SourceMark mark)
    {
        var cursor = new TextCursor(text, mark);
        cursor.SkipBlanks();
        Expression element = ArgumentParser.Element(cursor);
        cursor.SkipBlanks();
        return cursor.IsAtEnd ? element : throw cursor.Unexpected();
    }

    /// <summary>Writes a text so that <see cref="Parse"/> gives it back as it is.</summary>
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
