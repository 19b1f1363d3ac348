using CsCheck;
using Sluice.Configuration;
using Sluice.Configuration.Overrides;
using Override = Sluice.Configuration.Overrides.Override;

namespace Sluice.Tests.Configuration.Overrides;

public sealed class OverrideGrammarTests
{
    [Theory]
    [InlineData("db=1", "Change", "db", null, "db")]
    [InlineData("+a.b.0=1", "Add", "a.b.0", null, "+a.b.0")]
    [InlineData("++server/my-db=1", "Force", "server/my-db", null, "++server/my-db")]
    [InlineData("~db", "Delete", "db", null, "~db")]
    [InlineData("~db@pkg.x=a", "Delete", "db", "pkg.x", "~db@pkg.x")]
    [InlineData("db@=x", "Change", "db", "", "db@")]
    [InlineData("+llm@_here_=x", "Add", "llm", "_here_", "+llm@_here_")]
    [InlineData("$a.$b=1", "Change", "$a.$b", null, "$a.$b")]
    [InlineData("0.a=1", "Change", "0.a", null, "0.a")]
    public void A_key_has_a_prefix_and_a_package(string text, string kind, string key, string? package, string inputKey)
    {
        var parsed = Override.Parse(text);
        Assert.Equal((kind, key, package, inputKey, text), (parsed.Kind.ToString(), parsed.Key, parsed.Package, parsed.InputKey, parsed.Text));
        Assert.Equal(key.Split('.'), parsed.Path);
    }

    [Fact]
    public void Only_a_deletion_needs_no_value()
    {
        Assert.Null(Override.Parse("~a").Value);
        Assert.Equal("''", Value("~a="));
    }

    [Theory]
    [InlineData("", "''")]
    [InlineData("   ", "''")]
    [InlineData("10", "10")]
    [InlineData("+5", "5")]
    [InlineData("-0", "0")]
    [InlineData("10_000", "10000")]
    [InlineData("1___0", "'1___0'")]
    [InlineData("007", "'007'")]
    [InlineData("0x1F", "'0x1F'")]
    [InlineData("1.50", "1.5")]
    [InlineData("1.", "1.0")]
    [InlineData(".5", "0.5")]
    [InlineData("3.1_4", "3.14")]
    [InlineData("1e-3", "0.001")]
    [InlineData("1E05", "100000.0")]
    [InlineData("12e45678", "inf")]
    [InlineData("-INF", "-inf")]
    [InlineData("NaN", "nan")]
    [InlineData("info", "'info'")]
    [InlineData("1.2.3", "'1.2.3'")]
    [InlineData("1e", "'1e'")]
    [InlineData("2024-01-31", "'2024-01-31'")]
    [InlineData("12abc", "'12abc'")]
    [InlineData("TrUe", "True")]
    [InlineData("False", "False")]
    [InlineData("NULL", "None")]
    [InlineData("true1", "'true1'")]
    [InlineData("yes", "'yes'")]
    [InlineData("None", "'None'")]
    [InlineData("???", "'???'")]
    [InlineData("gpt-3.5-turbo", "'gpt-3.5-turbo'")]
    [InlineData("a:b", "'a:b'")]
    [InlineData("a : b", "'a : b'")]
    [InlineData("http://h:80/x?y", "'http://h:80/x?y'")]
    [InlineData(@"C:\dir", @"'C:\dir'")]
    [InlineData("$HOME", "'$HOME'")]
    [InlineData("50%", "'50%'")]
    [InlineData("  a  b  ", "'a  b'")]
    [InlineData("1 2", "'1 2'")]
    [InlineData(@"a\,b\\\ c", @"'a,b\ c'")]
    [InlineData(@"\ x", "' x'")]
    [InlineData(@"\,", "','")]
    [InlineData(@"a\b", @"'a\b'")]
    [InlineData("${a.b}", "'${a.b}'")]
    [InlineData("${f:[1,2],#}", "'${f:[1,2],#}'")]
    [InlineData("x_${a}_1", "'x_${a}_1'")]
    [InlineData(@"\${a}", @"'\${a}'")]
    public void What_stands_without_quotes_is_typed(string value, string expected) => Assert.Equal(expected, Value("k=" + value));

    [Theory]
    [InlineData("'1'", "'1'")]
    [InlineData("\"\"", "''")]
    [InlineData("\"  a, b=[c] # é\n\"", "'  a, b=[c] # é\n'")]
    [InlineData(@"'it\'s'", "'it's'")]
    [InlineData(@"""a\""b""", "'a\"b'")]
    [InlineData(@"'a\""b'", @"'a\""b'")]
    [InlineData(@"""dir\\""", @"'dir\'")]
    [InlineData(@"""a\\b""", @"'a\\b'")]
    [InlineData(@"'foo \\\'bar'", @"'foo \'bar'")]
    [InlineData(@"'foo \\\\\'bar\' \\\\\\'", @"'foo \\'bar' \\\'")]
    [InlineData("\"${f:${x},7}\"", "'${f:${x},7}'")]
    [InlineData(@"""\${x}""", @"'\${x}'")]
    public void What_stands_in_quotes_is_text_and_reads_back(string value, string expected)
    {
        Assert.Equal(expected, Value("k=" + value));
        Assert.Equal("k=" + value, Override.Parse("k=" + value).Normalized().Text);
    }

    [Theory]
    [InlineData("[]", "[]")]
    [InlineData("[ 1 , a b ,'c,d' ]", "[1,'a b','c,d']")]
    [InlineData("[[[]],{}]", "[[[]],{}]")]
    [InlineData("{a:1,b:{c:[x]}}", "{a:1,b:{c:['x']}}")]
    [InlineData("{ a b : c:d }", "{a b:'c:d'}")]
    [InlineData("{1_0:a,1.50:b,TRUE:c,Null:d,-x:e}", "{10:'a',1.5:'b',true:'c',null:'d',-x:'e'}")]
    [InlineData("{a:1,b:2,a:3}", "{a:3,b:2}")]
    [InlineData("[${a},${b}]", "['${a}','${b}']")]
    public void Lists_and_dicts_nest(string value, string expected) => Assert.Equal(expected, Value("k=" + value));

    [Theory]
    [InlineData("k={{ sample.q }} #1, \"x\"", "'{{ sample.q }} #1, \"x\"'")]
    [InlineData("k= {% if x %}!{% endif %}", "'{% if x %}!{% endif %}'")]
    [InlineData("k={%a:1}", "{%a:1}")]
    public void A_template_needs_no_quotes(string text, string expected) => Assert.Equal(expected, Value(text));

    [Theory]
    [InlineData("", 0)]
    [InlineData("a", 1)]
    [InlineData("=1", 0)]
    [InlineData("+ a=1", 1)]
    [InlineData("~+a", 1)]
    [InlineData("+++a=1", 2)]
    [InlineData("/a=1", 0)]
    [InlineData("a b=1", 1)]
    [InlineData("a.=1", 0)]
    [InlineData("0=1", 0)]
    [InlineData("a.00=1", 0)]
    [InlineData("a[0]=1", 1)]
    [InlineData("a/b.c=1", 3)]
    [InlineData("$a/b=1", 0)]
    [InlineData("a/=1", 2)]
    [InlineData("a@b/c=1", 3)]
    [InlineData("a@.b=1", 2)]
    [InlineData("s=a#b", 3)]
    [InlineData("s=hi!", 4)]
    [InlineData("s=~", 2)]
    [InlineData("s=é", 2)]
    [InlineData("s=a\nb", 3)]
    [InlineData("s=it's", 4)]
    [InlineData("s=\"abc", 2)]
    [InlineData("s='a\\'", 2)]
    [InlineData("s=\"a\"b", 5)]
    [InlineData("s=\"a\" ", 5)]
    [InlineData("s=a \"b\"", 4)]
    [InlineData("s=a=b", 3)]
    [InlineData("s=a(b", 5)]
    [InlineData("s=1(2)", 3)]
    [InlineData("s=a)", 3)]
    [InlineData("s=}", 2)]
    [InlineData("s=[1", 4)]
    [InlineData("s=[1,]", 5)]
    [InlineData("s=[1]]", 5)]
    [InlineData("s=[1] 2", 5)]
    [InlineData("s=1,", 4)]
    [InlineData("s=,1", 2)]
    [InlineData("s={a}", 4)]
    [InlineData("s={\"a\":1}", 3)]
    [InlineData("s={a:1", 6)]
    [InlineData("s={${a}:1}", 3)]
    [InlineData("s=${}", 3)]
    public void What_is_no_override_is_shown_with_its_place(string text, int place)
    {
        ConfigException error = Assert.Throws<ConfigException>(() => Override.Parse(text));

        Assert.Equal((ConfigErrorKind.OverrideSyntax, SourceMark.CommandLine), (error.Kind, error.Mark));
        string[] lines = error.Message.Split('\n');
        Assert.Equal(3, lines.Length);
        Assert.StartsWith($"override {Say.Quoted(text)}, character {place + 1}: ", lines[0], StringComparison.Ordinal);
        Assert.Equal(("    " + text.Replace('\n', ' '), "    " + new string(' ', place) + "^"), (lines[1], lines[2]));
        Assert.Contains("quote", error.Hint, StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_override_shows_only_what_is_near()
    {
        string message = Assert.Throws<ConfigException>(() => Override.Parse($"k={new string('a', 5000)}#{new string('b', 5000)}")).Message;

        Assert.Equal($"    …{new string('a', 60)}#{new string('b', 19)}…\n{new string(' ', 65)}^", message[(message.IndexOf('\n', StringComparison.Ordinal) + 1)..]);
    }

    [Fact]
    public void Hostile_overrides_are_refused()
    {
        Override.Parse("k=" + new string('a', OverrideLimits.Characters - 2));
        Assert.Throws<ConfigException>(() => Override.Parse("k=" + new string('a', OverrideLimits.Characters - 1)));
        Override.Parse("k=" + new string('[', ConfigLimits.Depth) + new string(']', ConfigLimits.Depth));
        foreach (string opening in new[] { "[", "{a:", "int(" })
        {
            string text = "k=" + string.Concat(Enumerable.Repeat(opening, ConfigLimits.Depth + 1));
            Assert.Contains("nested deeper than 64 levels", Assert.Throws<ConfigException>(() => Override.Parse(text)).Message, StringComparison.Ordinal);
        }

        Assert.Throws<ConfigException>(() => Override.Parse(string.Join('.', Enumerable.Repeat("a", ConfigLimits.Depth + 1)) + "=1"));
    }

    [Theory]
    [InlineData("a=1.50", "a=1.5")]
    [InlineData("a=TRUE", "a=True")]
    [InlineData("a=Null", "a=null")]
    [InlineData("+a=", "+a=")]
    [InlineData("~a", "~a=null")]
    [InlineData("a@b=[ 1 , x y ,'z' ]", "a@b=[1,x\\ y,'z']")]
    [InlineData("a={ x : 1e-3, y z:[] }", "a={x:0.001,y\\ z:[]}")]
    [InlineData("a=b:c", "a=b\\:c")]
    [InlineData("a=${x}", "a=$\\{x\\}")]
    [InlineData("a=str(5)", "a=5")]
    [InlineData("a={{ x }}", "a=\\{\\{\\ x\\ \\}\\}")]
    [InlineData("a={{ x }}!", "a=\"{{ x }}!\"")]
    [InlineData("a=[str(\"x#\")]", "a=[\"x#\"]")]
    public void A_job_text_is_written_from_the_value(string text, string expected) =>
        Assert.Equal(expected, Override.Parse(text).Normalized().Text);

    [Fact]
    public void Every_value_reads_back_from_its_job_text() => Elements.Sample(element =>
    {
        Override job = Override.Parse("k=1").With(element);
        var again = Override.Parse(job.Text);

        Assert.Equal(Shown.Of(element.ToNode()), Shown.Of(((OverrideElement)job.Value!).ToNode()));
        Assert.Equal(Shown.Of(element.ToNode()), Shown.Of(((OverrideElement)again.Value!).ToNode()));
        Assert.Equal(job.Text, again.Normalized().Text);
    });

    [Fact]
    public void Any_text_is_an_override_or_refused() =>
        Gen.OneOf(Gen.String[Gen.Char["k=[]{}(),:'\"\\ ~+@$a1.e-int#"], 0, 30], Gen.String[0, 20]).Sample(text =>
        {
            foreach (string one in new[] { text, "k=" + text })
            {
                try
                {
                    Override parsed = Override.Parse(one);
                    if (!parsed.IsSweep)
                    {
                        Assert.Equal(parsed.Normalized().Text, Override.Parse(parsed.Normalized().Text).Normalized().Text);
                    }
                }
                catch (ConfigException error)
                {
                    Assert.True(error.Kind is ConfigErrorKind.OverrideSyntax or ConfigErrorKind.OverrideFunction);
                }
            }
        });

    // Texts are quoted: without quotes a text such as 1 would be no text any more.
    private static Gen<OverrideElement> Elements { get; } = Gen.Recursive<OverrideElement>((depth, self) =>
    {
        Gen<string> texts = Gen.String[Gen.OneOf(Gen.Char["'\"\\,[]{}$ "], Gen.Char), 0, 8];
        Gen<OverrideElement> scalars = Gen.OneOf(
            Gen.Long.Select(OverrideElement (value) => ScalarElement.OfInteger(value)),
            Gen.Double.Select(OverrideElement (value) => ScalarElement.OfNumber(value)),
            Gen.Bool.Select(OverrideElement (value) => ScalarElement.OfBoolean(value)),
            Gen.Const<OverrideElement>(ScalarElement.Null),
            Gen.Select(texts, Gen.Char["\"'"], OverrideElement (text, quote) => ScalarElement.OfText(text, quote)));
        return depth > 3 ? scalars : Gen.OneOf(
            scalars,
            self.List[0, 3].Select(OverrideElement (items) => new ListElement(items)),
            self.List[0, 3].Select(OverrideElement (items) => new DictElement(
                [.. items.Select((item, i) => KeyValuePair.Create(ScalarElement.OfText($"k {i}"), item))])));
    });

    private static string Value(string text) => Shown.Of(((OverrideElement)Override.Parse(text).Value!).ToNode());
}
