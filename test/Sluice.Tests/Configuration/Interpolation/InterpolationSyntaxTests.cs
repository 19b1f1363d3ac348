using CsCheck;
using Sluice.Configuration;
using Sluice.Configuration.Interpolation;

namespace Sluice.Tests.Configuration.Interpolation;

public sealed class InterpolationSyntaxTests
{
    private static readonly SourceMark Mark = new("f", 3, 7);

    [Theory]
    [InlineData("plain", "'plain'")]
    [InlineData("$a {b} $$ } \\ \\\\", @"'$a {b} $$ } \\ \\\\'")]
    [InlineData("${a}", "ref(a)")]
    [InlineData("${ a.b\t}", "ref(a . b)")]
    [InlineData("${a[b][0].c}", "ref(a [ b ] [ 0 ] . c)")]
    [InlineData("${[a].b}", "ref([ a ] . b)")]
    [InlineData("${..a}", "ref(.. a)")]
    [InlineData("${.[k-1]}", "ref(. [ k-1 ])")]
    [InlineData("${a.${b}}", "ref(a . ref(b))")]
    [InlineData("${${a}[${b}]}", "ref(ref(a) [ ref(b) ])")]
    [InlineData("${1,2=3}", "ref(1,2=3)")]
    [InlineData("x${a}${b}y", "text('x' ref(a) ref(b) 'y')")]
    [InlineData("\\${a}", "'${a}'")]
    [InlineData("\\\\${a}", "text('\\\\' ref(a))")]
    [InlineData("\\\\\\${a}", "'\\\\${a}'")]
    [InlineData("a\\\\b ${a}\\\\", "text('a\\\\\\\\b ' ref(a) '\\\\\\\\')")]
    [InlineData("${f:}", "f()")]
    [InlineData("${ oc.env : A }", "oc.env('A')")]
    [InlineData("${f:a,1,1.5,true,NULL,+7,1_000,1e3,.5,5.}", "f('a' 1 1.5 True None 7 1000 1000.0 0.5 5.0)")]
    [InlineData("${f:inf,-INF,nan,007,1.2.3,0x1F,1__0,1_,-x,yes,None}", "f(inf -inf nan '007' '1.2.3' '0x1F' '1__0' '1_' '-x' 'yes' 'None')")]
    [InlineData("${f: a b , c:d e,http://h:80/x?y|z@w%$HOME}", "f('a b' 'c:d e' 'http://h:80/x?y|z@w%$HOME')")]
    [InlineData("${f:,a,}", "f('' 'a' '')")]
    [InlineData("${f:a\\,b\\ ,\\(\\)\\[\\]\\{\\}\\:\\=\\\\,\\1}", "f('a,b ' '()[]{}:=\\\\' '\\\\1')")]
    [InlineData("${f:'a, b',\"it's\",'it\\'s','\\${a}','e\\\\','a\\b',''}", "f('a, b' \"it's\" \"it's\" '${a}' 'e\\\\' 'a\\\\b' '')")]
    [InlineData("${f:'${a}',\"x ${f:'y'}\"}", "f(text(ref(a)) text('x ' f('y')))")]
    [InlineData("${f:${a},b${a} c,${a}${b}}", "f(ref(a) text('b' ref(a) ' c') text(ref(a) ref(b)))")]
    [InlineData("${f:[],[ 1 , [a,]],{},{ a : 1,b: {c:[d]}, e:f:g}}", "f([] [1 ['a' '']] {} {a=1 b={c=['d']} e='f:g'})")]
    [InlineData("${f:{a:1,b:2,a:3}}", "f({a=3 b=2})")]
    [InlineData("${n.${x}:1}", "n.ref(x)(1)")]
    public void A_text_is_taken_apart(string text, string expected) => Assert.Equal(expected, Shape(InterpolationSyntax.Parse(Scalar(text))));

    [Theory]
    [InlineData("${b", "at character 4, after \"${b\": ends too early")]
    [InlineData("${}", "at character 3, after \"${\": \"}\" cannot stand here")]
    [InlineData("a ${b c}", "at character 7, after \"a ${b \": \"c\" cannot stand here")]
    [InlineData("${opt_${x}}", "at character 7, after \"${opt_\": a nested interpolation must be a whole part of a key")]
    [InlineData("${a.}", "\"}\" cannot stand here")]
    [InlineData("${a..b}", "\".\" cannot stand here")]
    [InlineData("${.}", "\"}\" cannot stand here")]
    [InlineData("${a[b}", "\"}\" cannot stand here")]
    [InlineData("${a[]}", "\"]\" cannot stand here")]
    [InlineData("${a b:c}", "\"b\" cannot stand here")]
    [InlineData("${.f:a}", "\":\" cannot stand here")]
    [InlineData("${1f:a}", "\":\" cannot stand here")]
    [InlineData("${f:a", "ends too early")]
    [InlineData("${f:'a}", "ends too early")]
    [InlineData("${f:'a'b}", "\"b\" cannot stand here")]
    [InlineData("${f:a=b}", "\"=\" cannot stand here")]
    [InlineData("${f:a!}", "\"!\" cannot stand here")]
    [InlineData("${f:é}", "\"é\" cannot stand here")]
    [InlineData("${f:[a}", "\"}\" cannot stand here")]
    [InlineData("${f:{a}}", "\"}\" cannot stand here")]
    [InlineData("${f:{'a':1}}", "\"'\" cannot stand here")]
    [InlineData("${f:{a:1,}}", "\"}\" cannot stand here")]
    public void What_cannot_be_parsed_is_refused_with_its_position(string text, string expected)
    {
        var error = Assert.Throws<ConfigException>(() => InterpolationSyntax.Check(Scalar(text)));
        Assert.Equal((ConfigErrorKind.InterpolationSyntax, Mark), (error.Kind, error.Mark));
        Assert.Contains(expected, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("${a.")]
    [InlineData("${f:[")]
    [InlineData("${f:{a:")]
    [InlineData("${f:'")]
    [InlineData("${")]
    [InlineData("${f:")]
    public void Deep_nesting_is_refused(string opening)
    {
        string hostile = string.Concat(Enumerable.Repeat(opening, 50_000));
        Assert.Throws<ConfigException>(() => InterpolationSyntax.Check(Scalar(hostile)));
    }

    [Fact]
    public void Only_text_is_parsed() => InterpolationSyntax.Check(ConfigScalar.OfNull("${", Mark));

    [Fact]
    public void Any_text_is_parsed_or_refused() => Gen.Char["${}[]().:,'\"\\ ab1=é"].Array[0, 24].Select(static characters => new string(characters)).Sample(
        static text =>
        {
            try
            {
                InterpolationSyntax.Parse(Scalar("${f:" + text));
                InterpolationSyntax.Parse(Scalar(text));
            }
            catch (ConfigException)
            {
            }
        },
        iter: 50_000);

    [Fact]
    public void A_quoted_argument_keeps_its_text() => Gen.Char["\\${}ab:,'\" "].Array[0, 12].Select(static characters => new string(characters)).Sample(
        static text => Parsed(text) == text,
        iter: 20_000);

    private static string? Parsed(string text)
    {
        // A run of backslashes doubles where a quote or an interpolation follows it.
        var quoted = new System.Text.StringBuilder();
        for (int i = 0; i < text.Length; i++)
        {
            int slashes = text.AsSpan(i).Length - text.AsSpan(i).TrimStart('\\').Length;
            string rest = text[(i + slashes)..];
            bool special = rest.Length == 0 || rest[0] == '\'' || rest.StartsWith("${", StringComparison.Ordinal);
            quoted.Append('\\', special ? slashes * 2 : slashes);
            i += slashes;
            if (rest.Length > 0)
            {
                quoted.Append(special ? "\\" : "").Append(rest[0]);
            }
        }

        return InterpolationSyntax.Parse(Scalar($"${{f:'{quoted}'}}")) is Call { Arguments: [Literal { Value: var value }] } ? value.Text : null;
    }

    private static ConfigScalar Scalar(string text) => ConfigScalar.OfText(text, Mark);

    private static string Shape(Expression expression) => expression switch
    {
        Literal literal => PythonText.Literal(literal.Value),
        Concatenation text => $"text({Shapes(text.Parts)})",
        Reference reference => $"ref({string.Join(' ', reference.Key.Select(Bare))})",
        Call call => $"{string.Concat(call.Name.Select(Bare))}({Shapes(call.Arguments)})",
        ListLiteral list => $"[{Shapes(list.Items)}]",
        MappingLiteral mapping => $"{{{string.Join(' ', mapping.Entries.Select(static entry => $"{entry.Key}={Shape(entry.Value)}"))}}}",
        _ => "?",
    };

    private static string Shapes(IEnumerable<Expression> parts) => string.Join(' ', parts.Select(Shape));

    private static string Bare(Expression part) => part is Literal literal ? literal.Value.Text : Shape(part);
}
