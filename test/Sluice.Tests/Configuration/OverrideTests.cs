using Sluice.Configuration;
using Sluice.Experiments;

namespace Sluice.Tests.Configuration;

public sealed class OverrideTests : IDisposable
{
    private readonly ConfigFolder _folder = new();

    [Theory]
    [InlineData("m.a=2", "m: { a: 2, b: { c: x } }, l: [1, { k: v }], n: null, r: ${m}")]
    [InlineData("m.b.c=y", "m: { a: 1, b: { c: y } }, l: [1, { k: v }], n: null, r: ${m}")]
    [InlineData("+m.b={d: 1}", null)]
    [InlineData("m.b=text", "m: { a: 1, b: text }, l: [1, { k: v }], n: null, r: ${m}")]
    [InlineData("l.0=2", "m: { a: 1, b: { c: x } }, l: [2, { k: v }], n: null, r: ${m}")]
    [InlineData("l.1.k=w", "m: { a: 1, b: { c: x } }, l: [1, { k: w }], n: null, r: ${m}")]
    [InlineData("l=[]", "m: { a: 1, b: { c: x } }, l: [], n: null, r: ${m}")]
    [InlineData("+x.y=1", "m: { a: 1, b: { c: x } }, l: [1, { k: v }], n: null, r: ${m}, x: { y: 1 }")]
    [InlineData("+n.y=1", "m: { a: 1, b: { c: x } }, l: [1, { k: v }], n: { y: 1 }, r: ${m}")]
    [InlineData("+n=1", "m: { a: 1, b: { c: x } }, l: [1, { k: v }], n: 1, r: ${m}")]
    [InlineData("m.b={c: y}", "m: { a: 1, b: { c: y } }, l: [1, { k: v }], n: null, r: ${m}")]
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
        _folder.Write("f.yaml", Before.Replace("${m}", "\"${m}\"", StringComparison.Ordinal));
        string changed = Assert.Single(ConfigLoader.Show(new ConfigRequest { Patterns = ["f.yaml"], Overrides = [word] }, ConfigView.Job, asJson: false, _folder.Context));
        Assert.True(YamlReader.Read($"{{ {expected.Replace("${m}", "\"${m}\"", StringComparison.Ordinal)} }}", "f").SameAs(YamlReader.Read(changed, "f")), changed);
    }

    [Theory]
    [InlineData("modle.name=x", "Could not override 'modle.name'.", "    To append to your config use +modle.name=x", "    did you mean \"model.name\"?")]
    [InlineData("model.nmae=x", "Could not override 'model.nmae'.", "    To append to your config use +model.nmae=x", "    did you mean \"model.name\"?")]
    [InlineData("dataset.limt=1", "Could not override 'dataset.limt'.", "    To append to your config use +dataset.limt=1", "    did you mean \"dataset.limit\"?")]
    [InlineData("temperature=1", "Could not override 'temperature'.", "    To append to your config use +temperature=1", "    did you mean \"model.params.temperature\"?")]
    [InlineData("limit=1", "Could not override 'limit'.", "    To append to your config use +limit=1", "    did you mean \"dataset.limit\"?")]
    [InlineData("mine=1", "Could not override 'mine'.", "    To append to your config use +mine=1")]
    [InlineData("~nothing.here", "Could not delete from config. 'nothing.here' does not exist.")]
    [InlineData("~name=b", "Could not delete from config. The value of 'name' is a and not b.")]
    [InlineData("+name=b", "Could not append to config. An item is already at 'name'.", "    Either remove + prefix: 'name=b'", "    Or add a second + to add or override 'name': '++name=b'")]
    [InlineData("name.x=b", "Could not override 'name.x'.", "    To append to your config use +name.x=b")]
    [InlineData("steps.1.user=x", "Error merging override steps.1.user=x", "    list index out of range", "    `steps` has 0 items, counted from 0")]
    [InlineData("scores.first=x", "Error merging override scores.first=x", "    'first' is no place in a list", "    name the place, from 0: scores.0")]
    [InlineData("~scores.0", "Could not delete from config. 'scores.0' is an item of a list; give the whole list anew")]
    [InlineData("name", "override \"name\", character 5: a value is expected: key=value", "        name", "            ^", "    quote a value that is to be taken as text, and the whole argument for the shell: 'key=\"...\"'")]
    [InlineData("a b=1", "override \"a b=1\", character 2: ' ' is not allowed in a key", "        a b=1", "         ^", "    quote a value that is to be taken as text, and the whole argument for the shell: 'a b=\"...\"'")]
    [InlineData("=1", "override \"=1\", character 1: a key is expected, found '='", "        =1", "        ^", "    quote a value that is to be taken as text, and the whole argument for the shell: 'key=\"...\"'")]
    [InlineData("name=[a", "override \"name=[a\", character 8: the value ends too early: a bracket is open, or something must follow", "        name=[a", "               ^", "    quote a value that is to be taken as text, and the whole argument for the shell: 'name=\"...\"'")]
    [InlineData("name='a' b", "override \"name='a' b\", character 9: nothing may follow the closing quote", "        name='a' b", "                ^", "    quote a value that is to be taken as text, and the whole argument for the shell: 'name=\"...\"'")]
    [InlineData("name='a': b", "override \"name='a': b\", character 9: something must stand before ':'", "        name='a': b", "                ^", "    quote a value that is to be taken as text, and the whole argument for the shell: 'name=\"...\"'")]
    [InlineData("budget.usd=-1", "budget.usd: expected a number greater than 0, found -1")]
    [InlineData("model=gpt", "model: expected a mapping, found \"gpt\"; its keys: provider, name, api, base_url, server, api_key_env, params, price")]
    public void What_does_not_fit_is_explained(string word, params string[] expected)
    {
        string yaml = ConfigFolder.Minimal.Replace("name: gpt", "name: gpt, params: { temperature: 0 }", StringComparison.Ordinal)
            + "scores:\n  - { name: s, type: exact, value: x, target: y }\n";
        Assert.Equal(["command line: " + expected[0], .. expected[1..]], _folder.Mistakes(yaml, word));
    }

    [Fact]
    public void Overrides_reach_the_experiment_in_their_order()
    {
        Experiment experiment = _folder.Load(ConfigFolder.Minimal, "model.params.temperature=0.5", "epochs=2", "epochs=3", "dataset.limit=7", "user=\"Why? {{ sample.q }}\"", "+model.params.stop=[a]");

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
            + "command line: Could not override 'mine'.\n    To append to your config use +mine=2 (in c/b.yaml and 1 more)",
            _folder.Error(["c"], "mine=2", "batch_mode=maybe"));
    }

    [Theory]
    [InlineData("a=b", true)]
    [InlineData("dataset.path=data/x.jsonl", true)]
    [InlineData("+a=b", true)]
    [InlineData("~a.b", true)]
    [InlineData("a.yaml", false)]
    [InlineData("configs/x=1.yaml", true)]
    [InlineData("~/a.yaml", false)]
    [InlineData("real=1.yaml", false)]
    [InlineData("server/db@admin=pg", true)]
    [InlineData("model=glob(*)", true)]
    [InlineData("/abs/x=1.yaml", false)]
    [InlineData("./x=1.yaml", false)]
    [InlineData("=x", true)]
    [InlineData("1a=3", true)]
    [InlineData("a b=3", true)]
    [InlineData("conf/*=1.yaml", false)]
    [InlineData("", false)]
    public void A_word_is_an_override_or_a_file(string word, bool expected)
    {
        _folder.Write("real=1.yaml", "");
        Assert.Equal(expected, ConfigLoader.IsOverride(word, _folder.Path));
    }

    public void Dispose() => _folder.Dispose();
}
