using System.Globalization;
using Sluice.Configuration;

namespace Sluice.Tests.Configuration;

public class ScalarTypingTests
{
    [Theory]
    [InlineData("")]
    [InlineData("~")]
    [InlineData("null")]
    [InlineData("Null")]
    [InlineData("NULL")]
    public void Nothing_is_null(string text) => Assert.Equal(ScalarKind.Null, TypeOf(text).Type);

    [Theory]
    [InlineData("true", true)]
    [InlineData("True", true)]
    [InlineData("TRUE", true)]
    [InlineData("yes", true)]
    [InlineData("On", true)]
    [InlineData("false", false)]
    [InlineData("NO", false)]
    [InlineData("off", false)]
    public void Words_of_YAML_1_1_are_true_or_false(string text, bool expected)
    {
        Assert.Equal(ScalarKind.Boolean, TypeOf(text).Type);
        Assert.Equal(expected, TypeOf(text).Boolean);
    }

    [Theory]
    [InlineData("0", "0")]
    [InlineData("-0", "0")]
    [InlineData("10", "10")]
    [InlineData("-3", "-3")]
    [InlineData("+7", "7")]
    [InlineData("1_000", "1000")]
    [InlineData("1__0", "10")]
    [InlineData("1_", "1")]
    [InlineData("017", "15")]
    [InlineData("00", "0")]
    [InlineData("0x1F", "31")]
    [InlineData("0xFF_FF", "65535")]
    [InlineData("+0x10", "16")]
    [InlineData("-0b101", "-5")]
    [InlineData("1:30", "90")]
    [InlineData("12:30:45", "45045")]
    [InlineData("12345678901234567890", "12345678901234567890")]
    public void Whole_numbers(string text, string expected)
    {
        Assert.Equal(ScalarKind.Integer, TypeOf(text).Type);
        Assert.Equal(expected, TypeOf(text).Integer.ToString(CultureInfo.InvariantCulture));
    }

    [Theory]
    [InlineData("1.5", 1.5)]
    [InlineData("5.", 5)]
    [InlineData(".5", .5)]
    [InlineData(".5e+1", 5)]
    [InlineData("1e-3", 0.001)]
    [InlineData("1E5", 100000)]
    [InlineData("3e-05", 0.00003)]
    [InlineData("-1e10", -1e10)]
    [InlineData("1_000e3", 1e6)]
    [InlineData("1._5", 1.5)]
    [InlineData("09.5", 9.5)]
    [InlineData("190:20:30.15", 685230.15)]
    [InlineData(".inf", double.PositiveInfinity)]
    [InlineData("-.INF", double.NegativeInfinity)]
    [InlineData(".NaN", double.NaN)]
    public void Numbers(string text, double expected)
    {
        Assert.Equal(ScalarKind.Number, TypeOf(text).Type);
        Assert.Equal(expected, TypeOf(text).Number, 1e-9);
    }

    [Theory]
    [InlineData("y")]
    [InlineData("tRUE")]
    [InlineData("oFF")]
    [InlineData("none")]
    [InlineData("0o17")]
    [InlineData("08")]
    [InlineData("1:75")]
    [InlineData("0:10")]
    [InlineData("-.5")]
    [InlineData("+.5")]
    [InlineData(".5e1")]
    [InlineData("1e")]
    [InlineData("e5")]
    [InlineData("_1")]
    [InlineData("1.2.3")]
    [InlineData("inf")]
    [InlineData("nan")]
    [InlineData(".")]
    [InlineData("-")]
    [InlineData("2024-01-31")]
    [InlineData("1\n")]
    [InlineData("gpt-3.5-turbo")]
    public void Everything_else_is_text(string text) => Assert.Equal(ScalarKind.Text, TypeOf(text).Type);

    [Fact]
    public void Quoted_is_text() =>
        Assert.All(((ConfigSequence)YamlReader.Read("['1', \"true\", '~', !!str 1]", "a")).Items, static item => Assert.Equal(ScalarKind.Text, ((ConfigScalar)item).Type));

    [Theory]
    [InlineData("1.0", "1.0")]
    [InlineData("-2.50", "-2.5")]
    [InlineData("1e-3", "0.001")]
    [InlineData("0.0001", "0.0001")]
    [InlineData("1e-5", "1e-05")]
    [InlineData("1.25e-7", "1.25e-07")]
    [InlineData("123456.75", "123456.75")]
    [InlineData("1e15", "1000000000000000.0")]
    [InlineData("1e16", "1e+16")]
    [InlineData("1e23", "1e+23")]
    [InlineData("1.7976931348623157e308", "1.7976931348623157e+308")]
    [InlineData("0.0", "0.0")]
    [InlineData("-.inf", "-inf")]
    [InlineData(".nan", "nan")]
    [InlineData("1_000", "1000")]
    [InlineData("true", "True")]
    [InlineData("~", "None")]
    [InlineData("x", "x")]
    public void In_a_text_a_value_looks_as_in_Python(string text, string expected) => Assert.Equal(expected, ScalarText.Of(TypeOf(text)));

    private static ConfigScalar TypeOf(string text) => ScalarTyping.TypeOf(text, default);
}
