using System.Text;

namespace Sluice.Configuration.Interpolation;

/// <summary>Parses the arguments of a resolver: typed primitives, quoted texts, lists and mappings, with interpolations in them.</summary>
internal static class ArgumentParser
{
    private const string Escapable = "\\()[]{}:=, \t";
    private const string Unquoted = "/-\\+.$%*@?|_";
    private const string Quoting = "put a text with such characters into quotes";

    /// <summary>Parses elements with commas between them up to the closing bracket; one that is left out is an empty text.</summary>
    public static IReadOnlyList<Expression> Sequence(TextCursor cursor, char closing)
    {
        var items = new List<Expression>();
        cursor.SkipBlanks();
        if (cursor.Take(closing))
        {
            return items;
        }

        do
        {
            cursor.SkipBlanks();
            items.Add(cursor.IsAt(',') || cursor.IsAt(closing) ? Text(cursor, "") : Element(cursor));
            cursor.SkipBlanks();
        }
        while (cursor.Take(','));

        return cursor.Take(closing) ? items : throw cursor.Unexpected(Quoting);
    }

    /// <summary>Parses one element.</summary>
    public static Expression Element(TextCursor cursor)
    {
        if (cursor.IsAtAny("'\""))
        {
            // Quoted is text, also when there is nothing but an interpolation in the quotes.
            IReadOnlyList<Expression> parts = TextParser.Parts(cursor, cursor.Next());
            return parts is [Literal text] ? text : new Concatenation(parts);
        }

        if (!cursor.IsAtAny("[{"))
        {
            return Primitive(cursor);
        }

        cursor.Enter();
        Expression container = cursor.Next() == '[' ? new ListLiteral(Sequence(cursor, ']')) : Mapping(cursor);
        cursor.Leave();
        return container;
    }

    private static MappingLiteral Mapping(TextCursor cursor)
    {
        var entries = new OrderedDictionary<string, Expression>(StringComparer.Ordinal);
        cursor.SkipBlanks();
        if (cursor.Take('}'))
        {
            return new MappingLiteral([]);
        }

        do
        {
            cursor.SkipBlanks();
            string key = Key(cursor);
            cursor.SkipBlanks();
            entries[key] = Element(cursor);
            cursor.SkipBlanks();
        }
        while (cursor.Take(','));

        return cursor.Take('}') ? new MappingLiteral([.. entries]) : throw cursor.Unexpected(Quoting);
    }

    private static string Key(TextCursor cursor)
    {
        var words = new Words();
        while (!cursor.IsAt(':') && !cursor.IsAt(InterpolationSyntax.Opening) && Word(cursor, words))
        {
        }

        string key = words.Trimmed();
        return key.Length > 0 && cursor.Take(':') ? key
            : throw cursor.Unexpected("a key of a mapping is unquoted text with a colon behind it");
    }

    private static Expression Primitive(TextCursor cursor)
    {
        var parts = new List<Expression>();
        var words = new Words();
        while (true)
        {
            if (cursor.IsAt(InterpolationSyntax.Opening))
            {
                if (words.Length > 0)
                {
                    parts.Add(Text(cursor, words.Flush()));
                }

                parts.Add(ReferenceParser.Parse(cursor));
            }
            else if (!Word(cursor, words))
            {
                break;
            }
        }

        string rest = words.Trimmed();
        return (parts.Count, rest.Length) switch
        {
            (0, 0) => throw cursor.Unexpected(Quoting),
            (0, _) => words.HasEscapes ? Text(cursor, rest) : new Literal(PrimitiveTyping.TypeOf(rest, cursor.Mark)),
            (1, 0) => parts[0],
            (_, 0) => new Concatenation(parts),
            _ => new Concatenation([.. parts, Text(cursor, rest)]),
        };
    }

    /// <summary>Takes one character, or an escaped one, that may stand in unquoted text.</summary>
    private static bool Word(TextCursor cursor, Words words)
    {
        if (cursor.IsAtEnd)
        {
            return false;
        }

        if (cursor.IsAt('\\') && cursor.IsAtAny(Escapable, 1))
        {
            words.AddEscaped(cursor.Take(2)[1]);
            return true;
        }

        bool allowed = char.IsAsciiLetterOrDigit(cursor.Current) || cursor.IsAtAny(Unquoted) || cursor.IsAtAny(": \t");
        if (allowed)
        {
            words.Add(cursor.Next());
        }

        return allowed;
    }

    private static Literal Text(TextCursor cursor, string text) => new(ConfigScalar.OfText(text, cursor.Mark));

    /// <summary>Unquoted text that is being read; blanks at its end do not count unless they are escaped.</summary>
    private sealed class Words
    {
        private readonly StringBuilder _text = new();
        private int _kept;

        public int Length => _text.Length;

        public bool HasEscapes { get; private set; }

        public void Add(char character)
        {
            _text.Append(character);
            _kept = character is ' ' or '\t' ? _kept : _text.Length;
        }

        public void AddEscaped(char character)
        {
            HasEscapes = true;
            _kept = _text.Append(character).Length;
        }

        public string Flush()
        {
            string text = _text.ToString();
            _text.Clear();
            _kept = 0;
            return text;
        }

        public string Trimmed() => _text.ToString(0, _kept);
    }
}
