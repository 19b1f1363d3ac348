namespace Sluice.Configuration.Interpolation;

/// <summary>Parses what begins with <c>${</c>: a reference to a key, or a call of a resolver.</summary>
internal static class ReferenceParser
{
    private const string NotInKeys = "\\{}()[]:. \t'\"";

    /// <summary>Parses one interpolation, which begins at the cursor.</summary>
    public static Expression Parse(TextCursor cursor)
    {
        int start = cursor.Position;
        cursor.Enter();
        cursor.Take(InterpolationSyntax.Opening.Length);
        cursor.SkipBlanks();
        var key = new List<Expression>();
        bool mayBeName = !Dots(cursor, key);
        mayBeName &= Segment(cursor, key);
        while (cursor.IsAtAny(".["))
        {
            if (cursor.Take('.'))
            {
                key.Add(Text(cursor, "."));
                mayBeName &= !cursor.IsAt('[');
            }

            mayBeName &= Segment(cursor, key);
        }

        cursor.SkipBlanks();
        IReadOnlyList<Expression>? arguments = null;
        if (mayBeName && cursor.Take(':'))
        {
            arguments = ArgumentParser.Sequence(cursor, '}');
        }
        else if (!cursor.Take('}'))
        {
            throw cursor.Unexpected();
        }

        cursor.Leave();
        string source = cursor.Since(start);
        return arguments is null ? new Reference(key, source) : new Call(key, arguments, source);
    }

    private static bool Dots(TextCursor cursor, List<Expression> key)
    {
        int start = cursor.Position;
        while (cursor.Take('.'))
        {
        }

        if (cursor.Position > start)
        {
            key.Add(Text(cursor, cursor.Since(start)));
        }

        return cursor.Position > start;
    }

    /// <summary>Parses a segment of a key, in brackets or not.</summary>
    /// <returns>Whether it may be a part of a resolver's name.</returns>
    private static bool Segment(TextCursor cursor, List<Expression> key)
    {
        if (!cursor.Take('['))
        {
            return Name(cursor, key);
        }

        key.Add(Text(cursor, "["));
        Name(cursor, key);
        key.Add(Text(cursor, "]"));
        return cursor.Take(']') ? false : throw cursor.Unexpected();
    }

    private static bool Name(TextCursor cursor, List<Expression> key)
    {
        if (cursor.IsAt(InterpolationSyntax.Opening))
        {
            key.Add(Parse(cursor));
            return true;
        }

        int start = cursor.Position;
        while (!cursor.IsAtEnd && !cursor.IsAtAny(NotInKeys))
        {
            if (cursor.Position > start && cursor.IsAt(InterpolationSyntax.Opening))
            {
                throw cursor.Fail("a nested interpolation must be a whole part of a key", "as in ${a.${b}} or ${a[${b}]}");
            }

            cursor.Next();
        }

        if (cursor.Position == start)
        {
            throw cursor.Unexpected();
        }

        string name = cursor.Since(start);
        key.Add(Text(cursor, name));
        return (char.IsAsciiLetter(name[0]) || name[0] == '_')
            && name.All(static letter => char.IsAsciiLetterOrDigit(letter) || letter is '_' or '-');
    }

    private static Literal Text(TextCursor cursor, string text) => new(ConfigScalar.OfText(text, cursor.Mark));
}
