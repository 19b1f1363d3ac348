using System.Globalization;
using System.Numerics;

namespace Sluice.Configuration.Overrides;

/// <summary>A single value.</summary>
/// <param name="Value">The value, escapes undone.</param>
/// <param name="Quote">The quotes it was written in, or null.</param>
internal sealed record ScalarElement(ConfigScalar Value, char? Quote = null) : OverrideElement
{
    public static ScalarElement Null { get; } = new(ConfigScalar.OfNull("null", SourceMark.CommandLine));

    public override string JobText => Value.Type switch
    {
        ScalarKind.Null => "null",
        ScalarKind.Text => Quote is { } quote ? QuotedText.Write(Value.Text, quote) : EscapedText.Write(Value.Text),
        _ => ScalarText.Of(Value),
    };

    /// <summary>Gets the text as the key of a mapping: JSON's text for what is no text.</summary>
    public string KeyText => Value.Type is ScalarKind.Integer or ScalarKind.Number ? ScalarText.Of(Value) : Value.Text;

    public static ScalarElement OfText(string text, char? quote = null) => new(ConfigScalar.OfText(text, SourceMark.CommandLine), quote);

    public static ScalarElement OfBoolean(bool value) =>
        new(ConfigScalar.OfBoolean(value, value ? "true" : "false", SourceMark.CommandLine));

    public static ScalarElement OfInteger(BigInteger value) =>
        new(ConfigScalar.OfInteger(value, value.ToString(CultureInfo.InvariantCulture), SourceMark.CommandLine));

    public static ScalarElement OfNumber(double value)
    {
        // In a config file an infinity needs the dot that Python does not print.
        string text = double.IsFinite(value) ? ScalarText.Of(ConfigScalar.OfNumber(value, "", SourceMark.CommandLine))
            : double.IsNaN(value) ? ".nan" : value > 0 ? ".inf" : "-.inf";
        return new ScalarElement(ConfigScalar.OfNumber(value, text, SourceMark.CommandLine));
    }

    public override ConfigNode ToNode() => Value;

    public override OverrideElement Quoted() => Value.Type == ScalarKind.Text && Quote is null ? this with { Quote = '"' } : this;
}
