using System.Text.Json.Nodes;
using Sluice.Simulator;
using Sluice.Testing;

namespace Sluice.Journeys;

/// <summary>A rehearsal is not the real thing: a real run takes nothing of it for an answer, in the same workspace either.</summary>
public sealed class RehearsalJourneys : Journey
{
    [Theory]
    [InlineData("openai", "chat", "false")]
    [InlineData("openai", "responses", "true")]
    [InlineData("anthropic", "messages", "true")]
    public async Task Rehearsed_answers_serve_the_rehearsal_and_no_real_run(string provider, string api, string batchMode)
    {
        var simulator = await RehearseAsync("one");
        Prepare(provider, $"api: {api}, params: {{ max_tokens: 9 }}", $"batch_mode: {batchMode}");
        if (api == "responses")
        {
            Prepare(provider, "api: responses", $"batch_mode: {batchMode}");
        }

        Assert.Equal(2, (await RunAsync("run", "configs", "--json")).Is(0).Sent);
        Assert.Equal(0, (await RunAsync("run", "configs", "--json")).Is(0).Sent);
        Assert.All(await EntriesAsync(), e => Assert.Equal("simulated", (string)e["provider"]!));
        if (batchMode == "true")
        {
            Assert.All((await RunAsync("status", "--all", "--json")).Is(0).Json["batches"]!.AsArray(), b => Assert.Equal("simulated", (string)b!["provider"]!));
        }

        // For real: nothing is there.
        Set("OPENAI_BASE_URL", null);
        Set("ANTHROPIC_BASE_URL", null);
        var plan = (await RunAsync("plan", "configs", "--json")).Is(0).Json["totals"]!;
        Assert.Equal((0, 2), ((int)plan["cached"]!, (int)plan["to_send"]!));

        // The rehearsal goes on from its own answers, also when the simulator has stopped.
        Point(simulator.Address);
        await simulator.DisposeAsync();
        Assert.Equal(0, (await RunAsync("run", "configs", "--json")).Is(0).Sent);
        Assert.Equal(2, Rows("e").Count(r => (string)r["status"]! == "done"));
    }

    [Fact]
    public async Task A_real_run_after_a_rehearsal_asks_and_keeps_both()
    {
        await using var simulator = await RehearseAsync("one");
        using var real = new ChatServer("real");
        Prepare("openai", "api: chat", "batch_mode: false");
        Assert.Equal(2, (await RunAsync("run", "configs", "--json")).Is(0).Sent);
        var rehearsed = Results("e");

        Set("OPENAI_BASE_URL", real.Url);
        Assert.Equal(2, (await RunAsync("run", "configs", "--json")).Is(0).Sent);

        Assert.Equal(["real", "real"], Rows("e").Select(r => (string)r["steps"]!["answer"]!["text"]!));
        Assert.Equal(["openai", "openai", "simulated", "simulated"], (await EntriesAsync()).Select(e => (string)e["provider"]!).Order(StringComparer.Ordinal));

        // The provider's results are not replaced by made-up ones.
        Point(simulator.Address);
        foreach (var command in (string[])["run", "submit"])
        {
            (await RunAsync(command, "configs")).Explains(2, "runs/", "/e has results of `openai`", "this is a rehearsal", "--sweep NAME");
        }

        Assert.Equal(["real", "real"], Rows("e").Select(r => (string)r["steps"]!["answer"]!["text"]!));
        Assert.Equal(0, (await RunAsync("run", "configs", "--sweep", "rehearsal", "--json")).Is(0).Sent);
        Assert.Equal(rehearsed, await File.ReadAllTextAsync(Path.Combine(Folder, "runs/rehearsal/e/results.jsonl"), Cancel));
    }

    [Fact]
    public async Task Two_simulators_are_two_servers()
    {
        Write("a.jsonl", """{"prompt":"a","completion":"from a"}""" + "\n" + """{"prompt":"b","completion":"from a"}""" + "\n");
        Write("b.jsonl", """{"prompt":"a","completion":"from b"}""" + "\n" + """{"prompt":"b","completion":"from b"}""" + "\n");
        await using var one = await RehearseAsync("one", "a.jsonl");
        await using var two = await RehearseAsync("two", "b.jsonl");
        Prepare("openai-compatible", "api: chat", "batch_mode: false");

        (await RunAsync("run", "configs", "-m", $"model.base_url='{one.Address}v1','{two.Address}v1'", "--json")).Is(0);

        Assert.Equal(["from a", "from b"], Directory.EnumerateFiles(Path.Combine(Folder, "runs"), "results.jsonl", SearchOption.AllDirectories)
            .SelectMany(File.ReadLines).Select(line => (string)JsonNode.Parse(line)!["steps"]!["answer"]!["text"]!).Distinct().Order(StringComparer.Ordinal));
    }

    [Fact]
    public async Task A_server_that_turns_out_to_be_the_simulator_is_not_believed()
    {
        using var server = new ChatServer("made up") { IsMarked = true };
        Prepare("openai", "api: chat", "batch_mode: false");
        Set("OPENAI_API_KEY", "sk-journey");
        Set("OPENAI_BASE_URL", server.Url);

        (await RunAsync("run", "configs", "--json")).Explains(3, "is the simulator now", "run the same command again");

        Assert.Empty(await EntriesAsync());
        // Nothing has failed: the same command goes on as soon as the provider is there.
        server.IsMarked = false;
        Assert.Equal(2, (await RunAsync("run", "configs", "--json")).Is(0).Sent);
    }

    [Fact]
    public async Task A_provider_where_the_simulator_was_is_not_asked_for_a_rehearsal()
    {
        var simulator = await RehearseAsync("one");
        Prepare("openai", "api: chat", "batch_mode: false");
        (await RunAsync("run", "configs", "--json")).Is(0);
        await simulator.DisposeAsync();
        Write("data.jsonl", """{"q":"a"}""" + "\n" + """{"q":"new"}""" + "\n");

        // Nobody is there when the command begins: what was made up is used, and the new question waits.
        var run = Start("run", "configs");
        await run.SaysAsync("cannot be reached");
        using var real = new ChatServer("real", simulator.Address.Port);
        (await run.EndAsync()).Explains(3, "is not the simulator any more", "start `sluice simulate`");

        Assert.Contains("was the simulator and cannot be asked now", run.Text, StringComparison.Ordinal);
        Assert.Empty(real.Bodies);
        Assert.Equal(2, (await RunAsync("run", "configs", "--json")).Is(0).Sent);
        Assert.Equal(["real", "real"], Rows("e").Select(r => (string)r["steps"]!["answer"]!["text"]!));
    }

    [Fact]
    public async Task What_was_written_for_a_provider_is_not_rehearsed()
    {
        // The provider has no room, so that the batch stays where it is.
        await ProviderAsync("""[{ "when": { "operation": "upload" }, "times": -1, "fault": { "type": "http-status", "status": 429, "retry_after": 3600 } }]""");
        Prepare("openai", "api: chat", "batch_mode: true");
        var run = Start("run", "configs");
        await run.SaysAsync("trying again");
        await run.KillAsync();

        await using var simulator = await RehearseAsync("one");
        var rehearsal = (await RunAsync("run", "configs", "--json")).Is(0);

        Assert.Equal(2, rehearsal.Sent);
        Assert.Contains("it is left alone until that is set again", rehearsal.Errors, StringComparison.Ordinal);
        Assert.Equal((1, 2), (simulator.Stats.OpenAI.BatchesCreated, simulator.Stats.OpenAI.LinesExecuted));
        Assert.Equal(["openai"], (await RunAsync("status", "--json")).Is(8).Json["batches"]!.AsArray().Select(b => (string)b!["provider"]!));
    }

    [Fact]
    public async Task The_printed_variables_name_a_workspace_too()
    {
        Prepare("openai", "api: chat", "batch_mode: false");
        var simulate = Start("simulate", "--folder", "it's here");
        await simulate.SaysAsync("what it did");
        var exports = simulate.Text.Split('\n').Where(line => line.Contains("export ", StringComparison.Ordinal)).ToList();
        Write("variables.sh", string.Join('\n', exports) + "\nenv >variables.txt\n");
        using (var shell = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("sh", "variables.sh") { WorkingDirectory = Folder })!)
        {
            await shell.WaitForExitAsync(Cancel);
        }

        foreach (var line in File.ReadLines(Path.Combine(Folder, "variables.txt")))
        {
            var (name, value) = (line.Split('=')[0], line[(line.IndexOf('=', StringComparison.Ordinal) + 1)..]);
            if (name is "OPENAI_BASE_URL" or "OPENAI_API_KEY" or "SLUICE_WORKSPACE")
            {
                Set(name, value);
            }
        }

        Assert.Equal(2, (await RunAsync("run", "configs", "--json")).Is(0).Sent);

        Assert.False(Directory.Exists(Path.Combine(Folder, "runs")));
        Assert.True(Directory.Exists(Path.Combine(Folder, "it's here", "workspace", "runs")));
        var json = Start("simulate", "--folder", "it's here", "--json");
        await json.SaysAsync("}");
        Assert.Equal(Path.Combine(Folder, "it's here", "workspace"), (string)JsonNode.Parse(json.Text)!["workspace"]!);
    }

    /// <summary>Starts a simulator as `sluice simulate` does, and points the commands at it.</summary>
    private async Task<SimulatorServer> RehearseAsync(string name, string? recordings = null)
    {
        var simulator = await SimulatorServer.StartAsync(
            new SimulatorOptions { Folder = Path.Combine(Folder, $"simulator-{name}"), RecordingsPath = recordings is null ? null : Path.Combine(Folder, recordings) }, Cancel);
        Point(simulator.Address);
        return simulator;
    }

    private void Point(Uri address)
    {
        var root = address.GetLeftPart(UriPartial.Authority);
        Set("OPENAI_BASE_URL", root + "/v1");
        Set("OPENAI_API_KEY", "any");
        Set("ANTHROPIC_BASE_URL", root);
        Set("ANTHROPIC_API_KEY", "any");
    }

    private async Task<JsonNode[]> EntriesAsync() =>
        File.Exists(Path.Combine(Folder, ".sluice/cache.db")) ? [.. (await RunAsync("cache", "ls", "--json")).Is(0).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!)] : [];

    private void Prepare(string provider, string model, string more)
    {
        Write("data.jsonl", """{"q":"a"}""" + "\n" + """{"q":"b"}""" + "\n");
        Write("configs/e.yaml", $$$"""
            name: e
            dataset: data.jsonl
            model: { provider: {{{provider}}}, name: {{{(provider == "anthropic" ? "claude-haiku-4-5" : "gpt-4o-mini")}}}, {{{model}}} }
            user: "{{ sample.q }}"
            memory: { required_gb: 0 }
            {{{more}}}
            """);
    }
}
