using System.Numerics;
using System.Runtime.InteropServices;
using System.Text;

namespace Sluice.Configuration.Overrides;

/// <summary>Reads the value of an override, by recursive descent.</summary>
internal sealed class OverrideValueReader(string text, int start)
{
    private readonly List<OverrideToken> _tokens = OverrideLexer.Tokens(text, start);
    private int _at;
    private int _depth;

    private OverrideToken Next => _tokens[_at];

    /// <summary>Reads an element or a comma sweep, to the end of the text.</summary>
    public OverrideValue Read()
    {
        if (Next.Kind == OverrideTokenKind.End)
        {
            return ScalarElement.OfText("");
        }

        OverrideToken first = Next;
        OverrideValue value = Element();
        if (Next.Kind == OverrideTokenKind.Comma)
        {
            var choices = new List<OverrideElement> { Single(value, first, "another sweep") };
            while (TryTake(OverrideTokenKind.Comma))
            {
                choices.Add(Single("another sweep"));
            }

            value = new ChoiceSweep(choices) { Simple = true };
        }

        return Next.Kind == OverrideTokenKind.End ? value : throw Unexpected();
    }

    private OverrideValue Element() => Next.Kind switch
    {
        OverrideTokenKind.BracketOpen => Nested(List),
        OverrideTokenKind.BraceOpen => Nested(Dict),
        OverrideTokenKind.Identifier when _tokens[_at + 1].Kind == OverrideTokenKind.ParenOpen => Nested(Function),
        OverrideTokenKind.Quoted => Quoted(),
        _ => Plain(static token => token.IsPlain),
    };

    private OverrideElement Single(string place)
    {
        OverrideToken first = Next;
        return Single(Element(), first, place);
    }

    private OverrideElement Single(OverrideValue value, OverrideToken first, string place) =>
        value as OverrideElement ?? throw OverrideMistake.Function(text, first.Start, $"a sweep cannot stand in {place}");

    private T Nested<T>(Func<T> read)
    {
        if (++_depth > ConfigLimits.Depth)
        {
            throw OverrideMistake.Syntax(text, Next.Start, $"nested deeper than {ConfigLimits.Depth} levels");
        }

        T value = read();
        _depth--;
        return value;
    }

    private ListElement List()
    {
        var items = new List<OverrideElement>();
        Series(OverrideTokenKind.BracketClose, () => items.Add(Single("a list")));
        return new ListElement(items);
    }

    private DictElement Dict()
    {
        var entries = new OrderedDictionary<string, KeyValuePair<ScalarElement, OverrideElement>>(StringComparer.Ordinal);
        Series(OverrideTokenKind.BraceClose, () =>
        {
            ScalarElement key = Plain(static token =>
                token is { IsPlain: true, Kind: not (OverrideTokenKind.Colon or OverrideTokenKind.Interpolation) });
            Take(OverrideTokenKind.Colon);
            OverrideElement value = Single("a dict");

            // As in Python, a repeated key keeps its first place and takes the last value.
            entries[key.KeyText] = KeyValuePair.Create(key, value);
        });
        return new DictElement([.. entries.Values]);
    }

    private OverrideValue Function()
    {
        OverrideToken name = Next;
        _at++;
        var positional = new List<OverrideValue>();
        var named = new Dictionary<string, OverrideValue>(StringComparer.Ordinal);
        Series(OverrideTokenKind.ParenClose, () =>
        {
            OverrideToken first = Next;
            if (first.Kind == OverrideTokenKind.Identifier && _tokens[_at + 1].Kind == OverrideTokenKind.Equal)
            {
                _at += 2;
                named[Text(first).ToString()] = Unquoted(Element());
            }
            else if (named.Count > 0)
            {
                throw OverrideMistake.Function(text, first.Start, "positional argument follows keyword argument");
            }
            else
            {
                positional.Add(Unquoted(Element()));
            }
        });
        string written = text[name.Start.._tokens[_at - 1].End];
        return OverrideFunctions.Evaluate(new FunctionCall(Text(name).ToString(), positional, named, text, name.Start, written));
    }

    // As in Hydra, a function sees no quotes around its arguments.
    private static OverrideValue Unquoted(OverrideValue value) => value is ScalarElement scalar ? scalar with { Quote = null } : value;

    // An opening token, things with commas between them, and the closing token.
    private void Series(OverrideTokenKind close, Action readOne)
    {
        _at++;
        if (TryTake(close))
        {
            return;
        }

        do
        {
            readOne();
        }
        while (TryTake(OverrideTokenKind.Comma));
        Take(close);
    }

    private ScalarElement Quoted()
    {
        OverrideToken token = Next;
        _at++;
        return ScalarElement.OfText(QuotedText.Read(Text(token)), text[token.Start]);
    }

    // A run of tokens: one is typed, several are text. Blanks at both ends do not count.
    private ScalarElement Plain(Func<OverrideToken, bool> allowed)
    {
        int first = _at;
        while (allowed(Next))
        {
            _at++;
        }

        int end = _at;
        if (first < end && _tokens[first].Kind == OverrideTokenKind.Blank)
        {
            first++;
        }

        if (first < end && _tokens[end - 1].Kind == OverrideTokenKind.Blank)
        {
            end--;
        }

        return first == end ? throw Unexpected()
            : end - first == 1 ? Typed(_tokens[first]) : Joined(CollectionsMarshal.AsSpan(_tokens)[first..end]);
    }

    private ScalarElement Typed(OverrideToken token)
    {
        string word = Text(token).ToString();
        switch (token.Kind)
        {
            case OverrideTokenKind.Null:
                return ScalarElement.Null;
            case OverrideTokenKind.Boolean:
                return ScalarElement.OfBoolean(word.Equals("true", StringComparison.OrdinalIgnoreCase));
            case OverrideTokenKind.Integer when NumberText.TryInteger(word, out BigInteger integer):
                return ScalarElement.OfInteger(integer);
            case OverrideTokenKind.Float when NumberText.TryNumber(word, out double number):
                return ScalarElement.OfNumber(number);
            default:
                return Joined([token]);
        }
    }

    private ScalarElement Joined(ReadOnlySpan<OverrideToken> tokens)
    {
        var joined = new StringBuilder();
        foreach (OverrideToken token in tokens)
        {
            if (token.Kind == OverrideTokenKind.Escapes)
            {
                EscapedText.AppendRead(joined, Text(token));
            }
            else
            {
                joined.Append(Text(token));
            }
        }

        return ScalarElement.OfText(joined.ToString());
    }

    private ReadOnlySpan<char> Text(OverrideToken token) => text.AsSpan(token.Start, token.End - token.Start);

    private bool TryTake(OverrideTokenKind kind)
    {
        bool taken = Next.Kind == kind;
        _at += taken ? 1 : 0;
        return taken;
    }

    private void Take(OverrideTokenKind kind)
    {
        if (!TryTake(kind))
        {
            throw Unexpected();
        }
    }

    private ConfigException Unexpected()
    {
        int place = Next.Kind == OverrideTokenKind.Blank ? Next.Start : OverrideLexer.SkipBlanks(text, Next.Start);
        return OverrideMistake.Syntax(text, place, Next.Kind switch
        {
            OverrideTokenKind.End => "the value ends too early: a bracket is open, or something must follow",
            OverrideTokenKind.Equal => "'=' inside a value needs quotes, or a backslash before it",
            OverrideTokenKind.Quoted => "a quoted text must be the whole value or item",
            OverrideTokenKind.Comma or OverrideTokenKind.Colon => $"something must stand before '{text[place]}'",
            _ when _at > 0 && _tokens[_at - 1].Kind is OverrideTokenKind.Quoted => "nothing may follow the closing quote",
            OverrideTokenKind.Blank => "a blank is not expected here",
            _ => $"'{Say.Short(text[place..Next.End])}' is not expected here",
        });
    }
}
