using System.Diagnostics;
using System.Text;
using CsCheck;
using Sluice.Configuration;
using Sluice.Experiments;

namespace Sluice.Tests.Configuration;

public sealed class InterpolationTests : IDisposable
{
    private readonly ConfigFolder _folder = new();

    [Theory]
    [InlineData("${m.n}", "1")]
    [InlineData("${ m.n }", "1")]
    [InlineData("${m}", "{ n: 1, f: 1e-5, b: true, z: null, l: [x, { k: v }] }")]
    [InlineData("${m.l}", "[x, { k: v }]")]
    [InlineData("${m.l.1.k}", "v")]
    [InlineData("${m.z}", "null")]
    [InlineData("${alias.l.0}", "x")]
    [InlineData("${again.l.0}", "x")]
    [InlineData("n=${m.n} f=${m.f} b=${m.b} z=${m.z}", "n=1 f=1e-05 b=True z=None")]
    [InlineData("${m.n}${m.n}", "'11'")]
    [InlineData("$${m.n}", "'${m.n}'")]
    [InlineData("\\\\${m.n}", "'${m.n}'")]
    [InlineData("\\\\\\\\${m.n}", "'\\1'")]
    [InlineData("a\\\\b ${m.n}", "'a\\b 1'")]
    [InlineData("$5 {m} }", "'$5 {m} }'")]
    [InlineData("${oc.env:SET}", "'7'")]
    [InlineData("${env:SET}", "'7'")]
    [InlineData("${oc.env:UNSET,1e-3}", "'0.001'")]
    [InlineData("${oc.env:UNSET,'a, b'}", "'a, b'")]
    [InlineData("${oc.env:UNSET,}", "''")]
    [InlineData("${oc.env:UNSET,null}", "null")]
    [InlineData("${oc.env:EMPTY,x}", "''")]
    public void A_reference_becomes_what_it_refers_to(string text, string expected)
    {
        var root = (ConfigMapping)YamlReader.Read("m: { n: 1, f: 1e-5, b: true, z: null, l: [x, { k: v }] }\nalias: ${m}\nagain: ${alias}\nx: \"" + text + "\"\n", "f");
        var mistakes = new MistakeList();
        (ConfigMapping resolved, _) = Interpolator.Resolve(root, name => name switch { "SET" => "7", "EMPTY" => "", _ => null }, mistakes);
        mistakes.ThrowIfAny();
        Assert.True(resolved.TryGet("x", out ConfigNode? x));
        Assert.True(YamlReader.Read("x: " + expected, "f").SameAs(new ConfigMapping([new ConfigEntry("x", default, x)], default)), YamlPrinter.Print(x));
    }

    [Theory]
    [InlineData("${model.nmae}", "a.yaml:5:6: model.params.x: \"${model.nmae}\": no such key; did you mean \"${model.name}\"?")]
    [InlineData("${zz}", "a.yaml:5:6: model.params.x: \"${zz}\": no such key; a \"${\" that is meant as text is written \"\\${\"")]
    [InlineData("${model.name.x}", "a.yaml:5:6: model.params.x: \"${model.name.x}\": model.name is \"gpt\", which has no keys; a \"${\" that is meant as text is written \"\\${\"")]
    [InlineData("${list.9}", "a.yaml:5:6: model.params.x: \"${list.9}\": list is a list of 2 items, counted from 0; a \"${\" that is meant as text is written \"\\${\"")]
    [InlineData("a ${list}", "a.yaml:5:6: model.params.x: ${list} is a list, which cannot be part of a text")]
    [InlineData("${a", "a.yaml:5:6: model.params.x: \"${\" is not closed by \"}\"; a \"${\" that is meant as text is written \"\\${\"")]
    [InlineData("${.x}", "a.yaml:5:6: model.params.x: \"${.x}\" cannot be read; write the whole key from the top, as in ${model.name}; a \"${\" that is meant as text is written \"\\${\"")]
    [InlineData("${model.params.x}", "a.yaml:5:6: model.params.x: refers back to itself: ${model.params.x} -> ${model.params.x}")]
    [InlineData("${model}", "a.yaml:5:6: model.params.x: refers back to itself: ${model} -> ${model}")]
    [InlineData("${oc.env:NONE}", "a.yaml:5:6: model.params.x: the environment variable \"NONE\" is not set; set it, or give a default: ${oc.env:NONE,...}")]
    [InlineData("${oc.evn:NONE}", "a.yaml:5:6: model.params.x: \"${oc.evn:NONE}\": \"oc.evn\" is not known; did you mean \"oc.env\"?")]
    [InlineData("${now:x}", "a.yaml:5:6: model.params.x: \"${now:x}\": \"now\" is not known; known: oc.env, env")]
    [InlineData("${oc.env:OPENAI_API_KEY}", "a.yaml:5:6: model.params.x: the environment variable \"OPENAI_API_KEY\" looks like a secret, and a composed config is saved to disk; name the variable instead: api_key_env: OPENAI_API_KEY")]
    public void What_cannot_be_resolved_is_explained(string text, string expected)
    {
        _folder.Variables["OPENAI_API_KEY"] = "sk-very-secret";
        string[] mistakes = _folder.Mistakes($$"""
            name: a
            dataset: data.jsonl
            user: hi
            model: { provider: openai, name: gpt, params: {
              x: '{{text}}' } }
            list: [a, b]
            system: "${list.0}"
            """);
        Assert.Equal([expected], mistakes);
    }

    [Fact]
    public void A_cycle_is_reported_once_with_its_way()
    {
        string yaml = ConfigFolder.Minimal + "a: ${b}\nb: ${c}\nc: x${a}\nepochs: ${b}\n";
        Assert.Equal(["a.yaml:7:4: c: refers back to itself: ${a} -> ${b} -> ${c} -> ${a}"], _folder.Mistakes(yaml));
    }

    [Fact]
    public void A_whole_model_can_be_a_variable_and_overrides_reach_through_it()
    {
        const string Yaml = """
            name: ${model.name}-by-${judge.name}
            dataset: data.jsonl
            model: { provider: openai, name: gpt }
            judge: { provider: anthropic, name: haiku, params: { max_tokens: "${tokens}" } }
            tokens: 100
            steps:
              - { name: answer, user: q }
              - { name: grade, user: q, model: "${judge}" }
            """;

        Experiment plain = _folder.Load(Yaml);
        Experiment changed = _folder.Load(Yaml, "steps.1.model.params.temperature=1", "tokens=5", "judge.name=opus");

        Assert.Equal("gpt-by-haiku", plain.Name);
        Assert.Equal(("haiku", """{"max_tokens":100}"""), (plain.Steps[1].Model.Name, plain.Steps[1].Model.Params.ToJsonString()));
        Assert.Equal("gpt", plain.Steps[0].Model.Name);
        Assert.Equal("""{"max_tokens":5,"temperature":1}""", changed.Steps[1].Model.Params.ToJsonString());
    }

    [Fact]
    public void Hostile_references_are_refused_quickly()
    {
        var texts = new StringBuilder("t0: xxxxxxxxxx\n");
        var lists = new StringBuilder("l0: [x, x]\n");
        var chain = new StringBuilder("c0: x\n");
        var twice = new StringBuilder("g: { end: 1 }\n");
        for (int i = 1; i < 60; i++)
        {
            texts.Append($"t{i}: ${{t{i - 1}}}${{t{i - 1}}}\n");
            lists.Append($"l{i}: [\"${{l{i - 1}}}\", \"${{l{i - 1}}}\"]\n");
        }

        for (int i = 5000; i > 0; i--)
        {
            chain.Append($"c{i}: ${{c{i - 1}}}\n");
        }

        foreach (string hostile in new[] { texts.ToString(), lists.ToString(), chain.ToString(), Branching() })
        {
            var watch = Stopwatch.StartNew();
            Assert.NotEmpty(_folder.Mistakes(ConfigFolder.Minimal + hostile));
            Assert.InRange(watch.Elapsed.TotalSeconds, 0, 10);
        }

        // Each a and b needs two lookups of the level below, so without a shared budget the last one needs 2^60.
        static string Branching()
        {
            var d = new StringBuilder("d:\n  a0: ${d}\n  b0: ${d}\n");
            for (int i = 1; i < 60; i++)
            {
                d.Append($"  a{i}: ${{d.a{i - 1}.b{i - 1}}}\n  b{i}: ${{d.b{i - 1}.a{i - 1}}}\n");
            }

            return d + "last: ${d.a59.b59.a59}\n";
        }
    }

    [Fact]
    public void An_escaped_text_comes_back_as_it_was() => Gen.Char["\\${}ab "].Array[0, 12].Select(static characters => new string(characters)).Sample(
        static text => InterpolatedText.Parts(InterpolatedText.Escape(text)) is { } parts && string.Concat(parts.Select(static part => part.Text)) == text && !parts.Any(static part => part.IsReference),
        iter: 20_000);

    public void Dispose() => _folder.Dispose();
}
