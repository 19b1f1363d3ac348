using System.Text.Json.Nodes;

namespace Sluice.Journeys;

/// <summary>Scripts read stdout: one JSON document, with fields that stay. People read stderr.</summary>
public sealed class MachineOutputJourneys : Journey
{
    [Fact]
    public async Task Memory_shows_limit_usage_and_headroom()
    {
        (await RunAsync("memory")).Is(0).Says("limit", "usage", "headroom", "host");
        var run = (await RunAsync("memory", "--json")).Is(0);
        AssertFields(run.Json, "limit_bytes", "usage_bytes", "headroom_bytes", "binding_level", "cgroup", "host_total_bytes", "host_available_bytes", "swap_total_bytes", "swap_free_bytes", "oom_kills", "host_oom_kills", "pressure", "levels", "notes", "time");
        Assert.True(run.Json["headroom_bytes"]!.GetValue<long>() <= run.Json["host_total_bytes"]!.GetValue<long>());
        Assert.Empty(run.Errors);
    }

    [Fact]
    public async Task A_run_that_lacks_memory_warns_and_goes_on()
    {
        await ProviderAsync();
        Dataset(2);
        Config();
        (await SweepAsync("memory.required_gb=1000000")).Is(0).Says("warning: ", "memory.required_gb");
    }

    [Fact]
    public async Task A_run_that_must_have_its_memory_is_refused_before_anything_is_sent()
    {
        await ProviderAsync();
        Dataset(2);
        Config();
        var run = (await SweepAsync("memory.required_gb=1000000", "memory.enforce=true")).Is(5).Says("error: ", "1000000 GB", "memory.required_gb", "hint: ");
        Assert.Empty(run.Output);
        Assert.Equal(0, OpenAI.BatchesCreated);
        (await SweepAsync("memory.required_gb=0", "memory.enforce=true")).Is(0);
    }

    [Fact]
    public async Task A_limit_that_cannot_be_seen_is_told_by_a_variable()
    {
        Set("SLUICE_MEMORY_LIMIT_GB", "0.25");
        var memory = (await RunAsync("memory", "--json")).Is(0).Json;
        Assert.Equal(250_000_000, memory["limit_bytes"]!.GetValue<long>());
        (await RunAsync("memory")).Is(0).Says("`free` shows the host", "this container may use 238.4 MiB");
        Set("SLUICE_MEMORY_LIMIT_GB", "much");
        (await RunAsync("memory")).Is(2).Says("SLUICE_MEMORY_LIMIT_GB");
    }

    [Fact]
    public async Task A_run_that_is_held_back_says_so_and_can_be_stopped()
    {
        await ProviderAsync();
        Dataset(5);
        Config();
        Set("SLUICE_MEMORY_LIMIT_GB", "0.001");
        var run = Start("run", "configs", "memory.required_gb=0.1");
        await run.SaysAsync("nothing new is begun");
        run.Signal(CliRun.Terminate);
        (await run.EndAsync()).Is(143);
        Assert.Equal(0, OpenAI.BatchesCreated);
        (await SweepAsync()).Is(0);
    }

    [Fact]
    public async Task Watching_prints_a_document_per_line_until_it_is_stopped()
    {
        var run = Start("memory", "--watch", "--json", "--interval", "0.1");
        await Poll.UntilAsync(() => run.Text.Count(c => c == '\n') >= 3, () => run.Text);
        run.Signal(CliRun.Terminate);
        var lines = (await run.EndAsync()).Output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.All(lines, line => AssertFields(JsonNode.Parse(line)!, "time", "headroom_bytes", "levels"));
        (await RunAsync("memory", "--watch", "--interval", "0")).Is(2).Says("--interval");
    }

    [Fact]
    public async Task Stdout_holds_one_document_with_the_documented_fields()
    {
        await ProviderAsync();
        Dataset(20);
        Config(more: "batch: { max_requests: 10 }");
        var plan = (await RunAsync("plan", "configs", "--json")).Is(0);
        AssertFields(plan.Json, "totals", "experiments");
        AssertFields(plan.Json["totals"]!, "samples", "cached", "in_flight", "to_send", "later", "batches", "batch_usd", "live_usd");
        AssertFields(plan.Json["experiments"]![0]!, "name", "source", "samples", "cached", "in_flight", "to_send", "shared", "later", "failed", "skipped_records", "input_tokens", "output_tokens", "batch_usd", "live_usd", "budget_usd");

        var run = (await SweepAsync()).Is(0).Says("requests to openai", "answers");
        AssertFields(run.Json, "sweep", "state", "folder", "totals", "experiments");
        AssertFields(run.Json["totals"]!, "experiments", "samples", "done", "cached", "sent", "held", "failed", "pending", "skipped_records", "cost_usd", "spent_usd", "spent_input_tokens", "spent_output_tokens");
        var experiment = run.Json["experiments"]![0]!;
        AssertFields(experiment, "name", "cached", "sent", "held", "samples", "done", "failed", "pending", "skipped_records", "scores", "cost_usd", "errors");
        AssertFields(experiment["scores"]!["accuracy"]!, "mean", "stderr", "n");
        Assert.Equal(0.9, experiment["scores"]!["accuracy"]!["mean"]!.GetValue<double>(), 6);

        var quiet = (await RunAsync("run", "configs", "--json", "--quiet")).Is(0);
        Assert.Empty(quiet.Errors);
        Assert.Equal(20, quiet.Json["totals"]!["cached"]!.GetValue<int>());
        Assert.Equal(0, quiet.Json["totals"]!["spent_usd"]!.GetValue<double>());
        Assert.Equal(run.Json["totals"]!["cost_usd"]!.GetValue<double>(), quiet.Json["totals"]!["cost_usd"]!.GetValue<double>());

        var status = (await RunAsync("status", "--json", "--all")).Is(0);
        AssertFields(status.Json, "sweeps", "batches");
        Assert.Equal(2, status.Json["batches"]!.AsArray().Count);
        AssertFields(status.Json["batches"]![0]!, "intent", "batch", "provider", "model", "state", "requests", "bytes", "created_at", "age_seconds", "note");
        Assert.Equal("done", (string?)status.Json["sweeps"]![0]!["state"]);

        var summary = JsonNode.Parse(await File.ReadAllTextAsync(Path.Combine(Path.GetDirectoryName(ResultsPath())!, "summary.json"), Cancel))!;
        Assert.Equal(0.9, summary["scores"]!["accuracy"]!["mean"]!.GetValue<double>(), 6);
        Assert.Equal("done", (string?)summary["scores"]!["accuracy"]!["denominator"]);
    }

    [Fact]
    public async Task The_estimate_learns_from_earlier_answers_and_comes_true()
    {
        await ProviderAsync();
        Dataset(200);
        Config();
        (await SweepAsync("dataset.limit=100")).Is(0);
        var plan = (await RunAsync("plan", "configs", "--json")).Is(0).Json["experiments"]![0]!;
        Assert.Equal(100, plan["to_send"]!.GetValue<int>());
        var spent = (await SweepAsync()).Is(0).Json["totals"]!["spent_usd"]!.GetValue<double>();
        Assert.InRange(plan["batch_usd"]!.GetValue<double>(), spent * 0.8, spent * 1.25);
    }

    [Theory]
    [InlineData("")]
    [InlineData("plan")]
    [InlineData("run")]
    [InlineData("submit")]
    [InlineData("status")]
    [InlineData("retrieve")]
    [InlineData("cancel")]
    [InlineData("simulate")]
    [InlineData("memory")]
    public async Task Help_explains_each_command_under_the_name_people_type(string command)
    {
        var run = (await RunAsync([.. command.Split(' ', StringSplitOptions.RemoveEmptyEntries), "--help"])).Is(0);
        Assert.Contains($"sluice {command}".TrimEnd(), run.Output, StringComparison.Ordinal);
        Assert.DoesNotContain("Sluice.Cli", run.Output, StringComparison.Ordinal);
        Assert.Empty(run.Errors);
    }

    private static void AssertFields(JsonNode node, params string[] names)
    {
        var present = node.AsObject().Select(p => p.Key).ToList();
        Assert.All(names, name => Assert.Contains(name, present));
    }
}
