using System.Diagnostics;
using System.Text;
using CsCheck;
using Sluice.Configuration;
using Sluice.Configuration.Interpolation;
using Sluice.Experiments;

namespace Sluice.Tests.Configuration;

public sealed class InterpolationTests : IDisposable
{
    private readonly ConfigFolder _folder = new();

    [Theory]
    [InlineData("${model.nmae}", "a.yaml:5:6: model.params.x: Interpolation key 'model.nmae' not found; did you mean \"${model.name}\"?")]
    [InlineData("${zz}", "a.yaml:5:6: model.params.x: Interpolation key 'zz' not found; a \"${\" that is meant as text is written \"\\${\"")]
    [InlineData("${model.name.x}", "a.yaml:5:6: model.params.x: Error trying to access model.name.x: node `model.name` is not a container and thus cannot contain `x`; it is \"gpt\"")]
    [InlineData("${list.9}", "a.yaml:5:6: model.params.x: Interpolation key 'list.9' not found; the list has 2 items, counted from 0")]
    [InlineData("${a", "a.yaml:5:6: the interpolation cannot be read at character 4, after \"${a\": ends too early: a bracket or quote is not closed; a \"${\" that is meant as text is written \"\\${\"")]
    [InlineData("${.x}", "a.yaml:5:6: model.params.x: Recursive interpolation detected; the way is model.params.x -> model.params.x")]
    [InlineData("${model.params.x}", "a.yaml:5:6: model.params.x: Recursive interpolation detected; the way is model.params.x -> model.params.x")]
    [InlineData("${model}", "a.yaml:5:6: model.params.x: Recursive interpolation detected; model.params.x stands in model itself")]
    [InlineData("${oc.env:NONE}", "a.yaml:5:6: model.params.x: Environment variable 'NONE' not found; set it, or give a default: ${oc.env:NONE,...}")]
    [InlineData("${oc.evn:NONE}", "a.yaml:5:6: model.params.x: Unsupported interpolation type oc.evn; did you mean \"oc.env\"?")]
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
        Assert.Equal(["a.yaml:7:4: c: Recursive interpolation detected; the way is a -> b -> c -> a"], _folder.Mistakes(yaml));
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
        static text =>
        {
            var holder = new ConfigMapping([new ConfigEntry("x", default, ConfigScalar.OfText(InterpolationSyntax.Escape(text), default))], default);
            var resolvers = new ResolverSet(new ResolverContext { Environment = static _ => null, Clock = new SweepClock(TimeProvider.System) });
            return new Interpolator(holder, resolvers, static (_, error) => throw new InvalidOperationException(error.Message)).Resolve(["x"]) is ConfigScalar { Type: ScalarKind.Text } back
                && back.Text == text;
        },
        iter: 20_000);

    public void Dispose() => _folder.Dispose();
}
