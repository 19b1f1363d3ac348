using Sluice.Configuration;
using Sluice.Experiments;

namespace Sluice.Tests.Configuration;

public sealed class OverrideTests : IDisposable
{
    private readonly ConfigFolder _folder = new();

    [Theory]
    [InlineData("a=1", "a: 1")]
    [InlineData("a=", "a: \"\"")]
    [InlineData("a=null", "a: null")]
    [InlineData("a= x y ", "a: x y")]
    [InlineData("a='1'", "a: \"1\"")]
    [InlineData("a=\"x: y\"", "a: \"x: y\"")]
    [InlineData("a=[1,b,{c: 1e-3}]", "a: [1, b, {c: 1e-3}]")]
    [InlineData("a={ b: [] }", "a: { b: [] }")]
    [InlineData("a=http://h:80/x?y=z", "a: http://h:80/x?y=z")]
    [InlineData("a=say: it", "a: \"say: it\"")]
    [InlineData("a={{ sample.q }} #1", "a: \"{{ sample.q }} #1\"")]
    [InlineData("a={% if x %}y{% endif %}", "a: \"{% if x %}y{% endif %}\"")]
    [InlineData("a=${b}", "a: ${b}")]
    [InlineData("a=- b", "a: \"- b\"")]
    public void A_value_is_typed_as_in_a_file(string word, string expected)
    {
        var root = (ConfigMapping)YamlReader.Read("a: old", "f");
        ConfigMapping changed = OverrideApplier.Apply(root, [Override.Read(word)], new MistakeList());
        Assert.True(YamlReader.Read(expected, "f").SameAs(changed), YamlPrinter.Print(changed));
    }

    [Theory]
    [InlineData("m.a=2", "m: { a: 2, b: { c: x } }, l: [1, { k: v }], n: null, r: ${m}")]
    [InlineData("m.b.c=y", "m: { a: 1, b: { c: y } }, l: [1, { k: v }], n: null, r: ${m}")]
    [InlineData("m.b={d: 1}", null)]
    [InlineData("m.b=text", "m: { a: 1, b: text }, l: [1, { k: v }], n: null, r: ${m}")]
    [InlineData("l.0=2", "m: { a: 1, b: { c: x } }, l: [2, { k: v }], n: null, r: ${m}")]
    [InlineData("l.1.k=w", "m: { a: 1, b: { c: x } }, l: [1, { k: w }], n: null, r: ${m}")]
    [InlineData("l=[]", "m: { a: 1, b: { c: x } }, l: [], n: null, r: ${m}")]
    [InlineData("+x.y=1", "m: { a: 1, b: { c: x } }, l: [1, { k: v }], n: null, r: ${m}, x: { y: 1 }")]
    [InlineData("+n.y=1", "m: { a: 1, b: { c: x } }, l: [1, { k: v }], n: { y: 1 }, r: ${m}")]
    [InlineData("+n=1", "m: { a: 1, b: { c: x } }, l: [1, { k: v }], n: 1, r: ${m}")]
    [InlineData("+m.b={d: 1}", "m: { a: 1, b: { c: x, d: 1 } }, l: [1, { k: v }], n: null, r: ${m}")]
    [InlineData("++m.a=5", "m: { a: 5, b: { c: x } }, l: [1, { k: v }], n: null, r: ${m}")]
    [InlineData("~m.b", "m: { a: 1 }, l: [1, { k: v }], n: null, r: ${m}")]
    [InlineData("~m.a=1", "m: { b: { c: x } }, l: [1, { k: v }], n: null, r: ${m}")]
    [InlineData("r.a=7", "m: { a: 1, b: { c: x } }, l: [1, { k: v }], n: null, r: { a: 7, b: { c: x } }")]
    [InlineData("budget.usd=5", "m: { a: 1, b: { c: x } }, l: [1, { k: v }], n: null, r: ${m}, budget: { usd: 5 }")]
    [InlineData("model.params.any.thing=5", "m: { a: 1, b: { c: x } }, l: [1, { k: v }], n: null, r: ${m}, model: { params: { any: { thing: 5 } } }")]
    public void Each_form_changes_what_it_names(string word, string? expected)
    {
        const string Before = "{ m: { a: 1, b: { c: x } }, l: [1, { k: v }], n: null, r: ${m} }";
        expected ??= "m: { a: 1, b: { c: x, d: 1 } }, l: [1, { k: v }], n: null, r: ${m}";
        var mistakes = new MistakeList();
        ConfigMapping changed = OverrideApplier.Apply((ConfigMapping)YamlReader.Read(Before.Replace("${m}", "\"${m}\"", StringComparison.Ordinal), "f"), [Override.Read(word)], mistakes);
        mistakes.ThrowIfAny();
        Assert.True(YamlReader.Read($"{{ {expected.Replace("${m}", "\"${m}\"", StringComparison.Ordinal)} }}", "f").SameAs(changed), YamlPrinter.Print(changed));
    }

    [Theory]
    [InlineData("modle.name=x", "modle.name: no such key; did you mean \"model.name\"?")]
    [InlineData("model.nmae=x", "model.nmae: no such key; did you mean \"model.name\"?")]
    [InlineData("dataset.limt=1", "dataset.limt: no such key; did you mean \"dataset.limit\"?")]
    [InlineData("temperature=1", "temperature: no such key; did you mean \"model.params.temperature\"?")]
    [InlineData("limit=1", "limit: no such key; did you mean \"dataset.limit\"?")]
    [InlineData("mine=1", "mine: no such key; write +mine=... to add a key of your own")]
    [InlineData("~nothing.here", "nothing.here: no such key; nothing to delete")]
    [InlineData("~name=b", "name: is \"a\" and not \"b\", so it is not deleted")]
    [InlineData("+name=b", "name: is already set, to \"a\"; write name=... to change it")]
    [InlineData("name.x=b", "name.x: name is \"a\", which has no keys")]
    [InlineData("steps.1.user=x", "steps.1.user: steps has 0 items, so there is no steps.1; places count from 0")]
    [InlineData("scores.first=x", "scores.first: scores is a list; name the place, from 0: scores.0")]
    [InlineData("~scores.0", "scores.0: an item of a list cannot be deleted; give the whole list: scores=[...]")]
    [InlineData("name", "the override \"name\" has no value; write key=value")]
    [InlineData("a b=1", "\"a b\" is not a key that can be overridden; write names and list places with dots between them: steps.0.user=...")]
    [InlineData("=1", "\"\" is not a key that can be overridden; write names and list places with dots between them: steps.0.user=...")]
    [InlineData("name=[a", "the value of name cannot be read: [a; close every bracket and quote, or put the whole value in quotes: 'key=\"...\"'")]
    [InlineData("name='a' b", "the value of name cannot be read: 'a' b; close every bracket and quote, or put the whole value in quotes: 'key=\"...\"'")]
    [InlineData("name='a': b", "the value of name cannot be read: 'a': b; close every bracket and quote, or put the whole value in quotes: 'key=\"...\"'")]
    [InlineData("budget.usd=-1", "budget.usd: expected a number greater than 0, found -1")]
    [InlineData("model=gpt", "model: expected a mapping, found \"gpt\"; its keys: provider, name, api, base_url, api_key_env, params, price")]
    public void What_does_not_fit_is_explained(string word, string expected)
    {
        string yaml = ConfigFolder.Minimal.Replace("name: gpt", "name: gpt, params: { temperature: 0 }", StringComparison.Ordinal)
            + "scores:\n  - { name: s, type: exact, value: x, target: y }\n";
        Assert.Equal(["command line: " + expected], _folder.Mistakes(yaml, word));
    }

    [Fact]
    public void Overrides_reach_the_experiment_in_their_order()
    {
        Experiment experiment = _folder.Load(ConfigFolder.Minimal, "model.params.temperature=0.5", "epochs=2", "epochs=3", "dataset.limit=7", "user=Why? {{ sample.q }}", "+model.params.stop=[a]");

        Assert.Equal("""{"temperature":0.5,"stop":["a"]}""", experiment.Steps[0].Model.Params.ToJsonString());
        Assert.Equal((3, 7L), (experiment.Epochs, experiment.Dataset.Limit));
        Assert.Equal("Why? {{ sample.q }}", experiment.Steps[0].User);
        Assert.Equal(Path.Join(_folder.Path, "data.jsonl"), experiment.Dataset.Path);
    }

    [Fact]
    public void A_mistake_in_an_override_names_the_configs_it_concerns_unless_it_is_all()
    {
        _folder.Write("c/a.yaml", ConfigFolder.Minimal + "mine: 1\nepochs: ${mine}\n");
        _folder.Write("c/b.yaml", ConfigFolder.Minimal.Replace("name: a", "name: b", StringComparison.Ordinal));
        _folder.Write("c/c.yaml", ConfigFolder.Minimal.Replace("name: a", "name: c", StringComparison.Ordinal));

        Assert.Equal(
            "2 mistakes on the command line\n"
            + "command line: batch_mode: expected true or false, found \"maybe\"\n"
            + "command line: mine: no such key; write +mine=... to add a key of your own (in c/b.yaml and 1 more)",
            _folder.Error(["c"], "mine=2", "batch_mode=maybe"));
    }

    [Theory]
    [InlineData("a=b", true)]
    [InlineData("dataset.path=data/x.jsonl", true)]
    [InlineData("+a=b", true)]
    [InlineData("~a.b", true)]
    [InlineData("a.yaml", false)]
    [InlineData("configs/x=1.yaml", false)]
    [InlineData("~/a.yaml", false)]
    [InlineData("real=1.yaml", false)]
    [InlineData("=x", false)]
    [InlineData("", false)]
    public void A_word_is_an_override_or_a_file(string word, bool expected)
    {
        _folder.Write("real=1.yaml", "");
        Assert.Equal(expected, ConfigLoader.IsOverride(word, _folder.Path));
    }

    public void Dispose() => _folder.Dispose();
}
