using System.Text;

namespace Sluice.Tests.Configuration;

public sealed class MistakeTests : IDisposable
{
    private readonly ConfigFolder _folder = new();

    [Theory]
    [InlineData("name", "name: ../x", "1:7: name: \"../x\" cannot be a folder name: expected 1 to 100 letters, digits and . _ - = , @ +, with no '.' at either end")]
    [InlineData("name", "name: .x", "1:7: name: \".x\" cannot be a folder name: expected 1 to 100 letters, digits and . _ - = , @ +, with no '.' at either end")]
    [InlineData("name", "name: nul.txt", "1:7: name: \"nul.txt\" cannot be a folder name: Windows reserves it")]
    [InlineData("name", "name: [a]", "1:7: name: expected text, found a list")]
    [InlineData("name", "name: ''", "1:7: name: expected some text, found an empty one")]
    [InlineData("name", "nmae: a", "1:1: nmae: unknown key; did you mean \"name\"?", "1:1: name: missing, and required")]
    [InlineData("dataset", "", "1:1: dataset: missing, and required")]
    [InlineData("dataset", "dataset: dat.jsonl", "2:10: dataset.path: no file \"dat.jsonl\"; looked for <folder>/dat.jsonl; did you mean \"data.jsonl\"?")]
    [InlineData("dataset", "dataset: .", "2:10: dataset.path: \".\" is a folder; expected a file")]
    [InlineData("dataset", "dataset: [a]", "2:10: dataset: expected a mapping, found a list; its keys: path, format, id, limit, offset, on_error")]
    [InlineData("dataset", "dataset: { path: data.jsonl, format: jsonlines }", "2:38: dataset.format: \"jsonlines\" is no format; known: jsonl, csv, tsv, parquet")]
    [InlineData("dataset", "dataset: { path: data.jsonl, limit: -1 }", "2:37: dataset.limit: expected a whole number of at least 0, found -1")]
    [InlineData("dataset", "dataset: { path: data.jsonl, limit: '5' }", "2:37: dataset.limit: expected a whole number of at least 0, found \"5\"; leave out the quotes")]
    [InlineData("dataset", "dataset: { path: data.jsonl, offset: 1.5 }", "2:38: dataset.offset: expected a whole number of at least 0, found 1.5")]
    [InlineData("dataset", "dataset: { path: data.jsonl, on_error: skpi }", "2:40: dataset.on_error: \"skpi\" is no policy; known: fail, skip; did you mean \"skip\"?")]
    [InlineData("dataset", "dataset: { path: data.jsonl, lmit: 5 }", "2:30: dataset.lmit: unknown key; did you mean \"limit\"?")]
    [InlineData("model", "", "1:1: model: missing, and required")]
    [InlineData("model", "model: gpt", "3:8: model: expected a mapping, found \"gpt\"; its keys: provider, name, api, base_url, server, api_key_env, params, price")]
    [InlineData("model", "model: { provider: opnai, name: x }", "3:20: model.provider: \"opnai\" is no provider; known: openai, anthropic, simulated; did you mean \"openai\"?")]
    [InlineData("model", "model: { provider: openai }", "3:8: model.name: missing, and required")]
    [InlineData("model", "model: { provider: openai, name: x, api: reponses }", "3:42: model.api: \"reponses\" is no endpoint; known: chat, responses, messages; did you mean \"responses\"?")]
    [InlineData("model", "model: { provider: openai, name: x, base_url: 'https://u:secret@h/' }", "3:47: model.base_url: expected an address such as https://host/v1, without a user or password in it")]
    [InlineData("model", "model: { provider: openai, name: x, api_key_env: sk-secret }", "3:50: model.api_key_env: expected the name of an environment variable, such as OPENAI_API_KEY, and not the key itself")]
    [InlineData("model", "model: { provider: openai, name: x, params: { n: 9007199254740993 } }", "3:50: model.params.n: 9007199254740993 is beyond 2^53, so it cannot be sent exactly; put it in quotes if it is meant as text")]
    [InlineData("model", "model: { provider: openai, name: x, params: { n: [.nan] } }", "3:51: model.params.n.0: .nan is no number that JSON can carry")]
    [InlineData("model", "model: { provider: openai, name: x, params: { stream: true } }", "3:47: model.params.stream: stream is about transport only: it changes no answer and no batch accepts it; leave it out")]
    [InlineData("model", "model: { provider: openai, name: x, price: { input: -1 } }", "3:53: model.price.input: expected a number of at least 0, found -1")]
    [InlineData("model", "model: { provider: openai, name: x, price: { in: 1 } }", "3:46: model.price.in: unknown key; known: input, output, batch_input, batch_output")]
    [InlineData("user", "", "1:1: steps: missing: there is nothing to ask; give steps, or for a single step just user, messages or body")]
    [InlineData("user", "system: x", "1:1: user: missing: a step needs exactly one of user, messages and body")]
    [InlineData("user", "user: x\nbody: {}", "5:7: body: user and body are given, but a step needs exactly one of user, messages and body")]
    [InlineData("user", "messages: []", "4:11: messages: an empty list; give at least one message")]
    [InlineData("user", "messages: [hi]", "4:12: messages.0: expected a mapping such as {role: user, content: ...}, found \"hi\"")]
    [InlineData("user", "body: { a: b }\nsystem: x", "5:9: system: system goes with user only; put it into body")]
    [InlineData("user", "body: { stream: false }", "4:9: body.stream: stream is about transport only: it changes no answer and no batch accepts it; leave it out")]
    [InlineData("user", "user: x\nsteps: [{ name: a, user: x }]", "4:7: user: a prompt at the top and steps cannot both be given; move the prompt into a step")]
    [InlineData("user", "steps: []", "4:8: steps: an empty list: there is nothing to ask; give at least one step")]
    [InlineData("user", "steps: [{ name: a-b, user: x }]", "4:17: steps.0.name: \"a-b\" is no step name: expected a letter or _, then letters, digits and _; templates say steps.NAME.text")]
    [InlineData("user", "steps: [{ name: a, user: x }, { name: a, user: x }]", "4:39: steps.1.name: \"a\" is also the name of steps.0; step names must differ")]
    [InlineData("user", "steps: [{ name: a, usr: x }]", "4:9: steps.0.user: missing: a step needs exactly one of user, messages and body", "4:20: steps.0.usr: unknown key; did you mean \"user\"?")]
    [InlineData("scores", "scores: [{ name: a, type: exct, value: x, target: y }]", "5:27: scores.0.type: \"exct\" is no scorer; known: exact, includes, regex, numeric, choice; did you mean \"exact\"?")]
    [InlineData("scores", "scores: [{ name: a, type: exact, value: x, target: y, pattern: '(' }]", "5:64: scores.0.pattern: \"(\" is no regular expression: InsufficientClosingParentheses at character 1")]
    [InlineData("scores", "scores: [{ name: a, type: regex, value: x, target: '[' }]", "5:52: scores.0.target: \"[\" is no regular expression: UnterminatedBracket at character 1")]
    [InlineData("scores", "scores: [{ name: a, type: exact, value: x, target: y }, { name: a, type: exact, value: x, target: y }]", "5:65: scores.1.name: \"a\" is also the name of scores.0; score names must differ")]
    [InlineData("scores", "scores: [{ name: a, type: numeric, value: x, target: y, tolerance: -1 }]", "5:68: scores.0.tolerance: expected a number of at least 0, found -1")]
    [InlineData("scores", "scores: { name: a }", "5:9: scores: expected a list, found a mapping")]
    [InlineData("epochs", "epochs: 0", "5:9: epochs: expected a whole number from 1 to 1000, found 0")]
    [InlineData("epochs", "epochs: 1001", "5:9: epochs: expected a whole number from 1 to 1000, found 1001")]
    [InlineData("batch_mode", "batch_mode: 1", "5:13: batch_mode: expected true or false, found 1")]
    [InlineData("budget", "budget: { usd: 0 }", "5:16: budget.usd: expected a number greater than 0, found 0")]
    [InlineData("budget", "budget: 5", "5:9: budget: expected a mapping, found 5; its keys: usd")]
    [InlineData("memory", "memory: { required_gb: .inf }", "5:24: memory.required_gb: expected a number of at least 0, found .inf")]
    [InlineData("live", "live: { concurrency: 5000 }", "5:22: live.concurrency: expected a whole number from 1 to 4096, found 5000")]
    [InlineData("live", "live: { timeout_seconds: 0 }", "5:26: live.timeout_seconds: expected a number greater than 0 and at most 86400, found 0")]
    [InlineData("live", "live: { resend_unknown: 101 }", "5:25: live.resend_unknown: expected a whole number from 0 to 100, found 101")]
    [InlineData("live", "live: { stop_after: -1 }", "5:21: live.stop_after: expected a whole number from 0 to 1000000, found -1")]
    [InlineData("live", "live: { unreachable_seconds: 700000 }", "5:30: live.unreachable_seconds: expected a number of at least 0 and at most 604800, found 700000")]
    [InlineData("batch", "batch: { max_requests: 0 }", "5:24: batch.max_requests: expected a whole number of at least 1, found 0")]
    [InlineData("batch", "batch: { max_bytes: 99999999999999999999 }", "5:21: batch.max_bytes: expected a whole number of at least 1, found 99999999999999999999")]
    [InlineData("mine", "mine: 1", "5:1: mine: unknown key; if it is a variable of yours, nothing refers to it with ${mine}; in a config of another program, put the experiment below \"sluice\"")]
    [InlineData("mine", "mine: 1\nepochs: ${mien}", "6:9: epochs: Interpolation key 'mien' not found; did you mean \"${mine}\"?")]
    [InlineData("name", "name: \"${model.nmae}\"", "1:7: name: Interpolation key 'model.nmae' not found; did you mean \"${model.name}\"?")]
    public void Each_mistake_says_where_it_is_what_was_found_and_what_to_do(string key, string replacement, params string[] expected)
    {
        string[] lines = ConfigFolder.Minimal.TrimEnd().Split('\n');
        string yaml = lines.Any(line => line.StartsWith(key + ":", StringComparison.Ordinal))
            ? string.Join('\n', lines.Select(line => line.StartsWith(key + ":", StringComparison.Ordinal) ? replacement : line).Where(static line => line.Length > 0))
            : string.Join('\n', lines.Append(replacement));
        Assert.Equal(expected.Select(static line => "a.yaml:" + line).Order(StringComparer.Ordinal), _folder.Mistakes(yaml).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void All_mistakes_of_all_files_are_reported_together_in_the_order_of_file_and_line()
    {
        _folder.Write("configs/b.yaml", "name: b\nmodel: { provider: openai, nmae: gpt, params: { stream: true } }\ndataset: data.jsonl\nuser: x\nepochs: none\n");
        _folder.Write("configs/a.yaml", "name: a\n  bad: [\n");
        _folder.Write("configs/c.yaml", ConfigFolder.Minimal.Replace("name: a", "name: c", StringComparison.Ordinal));

        Assert.Equal(
            """
            6 mistakes in 2 files and on the command line
            configs/a.yaml:2:6: not valid YAML: While scanning a plain scalar value, found invalid mapping
            configs/b.yaml:2:8: model.name: missing, and required
            configs/b.yaml:2:28: model.nmae: unknown key; did you mean "name"?
            configs/b.yaml:2:49: model.params.stream: stream is about transport only: it changes no answer and no batch accepts it; leave it out
            configs/b.yaml:5:9: epochs: expected a whole number from 1 to 1000, found "none"
            command line: Could not override 'bugdet.usd'.
                To append to your config use +bugdet.usd=1
                did you mean "budget.usd"?
            """,
            _folder.Error(["configs"], "bugdet.usd=1"));
    }

    [Fact]
    public void Two_experiments_cannot_share_a_name_even_in_another_letter_case()
    {
        _folder.Write("a.yaml", ConfigFolder.Minimal);
        _folder.Write("b.yaml", "# same\n" + ConfigFolder.Minimal.Replace("name: a", "name: A", StringComparison.Ordinal));

        Assert.Equal(
            "1 mistake in 1 file\nb.yaml:2:7: name: \"A\" is also the name in a.yaml:1:7; each experiment needs its own, for instance with ${model.name} in it",
            _folder.Error(["a.yaml", "b.yaml"]));
        Assert.Contains("b.yaml:1:1: name: \"x\" is also the name in a.yaml:1:1", _folder.Error(["a.yaml", "b.yaml"], "name=x"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_dataset_is_looked_for_in_the_current_folder_and_then_beside_the_config()
    {
        _folder.Write("configs/a.yaml", ConfigFolder.Minimal.Replace("data.jsonl", "own.jsonl", StringComparison.Ordinal));

        Assert.Equal(
            "1 mistake in 1 file\nconfigs/a.yaml:2:10: dataset.path: no file \"own.jsonl\"; looked for <folder>/own.jsonl and <folder>/configs/own.jsonl",
            _folder.Error(["configs/a.yaml"]));

        string beside = _folder.Write("configs/own.jsonl", "{}");
        Assert.Equal(beside, Sluice.Configuration.ConfigLoader.Load(["configs/a.yaml"], [], _folder.Context)[0].Dataset.Path);
        string here = _folder.Write("own.jsonl", "{}");
        Assert.Equal(here, Sluice.Configuration.ConfigLoader.Load(["configs/a.yaml"], [], _folder.Context)[0].Dataset.Path);
    }

    [Fact]
    public void A_file_that_is_no_text_or_too_large_is_refused()
    {
        File.WriteAllBytes(_folder.Write("latin.yaml", ""), [.. Encoding.Latin1.GetBytes("name: é")]);
        _folder.Write("large.yaml", new string('#', (1024 * 1024) + 1));
        _folder.Write("list.yaml", "- a\n");
        _folder.Write("bom.yaml", "\uFEFF" + ConfigFolder.Minimal);

        Assert.Equal(
            """
            3 mistakes in 3 files
            large.yaml:1:1: larger than 1 MiB; a config only describes the experiment; data goes into the dataset
            latin.yaml:1:1: is not UTF-8 text
            list.yaml:1:1: primary config 'list' must be a DictConfig, got ListConfig
            """,
            _folder.Error(["latin.yaml", "large.yaml", "list.yaml", "bom.yaml"]));
    }

    [Fact]
    public void No_secret_is_shown()
    {
        string[] mistakes = _folder.Mistakes(ConfigFolder.Minimal, "model.api_key_env=sk-s3cret", "model.base_url=https://u:s3cret@h", "+model.api_key=s3cret");
        Assert.Equal(3, mistakes.Length);
        Assert.DoesNotContain(mistakes, static mistake => mistake.Contains("s3cret", StringComparison.Ordinal));
    }

    public void Dispose() => _folder.Dispose();
}
