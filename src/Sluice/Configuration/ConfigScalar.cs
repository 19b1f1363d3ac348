using System.Numerics;

namespace Sluice.Configuration;

/// <summary>What a scalar is.</summary>
internal enum ScalarKind
{
    Null,
    Boolean,
    Integer,
    Number,
    Text,

    /// <summary>A value that could not be composed; the mistake is already reported, so nothing more is said about it.</summary>
    Broken,
}

/// <summary>A single value: nothing, true or false, a whole number, a number, or text.</summary>
internal sealed class ConfigScalar : ConfigNode
{
    private ConfigScalar(ScalarKind type, string text, SourceMark mark)
        : base(mark)
    {
        Type = type;
        Text = text;
        Characters = text.Length;
    }

    public ScalarKind Type { get; }

    /// <summary>Gets the text as written, which for numbers and the like is not unique: <c>1_000</c>.</summary>
    public string Text { get; }

    public bool Boolean { get; private init; }

    public BigInteger Integer { get; private init; }

    public double Number { get; private init; }

    public override string Kind => Type switch
    {
        ScalarKind.Null => "nothing",
        ScalarKind.Boolean => "true or false",
        ScalarKind.Integer => "a whole number",
        ScalarKind.Number => "a number",
        _ => "text",
    };

    public static ConfigScalar OfText(string text, SourceMark mark) => new(ScalarKind.Text, text, mark);

    public static ConfigScalar OfNull(string text, SourceMark mark) => new(ScalarKind.Null, text, mark);

    public static ConfigScalar OfBoolean(bool value, string text, SourceMark mark) =>
        new(ScalarKind.Boolean, text, mark) { Boolean = value };

    public static ConfigScalar OfInteger(BigInteger value, string text, SourceMark mark) =>
        new(ScalarKind.Integer, text, mark) { Integer = value, Number = (double)value };

    public static ConfigScalar OfNumber(double value, string text, SourceMark mark) =>
        new(ScalarKind.Number, text, mark) { Number = value };

    public static ConfigScalar Broken(SourceMark mark) => new(ScalarKind.Broken, "", mark);

    public ConfigScalar At(SourceMark mark) => new(Type, Text, mark) { Boolean = Boolean, Integer = Integer, Number = Number };

    public override bool SameAs(ConfigNode other) =>
        other is ConfigScalar scalar
        && scalar.Type == Type
        && Type switch
        {
            ScalarKind.Null => true,
            ScalarKind.Boolean => scalar.Boolean == Boolean,
            ScalarKind.Integer => scalar.Integer == Integer,
            ScalarKind.Number => scalar.Number.Equals(Number),
            _ => scalar.Text == Text,
        };
}
