using System.Diagnostics;
using System.Text;
using CsCheck;
using Sluice.Configuration;

namespace Sluice.Tests.Configuration;

public class YamlReaderTests
{
    [Fact]
    public void Every_key_and_value_knows_its_line_and_column()
    {
        var root = (ConfigMapping)YamlReader.Read("a: 1\n\n# why\nb:\n  - x\n  - { c:  y }\n", "f.yaml");

        Assert.Equal(new SourceMark("f.yaml", 1, 4), root.Entries[0].Value.Mark);
        Assert.Equal(new SourceMark("f.yaml", 4, 1), root.Entries[1].KeyMark);
        var list = (ConfigSequence)root.Entries[1].Value;
        Assert.Equal("f.yaml:5:5", list.Items[0].Mark.ToString());
        ConfigEntry entry = Assert.Single(((ConfigMapping)list.Items[1]).Entries);
        Assert.Equal((6, 7), (entry.KeyMark.Line, entry.KeyMark.Column));
        Assert.Equal((6, 11), (entry.Value.Mark.Line, entry.Value.Mark.Column));
    }

    [Theory]
    [InlineData("")]
    [InlineData("# nothing\n")]
    [InlineData("---\n")]
    [InlineData("null\n")]
    [InlineData("{}")]
    public void An_empty_document_is_an_empty_mapping(string text) => Assert.Empty(Assert.IsType<ConfigMapping>(YamlReader.Read(text, "a")).Entries);

    [Fact]
    public void Aliases_stand_for_the_value_and_merge_keys_add_what_is_missing()
    {
        ConfigNode read = YamlReader.Read("base: &b { x: 1, y: 2 }\nother: &o { y: 3, z: 4 }\na: *b\nm: { y: 0, <<: [*b, *o] }\n", "a");
        ConfigNode expected = YamlReader.Read("base: { x: 1, y: 2 }\nother: { y: 3, z: 4 }\na: { x: 1, y: 2 }\nm: { y: 0, z: 4, x: 1 }\n", "a");
        Assert.True(expected.SameAs(read), YamlPrinter.Print(read));
    }

    [Theory]
    [InlineData("m:\n  v: \"a\n  b\"\nw: 1\n", "m: { v: a b }\nw: 1\n")]
    [InlineData("v: \"a\n\nb\n c\"\n", "v: \"a\\nb c\"\n")]
    [InlineData("m:\n  - k: {\n  a: 1,\n  b: [\n 1]\n }\n", "m:\n  - k: { a: 1, b: [1] }\n")]
    [InlineData("v: [\n\"a\nb\",\n'c\nd', [e\nf]]\nw: 1\n", "v: [a b, c d, [e f]]\nw: 1\n")]
    [InlineData("m:\n  v: [\n  a\n]\n", "m: { v: [a] }\n")]
    public void Inside_quotes_and_brackets_indentation_means_nothing_as_in_PyYAML(string text, string meant)
    {
        ConfigNode read = YamlReader.Read(text, "f");
        Assert.True(YamlReader.Read(meant, "f").SameAs(read), YamlPrinter.Print(read));
    }

    [Fact]
    public void Places_are_those_of_the_text_as_written_where_it_was_indented()
    {
        var root = (ConfigMapping)YamlReader.Read("m:\n  v: {\na: 1,\n b: x }\nw: 1\n", "f");

        var inner = (ConfigMapping)((ConfigMapping)root.Entries[0].Value).Entries[0].Value;
        Assert.Equal(["f:3:1", "f:4:2"], inner.Entries.Select(entry => entry.KeyMark.ToString()));
        Assert.Equal("f:4:5", inner.Entries[1].Value.Mark.ToString());
        Assert.StartsWith("f:3:7: found duplicate key b", Refusal("v: {\na: 1,\nb: 2, b: 3 }\n"), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a: 1\nb: 2\na: 3\n", "f:3:1: found duplicate key a: it is already a key of this mapping, on line 1; keep one of the two")]
    [InlineData("a: 1\nb: { c: x/${y} }", "f:2:12: not valid YAML: While parsing a flow mapping, did not find expected ',' or '}'; inside { } and [ ] a text with ${...} needs quotes: \"${...}\"")]
    [InlineData("a: [1\nb: 2", "f:2:2: not valid YAML: While parsing a flow sequence, did not find expected ',' or ']'")]
    [InlineData("a: !!python/object:os.system x", "f:1:4: the tag tag:yaml.org,2002:python/object:os.system is not known; tags other than !!str, !!int, !!float, !!bool and !!null are not allowed")]
    [InlineData("a: !mine {}", "f:1:4: the tag !mine is not known; tags other than !!str, !!int, !!float, !!bool and !!null are not allowed")]
    [InlineData("a: !!int x", "f:1:4: \"x\" is not what its tag says: !!int")]
    [InlineData("a: *b", "f:1:4: *b has no anchor &b before it")]
    [InlineData("a: &a [*a]", "f:1:8: *a refers to the value that it is part of")]
    [InlineData("a: 1\n---\nb: 2\n", "f:2:1: a second YAML document (---); a config file holds one")]
    [InlineData("a: 1\n~: 2\n", "f:2:1: nothing as a key; put it in quotes where it is text")]
    [InlineData("{ [a]: 1 }", "f:1:3: a mapping or list as a key; keys are text")]
    [InlineData("a: { <<: 1 }", "f:1:6: << merges a mapping or a list of mappings, not a whole number")]
    public void What_cannot_be_read_is_refused_with_its_place(string text, string expected) => Assert.Equal(expected, Refusal(text));

    public static TheoryData<string, string> Hostile()
    {
        var laughs = new StringBuilder("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
        var texts = new StringBuilder($"a0: &a0 {new string('x', 100_000)}\n");
        for (int i = 1; i < 40; i++)
        {
            string aliases = string.Join(", ", Enumerable.Repeat($"*a{i - 1}", 10));
            laughs.Append($"a{i}: &a{i} [{aliases}]\n");
            texts.Append($"a{i}: &a{i} [{aliases}]\n");
        }

        return new TheoryData<string, string>
        {
            { laughs.ToString(), "100,000 values" },
            { texts.ToString(), "4 MiB" },
            { new string('[', 1_000_000), "64 levels" },
            { string.Concat(Enumerable.Repeat("{a: ", 200_000)), "64 levels" },
            { string.Concat(Enumerable.Repeat("- ", 500_000)), "64 levels" },
            { "[" + string.Concat(Enumerable.Repeat("a,", 500_000)) + "]", "100,000 values" },
            { string.Concat(Enumerable.Range(0, 120_000).Select(i => $"k{i}:\n")), "100,000 values" },
            { $"? {new string('k', 1_000_000)}\n: 1", "key of 1000000 characters" },
            { new string('{', 1_000_000), "as a key" },
            { "a: \"" + new string('\\', 999_999), "not valid YAML" },
            { "a: \"\\ud800\"", "surrogate" },
        };
    }

    [Theory]
    [MemberData(nameof(Hostile))]
    public void Hostile_YAML_is_refused_quickly(string text, string reason)
    {
        var watch = Stopwatch.StartNew();
        long before = GC.GetAllocatedBytesForCurrentThread();

        Assert.Contains(reason, Refusal(text), StringComparison.Ordinal);

        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 1L << 30);
    }

    [Fact]
    public void Any_text_is_either_read_or_refused()
    {
        Gen<string> gen = Gen.OneOf(Gen.Char["abc:-?[]{},&*!|>'\"%@` \n\t#~<.0\\"], Gen.Char).Array[0, 40].Select(static characters => new string(characters));
        gen.Sample(
            static text =>
            {
                try
                {
                    YamlReader.Read(text, "f");
                }
                catch (ConfigException)
                {
                }
            },
            iter: 50_000);
    }

    private static string Refusal(string text)
    {
        ConfigException exception = Assert.Throws<ConfigException>(() => YamlReader.Read(text, "f"));
        return new ConfigMistake(exception.Mark, "", exception.Message, exception.Hint).ToString();
    }
}
