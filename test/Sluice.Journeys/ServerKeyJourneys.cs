using System.Text;
using Sluice.Requests;
using Sluice.Testing;

namespace Sluice.Journeys;

/// <summary>Two servers that serve models under one name share no answers, and what was stored before that held is not lost.</summary>
public sealed class ServerKeyJourneys : Journey
{
    [Theory]
    [InlineData("openai-compatible")]
    [InlineData("openai")]
    public async Task A_sweep_over_two_servers_with_one_model_name_asks_both(string provider)
    {
        using var one = new ChatServer("from checkpoint 1000");
        using var two = new ChatServer("from checkpoint 2000");
        Prepare(provider);

        (await RunAsync("run", "configs", "-m", $"model.base_url='{one.Url}','{two.Url}'", "--json")).Is(0);

        Assert.Equal((2, 2), (one.Bodies.Count, two.Bodies.Count));
        Assert.Equal(["from checkpoint 1000", "from checkpoint 2000"], Texts().Distinct().Order());
        // Again: each has its own answers.
        Assert.Equal(0, (await RunAsync("run", "configs", "-m", $"model.base_url='{one.Url}','{two.Url}/'", "--json")).Is(0).Sent);
        Assert.Equal((2, 2), (one.Bodies.Count, two.Bodies.Count));
    }

    [Fact]
    public async Task A_server_with_a_name_keeps_its_answers_when_it_moves()
    {
        using var before = new ChatServer("here");
        using var after = new ChatServer("there");
        Prepare("openai-compatible");

        Assert.Equal(2, (await RunAsync("run", "configs", $"model.base_url='{before.Url}'", "model.server=gpu", "--json")).Is(0).Sent);
        Assert.Equal(0, (await RunAsync("run", "configs", $"model.base_url='{after.Url}'", "model.server=gpu", "--json")).Is(0).Sent);
        Assert.Equal(2, (await RunAsync("run", "configs", $"model.base_url='{after.Url}'", "model.server=cpu", "--json")).Is(0).Sent);
    }

    [Fact]
    public async Task Answers_of_an_earlier_version_belong_to_the_only_server_and_stay_its_own()
    {
        using var one = new ChatServer("new");
        using var two = new ChatServer("other");
        Prepare("openai-compatible");
        await ImportLegacyAsync("openai-compatible", "old");

        var run = (await RunAsync("run", "configs", $"model.base_url='{one.Url}'", "--json")).Is(0);

        Assert.Equal(0, run.Sent);
        Assert.Equal(1, Occurrences(run.Errors, "answers stored before the address was part of the key are used for model `m` at " + one.Url));
        Assert.Contains("cache.legacy_keys: false", run.Errors, StringComparison.Ordinal);
        Assert.Equal(["old", "old"], Texts());
        // The key in the results is the one that the answer is stored under.
        (await RunAsync("cache", "get", "--", (string)Rows("e")[0]["steps"]!["answer"]!["key"]!)).Is(0);

        // A second server neither gets them nor takes them away.
        Assert.Equal(2, (await RunAsync("run", "configs", $"model.base_url='{two.Url}'", "--json")).Is(0).Sent);
        Assert.Equal(["other", "other"], Texts());
        Assert.Equal(0, (await RunAsync("run", "configs", $"model.base_url='{one.Url}'", "--json")).Is(0).Sent);
        Assert.Equal(2, (await RunAsync("run", "configs", $"model.base_url='{one.Url}'", "cache.legacy_keys=false", "--json")).Is(0).Sent);
        Assert.Equal(["new", "new"], Texts());
    }

    [Fact]
    public async Task Answers_of_an_earlier_version_are_nobodys_when_the_model_was_asked_at_two_servers()
    {
        using var one = new ChatServer("one");
        using var two = new ChatServer("two");
        Prepare("openai-compatible");
        await ImportLegacyAsync("openai-compatible", "old");

        Assert.Equal(4, (await RunAsync("run", "configs", "-m", $"model.base_url='{one.Url}','{two.Url}'", "--json")).Is(0).Sent);
        Assert.Equal(["one", "two"], Texts().Distinct().Order());
        Assert.Equal(0, (await RunAsync("run", "configs", "-m", $"model.base_url='{one.Url}','{two.Url}'", "--json")).Is(0).Sent);
    }

    [Fact]
    public async Task Where_an_earlier_run_asked_is_told_by_its_composed_config()
    {
        using var two = new ChatServer("two");
        Prepare("openai-compatible");
        await ImportLegacyAsync("openai-compatible", "old");
        Write("runs/before/e/config.yaml", (await File.ReadAllTextAsync(Path.Combine(Folder, "configs/e.yaml"), Cancel)).Replace("name: m", "name: m, base_url: \"http://one.example/v1\"", StringComparison.Ordinal));

        var run = (await RunAsync("run", "configs", $"model.base_url='{two.Url}'", "--json")).Is(0);

        Assert.Equal(2, run.Sent);
        Assert.Equal(["two", "two"], Rows("e").Select(r => (string)r["steps"]!["answer"]!["text"]!));
    }

    [Fact]
    public async Task A_gateway_does_not_answer_from_what_the_vendor_said()
    {
        using var vendor = new ChatServer("vendor");
        using var gateway = new ChatServer("gateway");
        Prepare("openai");
        Set("OPENAI_BASE_URL", vendor.Url);

        Assert.Equal(2, (await RunAsync("run", "configs", "--json")).Is(0).Sent);
        Assert.Equal(2, (await RunAsync("run", "configs", $"model.base_url='{gateway.Url}'", "--json")).Is(0).Sent);
        Assert.Equal(["gateway", "gateway"], Texts());
        Assert.Equal(0, (await RunAsync("run", "configs", "--json")).Is(0).Sent);
        Assert.Equal(["vendor", "vendor"], Texts());
    }

    [Fact]
    public async Task Imported_batches_of_a_compatible_server_are_found_by_its_address_or_its_name()
    {
        Prepare("openai-compatible");
        Write("input.jsonl", string.Concat("ab".Select(q => $$$"""{"custom_id":"{{{q}}}","method":"POST","url":"/v1/chat/completions","body":{{{Body(q)}}}}""" + "\n")));
        Write("output.jsonl", string.Concat("ab".Select(q => $$$"""{"custom_id":"{{{q}}}","response":{"status_code":200,"body":{{{Answer("imported")}}}},"error":null}""" + "\n")));
        string[] files = ["--provider", "openai-compatible", "--input", "input.jsonl", "--output", "output.jsonl"];

        (await RunAsync(["cache", "import", .. files])).Explains(2, "--base-url is missing", "--server");
        (await RunAsync(["cache", "import", .. files, "--server", "a b"])).Explains(2, "`a b` is not a valid name for a server");
        (await RunAsync(["cache", "import", .. files, "--base-url", "HTTP://Node.Example:80/v1/"])).Is(0);
        (await RunAsync(["cache", "import", .. files, "--server", "gpu"])).Is(0);

        Assert.Equal(2, (int)(await RunAsync("plan", "configs", "--json", "model.base_url='http://node.example/v1'")).Is(0).Json["totals"]!["cached"]!);
        Assert.Equal(2, (int)(await RunAsync("plan", "configs", "--json", "model.base_url='http://moved.example/v1'", "model.server=gpu")).Is(0).Json["totals"]!["cached"]!);
        Assert.Equal(0, (int)(await RunAsync("plan", "configs", "--json", "model.base_url='http://moved.example/v1'")).Is(0).Json["totals"]!["cached"]!);
    }

    [Theory]
    [InlineData("openai-compatible", "model.server='a/b'", "\"a/b\" is not a valid name for a server: expected 1 to 100 letters, digits and . _ -")]
    [InlineData("simulated", "model.server=gpu", "provider simulated has no server to name")]
    [InlineData("openai-compatible", "cache.legacy_keys=maybe", "cache.legacy_keys")]
    public async Task What_is_not_a_server_is_a_mistake(string provider, string word, string message)
    {
        Prepare(provider);
        (await RunAsync("plan", "configs", word, "model.base_url='http://node.example/v1'")).Is(2).Says(message);
    }

    private static string Body(char q) => $$"""{"messages":[{"content":"{{q}}","role":"user"}],"model":"m"}""";

    private static string Answer(string text) => $$$"""{"choices":[{"finish_reason":"stop","index":0,"message":{"content":"{{{text}}}","role":"assistant"}}],"usage":{"completion_tokens":1,"prompt_tokens":1}}""";

    private static int Occurrences(string text, string part) => text.Split(part).Length - 1;

    private void Prepare(string provider)
    {
        Set("OPENAI_API_KEY", "sk-journey");
        Write("data.jsonl", """{"q":"a"}""" + "\n" + """{"q":"b"}""" + "\n");
        Write("configs/e.yaml", $$$"""
            name: e
            batch_mode: false
            dataset: data.jsonl
            model: { provider: {{{provider}}}, name: m }
            user: "{{ sample.q }}"
            memory: { required_gb: 0 }
            """);
    }

    /// <summary>Stores answers under the keys of version 0.1, which held no address.</summary>
    private async Task ImportLegacyAsync(string dialect, string text)
    {
        Write("legacy.jsonl", string.Concat("ab".Select(q =>
        {
            var key = RequestKey.Compute(dialect, "/v1/chat/completions", Encoding.UTF8.GetBytes(Body(q)), 0);
            return $$$"""{"key":"{{{key}}}","created":"2026-11-24T12:00:00.000Z","provider":"{{{dialect}}}","model":"m","source":"live","input_tokens":1,"output_tokens":1,"response":{{{Answer(text)}}}}""" + "\n";
        })));
        (await RunAsync("cache", "import", "legacy.jsonl")).Is(0);
        File.Delete(Path.Combine(Folder, "legacy.jsonl"));
    }

    /// <summary>What all experiments of the last command say; a multirun has one for each job.</summary>
    private string[] Texts() =>
    [
        .. Directory.EnumerateFiles(Path.Combine(Folder, "runs"), "results.jsonl", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .SelectMany(File.ReadLines).Select(line => (string)System.Text.Json.Nodes.JsonNode.Parse(line)!["steps"]!["answer"]!["text"]!),
    ];
}
