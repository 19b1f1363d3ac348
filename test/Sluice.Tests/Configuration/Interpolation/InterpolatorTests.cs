using System.Diagnostics;
using System.Text;
using CsCheck;
using Sluice.Configuration;
using Sluice.Configuration.Interpolation;

namespace Sluice.Tests.Configuration.Interpolation;

public sealed class InterpolatorTests
{
    private const string Config = """
        m: { n: 1, f: 1e-5, b: true, z: null, l: [x, { k: v }], inner: "${.n}", up: "${..which}" }
        alias: ${m}
        again: ${alias}
        which: n
        dotted: l.1.k
        opts: { n: 5, "a.b": 6, "1": 7 }
        list: [[10, "${.0}", "${..1}"], 20]
        miss: ???
        holds: { gone: ???, at: "${miss}" }
        esc: \${m.n}
        """;

    private static readonly string[] Parts =
        ["${a}", "${b}", "${c.d}", "${.d}", "${..a}", "${c.${a}}", "${oc.select:c.d,1}", "${oc.decode:'[${a}]'}", "${oc.dict.values:c}", "${c}", "x", "d", "???"];

    [Theory]
    [InlineData("${m.n}", "1")]
    [InlineData("${m.f}", "1e-05")]
    [InlineData("${m.z}", "None")]
    [InlineData("${m}", "{'n': 1, 'f': 1e-05, 'b': True, 'z': None, 'l': ['x', {'k': 'v'}], 'inner': 1, 'up': 'n'}")]
    [InlineData("${m.l}", "['x', {'k': 'v'}]")]
    [InlineData("${m.l.1.k}", "'v'")]
    [InlineData("${m[l][1][k]}", "'v'")]
    [InlineData("${again.l[0]}", "'x'")]
    [InlineData("n=${m.n} f=${m.f} b=${m.b} z=${m.z}", "'n=1 f=1e-05 b=True z=None'")]
    [InlineData("${m.n}${m.n}", "'11'")]
    [InlineData("<${m.l}>", "\"<['x', {'k': 'v'}]>\"")]
    [InlineData("${opts.${which}}", "5")]
    [InlineData("${opts[${which}]}", "5")]
    [InlineData("${m.${dotted}}", "'v'")]
    [InlineData("${opts[1]}", "7")]
    [InlineData("${.which}", "'n'")]
    [InlineData("${list.0.1}", "10")]
    [InlineData("${list.0.2}", "20")]
    [InlineData("${esc}", "'${m.n}'")]
    [InlineData("x ${esc}", "'x ${m.n}'")]
    public void A_reference_becomes_what_it_refers_to(string text, string expected) => Assert.Equal(expected, Shown(text));

    [Theory]
    [InlineData("${m.nn}", "Interpolation key 'm.nn' not found", "did you mean \"${m.n}\"?")]
    [InlineData("${.whcih}", "Interpolation key '.whcih' not found", "did you mean \"${.which}\"?")]
    [InlineData("${zz}", "Interpolation key 'zz' not found", "a \"${\" that is meant as text is written \"\\${\"")]
    [InlineData("${hydra.job.name}", "Interpolation key 'hydra.job.name' not found", "the job's config has no key hydra; write ${hydra:job.name}")]
    [InlineData("${list.9}", "Interpolation key 'list.9' not found", "the list has 2 items, counted from 0")]
    [InlineData("${list[-1]}", "Interpolation key 'list[-1]' not found", "the list has 2 items, counted from 0")]
    [InlineData("${list.x}", "TypeError raised while resolving interpolation: Index 'x' (str) is not an int", "the items of a list are counted from 0")]
    [InlineData("${m.n.x}", "Error trying to access m.n.x: node `m.n` is not a container and thus cannot contain `x`", "it is 1")]
    [InlineData("${m.z.x}", "Error trying to access m.z.x: node `m.z` is not a container and thus cannot contain `x`", "it is nothing")]
    [InlineData("${..x}", "ConfigKeyError while resolving interpolation: Error resolving key '..x'", "one dot is the mapping or list around the value, and each further dot one more; there are not that many")]
    [InlineData("${miss}", "MissingMandatoryValue while resolving interpolation: Missing mandatory value: miss", "give miss a value")]
    [InlineData("${miss.x}", "MissingMandatoryValue while resolving interpolation: Missing mandatory value: miss", "give miss a value")]
    [InlineData("${holds.at}", "MissingMandatoryValue while resolving interpolation: Missing mandatory value: miss", "give miss a value")]
    [InlineData("${x}", "Recursive interpolation detected", "the way is x -> x")]
    [InlineData("${list.${m.n}}", "The following interpolation is used to denote a config key and thus should return a string, but instead returned `1` of type `<class 'int'>`: ${m.n}", null)]
    [InlineData("${a.${m.n}:1}", "The name of a resolver must be a string, but the interpolation ${m.n} resolved to `1` which is of type <class 'int'>", null)]
    [InlineData("${sanitize:a}", "Unsupported interpolation type sanitize", "a resolver that is registered in Python code cannot run here; give the value that it would have, with sluice.resolvers: {sanitize: value} in the config or +sluice.resolvers.sanitize=value on the command line")]
    [InlineData("${env:A}", "Unsupported interpolation type env", "did you mean \"oc.env\"?")]
    [InlineData("${oc.evn:A}", "Unsupported interpolation type oc.evn", "did you mean \"oc.env\"?")]
    public void What_cannot_be_resolved_is_explained(string text, string message, string? hint)
    {
        var config = new Interpolated(Config + "\nx: '" + text + "'\n");
        var broken = Assert.IsType<ConfigScalar>(config.Interpolator.Resolve(["x"]));
        Assert.Equal(ScalarKind.Broken, broken.Type);
        ConfigException error = Assert.Single(config.Errors);
        Assert.Equal((ConfigErrorKind.Interpolation, message, hint), (error.Kind, error.Message, error.Hint));
        Assert.Equal(text == "${holds.at}" ? ("holds.at", 9) : ("x", 11), (config.Paths[0], error.Mark.Line));
    }

    [Fact]
    public void All_errors_are_reported_once_and_the_rest_is_resolved()
    {
        var config = new Interpolated("a: ${zz}\nb: ${a}\nc: [1, \"x ${b}\"]\nd: ${yy}\ne: ${f}\nf: 1\ng: ???\n");
        ConfigMapping resolved = config.Interpolator.ResolveAll();
        Assert.Equal(["a", "d"], config.Paths);
        Assert.True(resolved.TryGet("e", out ConfigNode? e) && e is ConfigScalar { Text: "1", Mark: { Line: 5, Column: 4 } });
        Assert.True(resolved.TryGet("g", out ConfigNode? g) && g is ConfigScalar { Text: "???" });
        Assert.Same(resolved, config.Interpolator.ResolveAll());
    }

    [Fact]
    public void A_cycle_is_reported_once_with_its_way()
    {
        var config = new Interpolated("a: ${b}\nb: ${c}\nc: x${a}\n");
        config.Interpolator.ResolveAll();
        Assert.Equal(["c: the way is a -> b -> c -> a"], config.Paths.Zip(config.Errors, static (path, error) => $"{path}: {error.Hint}"));
    }

    [Theory]
    [InlineData("m: { x: { y: \"${m}\" } }", "m.x.y: m.x.y stands in m itself")]
    [InlineData("x: ${oc.select:''}", "x: x stands in the config itself")]
    [InlineData("m: { x: \"${oc.dict.values:m}\" }", "m.x: m.x stands in m itself")]
    public void A_value_that_would_hold_itself_is_a_cycle(string yaml, string expected)
    {
        var config = new Interpolated(yaml);
        config.Interpolator.ResolveAll();
        ConfigException error = Assert.Single(config.Errors);
        Assert.Equal(("Recursive interpolation detected", expected), (error.Message, $"{config.Paths[0]}: {error.Hint}"));
    }

    [Fact]
    public void Only_what_is_asked_for_is_resolved()
    {
        var config = new Interpolated("a: ${zz}\nm: { n: \"${b}\", o: \"${.n}\", bad: \"${yy}\" }\nb: 2\nalias: ${m}\n");
        Assert.Equal("2", config.Show("m", "o"));
        Assert.Equal("2", config.Show("alias", "n"));
        Assert.Equal("nothing", config.Show("m", "zz"));
        Assert.Equal("nothing", config.Show("b", "zz"));
        Assert.Equal(["b", "m"], config.Interpolator.Referred.Order());
        Assert.Empty(config.Errors);
        Assert.IsType<ConfigScalar>(config.Interpolator.Resolve(["a", "deeper"]));
        Assert.Equal(["a"], config.Paths);
    }

    [Fact]
    public void A_misspelt_reference_counts_for_the_key_that_was_meant()
    {
        var config = new Interpolated("tokens: 1\na: ${tokesn}\n");
        config.Interpolator.ResolveAll();
        Assert.Equal(["tokens"], config.Interpolator.Referred);
    }

    [Fact]
    public void A_relative_reference_is_seen_from_each_place_of_a_shared_node()
    {
        var config = new Interpolated("one: { v: &v { id: \"${..n}\" }, n: 1 }\ntwo: { v: *v, n: 2 }\nref: ${two.v}\n");
        Assert.Equal("{'one': {'v': {'id': 1}, 'n': 1}, 'two': {'v': {'id': 2}, 'n': 2}, 'ref': {'id': 2}}", config.Show());
    }

    [Fact]
    public void Interpolations_in_a_mapping_that_becomes_text_stay_as_in_Hydra() =>
        Assert.Equal("\"d={'k': '${a}'}\"", new Interpolated("a: 1\nd: { k: \"${a}\" }\ns: d=${d}\n").Show("s"));

    [Fact]
    public void Peeking_follows_interpolations_and_resolves_nothing()
    {
        var config = new Interpolated("m: { k: { a: \"${x}\" } }\nr: ${m}\ns: ${r.k}\nx: 1\nbad: ${zz}\nt: ${miss}\nmiss: ???\ncall: \"${oc.create:{a: 1}}\"\n");
        Assert.Equal("{'a': '${x}'}", Peeked("s"));
        Assert.Equal("{'a': '${x}'}", Peeked("r", "k"));
        Assert.Equal("1", Peeked("s", "a"));
        Assert.Equal("{'a': 1}", Peeked("call"));
        Assert.Equal(["", "", "", ""], [Peeked("bad"), Peeked("bad", "x"), Peeked("t"), Peeked("none")]);
        Assert.Empty(config.Errors);
        config.Interpolator.ResolveAll();
        Assert.Equal(["bad", "t"], config.Paths);

        string Peeked(params string[] path) => config.Interpolator.Peek(path) is { } node ? PythonText.Literal(node) : "";
    }

    [Fact]
    public void Hostile_references_are_refused_quickly()
    {
        var texts = new StringBuilder("t0: xxxxxxxxxx\n");
        var lists = new StringBuilder("l0: [x, x]\n");
        var chain = new StringBuilder();
        var nested = new StringBuilder();
        var calls = new StringBuilder("e: \"${oc.decode:'[1,2]'}\"\n");
        var branching = new StringBuilder("d:\n  a0: ${d}\n  b0: ${d}\n");
        for (int i = 1; i < 60; i++)
        {
            texts.Append($"t{i}: ${{t{i - 1}}}${{t{i - 1}}}\n");
            lists.Append($"l{i}: [\"${{l{i - 1}}}\", \"${{l{i - 1}}}\"]\n");
            calls.Append($"k{i}: \"${{oc.create:[${{{(i == 1 ? "e" : $"k{i - 1}")}}},${{{(i == 1 ? "e" : $"k{i - 1}")}}}]}}\"\n");

            // Each a and b needs two lookups of the level below, which would be 2^60 if none were remembered.
            branching.Append($"  a{i}: ${{d.a{i - 1}.b{i - 1}}}\n  b{i}: ${{d.b{i - 1}.a{i - 1}}}\n");
        }

        for (int i = 5000; i > 0; i--)
        {
            chain.Append($"c{i}: ${{c{i - 1}}}\n");
            nested.Append($"n{i}: {{ x: \"${{n{i - 1}}}\" }}\n");
        }

        string big = "b: \"" + new string('x', 500_000) + "\"\n" + string.Concat(Enumerable.Range(0, 5000).Select(static i => $"k{i}: \"${{b}}${{b}}\"\n"));
        string wide = "m: {" + string.Join(", ", Enumerable.Range(0, 5000).Select(static i => $"k{i}: 1")) + "}\n"
            + string.Concat(Enumerable.Range(0, 5000).Select(static i => $"x{i}: ${{oc.dict.keys:m}}\ny{i}: ${{m.kk{i}}}\nz{i}: 'x ${{m}}'\n"));
        foreach (string hostile in new[]
        {
            texts.ToString(), lists.ToString(), calls.ToString(), branching + "last: ${d.a59.b59.a59}\n", "n0: x\n" + nested,
            big, wide, "c0: x\n" + chain,
        })
        {
            var config = new Interpolated(hostile);
            var watch = Stopwatch.StartNew();
            config.Interpolator.ResolveAll();
            config.Interpolator.Peek(["last"]);
            Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
            Assert.NotEmpty(config.Errors);
        }
    }

    [Fact]
    public void Any_config_is_resolved_or_refused()
    {
        Gen<string> part = Gen.Int[0, Parts.Length - 1].Select(static i => Parts[i]);
        Gen.Select(part, part, part, part).Sample(
            static (a, b, d, e) =>
            {
                var config = new Interpolated($"a: \"{a}\"\nb: \"{b}\"\nc: {{ d: \"{d}\", e: [\"{e}\", \"{a}{b}\"] }}\n");
                ConfigMapping resolved = config.Interpolator.ResolveAll();
                return config.Errors.Count == 0 == !HasBroken(resolved) && config.Errors.Distinct().Count() == config.Errors.Count;
            },
            iter: 20_000);
    }

    private static bool HasBroken(ConfigNode node) => node switch
    {
        ConfigMapping mapping => mapping.Entries.Any(static entry => HasBroken(entry.Value)),
        ConfigSequence sequence => sequence.Items.Any(HasBroken),
        _ => node is ConfigScalar { Type: ScalarKind.Broken },
    };

    private static string Shown(string text) => new Interpolated(Config + "\nx: '" + text + "'\n").Show("x");
}
