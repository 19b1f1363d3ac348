using CsCheck;
using Sluice.Configuration;

namespace Sluice.Tests.Configuration;

public class YamlPrinterTests
{
    private static readonly string[] Traps =
    [
        "", " ", "a: b", "a #b", "- a", "#", "'", "\"", "\\", "null", "true", "1e3", "017", "1:30", "2024-01-31", "---", "...", "... a", "--- a", "<<", "=", "?", "? a",
        "*a", "&a", "!a", "%a", "@a", "`a", "|", ">", "[", "{", "}", ",", "a,", "a\nb", "a\nb\n", "a\n\n", "\na", " a\nb", "a \nb", "a\n\tb", "a\n b", "a\n  ", "a\nb ",
        "\t", "a\tb", "\r", "a\r\nb", "\u0085", "\u2028", "\uFEFF", "\u00A0", "\0", "\u007F", "é", "日本", "😀", "a:", "a :b", "${x}", "{{ sample.q }}", "a\n#b", "a\n---\nb", "a\n...\nb",
    ];

    private static readonly string[] Typed = ["null", "~", "true", "off", "1_000", "0x1F", "-12", "1e-3", ".5", "-.inf", "1:30"];

    private static readonly Gen<string> Text = Gen.OneOf(
        Gen.Int[0, Traps.Length - 1].Select(static place => Traps[place]),
        Gen.Char["ab:-?[]{},&*!|>'\"%@` \n\t#~<.0\\=$\u0085\u2028é"].Array[0, 12].Select(static characters => new string(characters)),
        Gen.Char.Array[0, 8].Select(static characters => string.Concat(characters.Where(static character => !char.IsSurrogate(character)))));

    private static readonly Gen<ConfigNode> Scalar = Gen.OneOf(
        Text.Select(static text => (ConfigNode)ConfigScalar.OfText(text, default)),
        Text.Select(static text => (ConfigNode)ScalarTyping.TypeOf(text, default)),
        Gen.Int[0, Typed.Length - 1].Select(static place => Typed[place]).Select(static text => (ConfigNode)ScalarTyping.TypeOf(text, default)));

    private static readonly Gen<ConfigMapping> Tree = MappingOf(Node(4));

    [Fact]
    public void What_is_printed_reads_back_the_same() => Tree.Sample(
        static tree => tree.SameAs(YamlReader.Read(YamlPrinter.Print(tree), "f")),
        iter: 20_000,
        print: static tree => string.Concat(YamlPrinter.Print(tree).Select(static character => character is > ' ' and < '\u007F' or ' ' or '\n' ? character.ToString() : $"<{(int)character:X4}>")));

    [Fact]
    public void Each_trap_reads_back_as_key_and_as_value() => Assert.All(Traps, static trap =>
    {
        var tree = new ConfigMapping([new ConfigEntry(trap, default, new ConfigSequence([ConfigScalar.OfText(trap, default)], default))], default);
        Assert.True(tree.SameAs(YamlReader.Read(YamlPrinter.Print(tree), "f")), YamlPrinter.Print(tree));
    });

    [Theory]
    [InlineData("1e-3", "0.001")]
    [InlineData("1e-5", "1.0e-05")]
    [InlineData("-1E16", "-1.0e+16")]
    [InlineData("1.50", "1.5")]
    [InlineData("!!float 3", "3.0")]
    [InlineData(".Inf", ".inf")]
    [InlineData("-.INF", "-.inf")]
    [InlineData(".NaN", ".nan")]
    [InlineData("017", "15")]
    [InlineData("0x1F", "31")]
    [InlineData("1_000", "1000")]
    [InlineData("1:30", "90")]
    [InlineData("Yes", "true")]
    [InlineData("off", "false")]
    [InlineData("~", "null")]
    [InlineData("2024-01-31", "'2024-01-31'")]
    [InlineData("2024-1-3 12:30:00", "'2024-1-3 12:30:00'")]
    [InlineData("'017'", "'017'")]
    [InlineData("y", "'y'")]
    public void Values_are_written_as_PyYAML_writes_them(string text, string printed) => Assert.Equal($"v: {printed}\n", YamlPrinter.Print(YamlReader.Read($"v: {text}", "f")));

    [Fact]
    public void Keys_that_are_no_text_are_written_as_what_they_are() =>
        Assert.Equal("true: 1\n17: 2\n'18': 3\n", YamlPrinter.Print(YamlReader.Read("on: 1\n0x11: 2\n'18': 3\n", "f")));

    [Fact]
    public void Prints_blocks_in_the_order_given()
    {
        const string Printed = """
            name: a-b
            model:
              params:
                temperature: 0.001
                stop: []
                extra: {}
                'null': null
            steps:
              - user: |-
                  Think: step by step.

                    {{ sample.q }}
                system: "{{ a }} # b"
              -
            list:
              - - 1
                - '1'
              - - x
            """;

        Assert.Equal(Printed.Replace("  -\n", "  - null\n", StringComparison.Ordinal) + "\n", YamlPrinter.Print(YamlReader.Read(Printed, "f")));
    }

    private static Gen<ConfigNode> Node(int depth) => depth == 0
        ? Scalar
        : Gen.Frequency(
            (4, Scalar),
            (1, MappingOf(Node(depth - 1)).Select(static mapping => (ConfigNode)mapping)),
            (1, Node(depth - 1).Array[0, 3].Select(static items => (ConfigNode)new ConfigSequence(items, default))));

    private static Gen<ConfigMapping> MappingOf(Gen<ConfigNode> value) => Gen.Select(Text, value).Array[0, 4].Select(static entries =>
        new ConfigMapping([.. entries.DistinctBy(static entry => entry.Item1).Select(static entry => new ConfigEntry(entry.Item1, default, entry.Item2))], default));
}
