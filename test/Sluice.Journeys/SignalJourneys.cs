namespace Sluice.Journeys;

/// <summary>Ctrl-C and the polite kill: stop cleanly, say how to go on, and leave at once when asked twice.</summary>
public sealed class SignalJourneys : Journey
{
    [Theory]
    [InlineData(CliRun.Interrupt, 130)]
    [InlineData(CliRun.Terminate, 143)]
    public async Task One_signal_stops_cleanly_keeps_finished_samples_and_says_how_to_go_on(int signal, int exitCode)
    {
        // OpenAI's batch is never shown as ended, Anthropic's ends at once.
        await FaultyAsync("""{ "type": "show-state", "state": "in_progress", "gets": 1000000 }""", """{ "provider": "openai" }""");
        Dataset(20);
        Config("fast", "anthropic");
        Config("slow");
        var run = Start("run", "configs", "--json");
        await run.SaysAsync(" answers");
        run.Signal(signal);
        var stopped = (await run.EndAsync()).Is(exitCode);
        stopped.Says("stopping", "run the same command again", "sluice retrieve --wait");
        Assert.Equal("interrupted", (string?)stopped.Json["state"]);
        Assert.Equal(20, Count("done", "fast"));
        Assert.Equal(20, Count("pending", "slow"));

        var again = (await RunAsync("submit", "configs", "--json")).Is(8);
        Assert.Equal(0, again.Sent);
        Assert.Equal(1, OpenAI.BatchesCreated);
    }

    [Fact]
    public async Task A_signal_during_planning_sends_nothing_half_and_the_next_run_sends_all()
    {
        await ProviderAsync();
        Dataset(8000);
        Config();
        var spool = Path.Combine(Folder, ".sluice/spool");
        var run = Start("run", "configs", "--json");
        await Poll.UntilAsync(() => Directory.Exists(spool) && Directory.EnumerateFiles(spool).Any(), () => run.Text);
        run.Signal(CliRun.Interrupt);
        (await run.EndAsync()).Is(130).Says("run the same command again");
        (await SweepAsync()).Is(0);
        Assert.Equal((8000, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
        Assert.Equal(8000, Count("done"));
    }

    [Fact]
    public async Task A_signal_amid_live_calls_keeps_what_was_paid_for()
    {
        await ProviderAsync(options: new Simulator.SimulatorOptions { Folder = Path.Combine(Folder, "provider"), LiveLatency = TimeSpan.FromMilliseconds(50) });
        Dataset(200);
        Config(more: "batch_mode: false\nlive: { concurrency: 4 }");
        var run = Start("run", "configs", "--json");
        await Poll.UntilAsync(() => OpenAI.LiveCalls > 20, () => run.Text);
        run.Signal(CliRun.Interrupt);
        var stopped = (await run.EndAsync()).Is(130);
        var made = OpenAI.LiveCalls;
        Assert.InRange(made, 21, 199);
        Assert.Equal((made, made), (Count("done"), stopped.Sent));
        Assert.Equal(0, stopped.Json["totals"]!["cached"]!.GetValue<int>());
        Assert.DoesNotContain("retrieve", stopped.Errors, StringComparison.Ordinal);

        var again = (await SweepAsync()).Is(0);
        Assert.Equal((200 - made, 200), (again.Sent, OpenAI.LiveCalls));
    }

    [Fact]
    public async Task A_broken_record_amid_live_calls_keeps_what_was_paid_for()
    {
        await ProviderAsync(options: new Simulator.SimulatorOptions { Folder = Path.Combine(Folder, "provider"), LiveLatency = TimeSpan.FromMilliseconds(50) });
        Dataset(300);
        File.AppendAllText(Path.Combine(Folder, "data.jsonl"), "{\"id\": oops\n");
        Config(more: "batch_mode: false\nlive: { concurrency: 4 }");
        (await RunAsync("run", "configs")).Explains(2, "data.jsonl", "line 301");
        var made = OpenAI.LiveCalls;
        Assert.InRange(made, 1, 299);

        var again = (await SweepAsync("dataset.on_error=skip")).Is(0);
        Assert.Equal((300 - made, 300), (again.Sent, OpenAI.LiveCalls));
    }

    [Fact]
    public async Task The_simulator_ends_on_a_signal()
    {
        var run = Start("simulate", "--port", "0", "--folder", "sim", "--json");
        await run.SaysAsync("openai_base_url");
        run.Signal(CliRun.Terminate);
        (await run.EndAsync()).Is(0);
    }
}
