using System.Text.Json.Nodes;
using Sluice.Simulator;

namespace Sluice.Journeys;

/// <summary>However a command ends, the live calls that it has begun are waited for, and their answers kept: they are paid for.</summary>
public sealed class ExitJourneys : Journey
{
    private const int Calls = 16;
    private const string Live = "batch_mode: false\nlive: { concurrency: 16 }";

    [Theory]
    [InlineData(CliRun.Interrupt, 130)]
    [InlineData(CliRun.Terminate, 143)]
    public async Task A_signal_while_batches_are_planned_waits_for_the_live_calls_of_the_same_sweep(int signal, int exitCode)
    {
        await SlowAsync(TimeSpan.FromSeconds(2));
        Planned(300_000);
        var run = Start("run", "configs", "--json");
        await Poll.UntilAsync(() => OpenAI.LiveCalls == Calls, () => run.Text);
        run.Signal(signal);
        (await run.EndAsync()).Is(exitCode);
        await KeptAsync();
    }

    [Theory]
    [InlineData("a broken record", "big.jsonl")]
    [InlineData("a missing field", "unknown field")]
    public async Task A_mistake_in_a_batch_experiment_waits_for_the_live_calls_of_the_others(string mistake, string message)
    {
        await SlowAsync(TimeSpan.FromSeconds(5));
        Planned(20_000, mistake == "a broken record" ? "{\"id\": oops" : """{"id":"last","other":1}""");
        AssertPaid((await RunAsync("run", "configs")).Explains(2, message));
        await KeptAsync();
    }

    [Fact]
    public async Task A_key_that_is_refused_at_a_batch_waits_for_the_live_calls_at_the_other_provider()
    {
        await SlowAsync(
            TimeSpan.FromSeconds(3),
            """
            [{ "when": { "provider": "anthropic", "operation": "create" }, "fault": { "type": "delay", "seconds": 1 } },
             { "when": { "provider": "anthropic", "operation": "create" }, "fault": { "type": "http-status", "status": 401 } }]
            """);
        Config("refused", "anthropic");
        AssertPaid((await RunAsync("run", "configs")).Explains(4, "anthropic"));
        await KeptAsync();
    }

    [Theory]
    [InlineData(CliRun.HangUp)]
    [InlineData(CliRun.Quit)]
    public async Task A_closed_terminal_and_a_quit_stop_as_cleanly_as_a_termination(int signal)
    {
        await SlowAsync(TimeSpan.FromSeconds(1));
        var run = await UnderWayAsync();
        run.Signal(signal);
        var stopped = (await run.EndAsync()).Is(143).Says("run the same command again");
        Assert.True((double)stopped.Json["totals"]!["spent_usd"]! > 0, stopped.Output);
        await KeptAsync();
    }

    [Theory]
    [InlineData(CliRun.Terminate, CliRun.Terminate)]
    [InlineData(CliRun.Terminate, CliRun.Quit)]
    [InlineData(CliRun.Interrupt, CliRun.Terminate)]
    [InlineData(CliRun.HangUp, CliRun.Terminate)]
    public async Task Two_signals_within_a_moment_are_one(int first, int second)
    {
        await SlowAsync(TimeSpan.FromSeconds(3));
        var run = await UnderWayAsync();
        run.Signal(first);
        run.TrySignal(second);
        // Two signals that are sent at the same moment may arrive in either order.
        Assert.Contains((await run.EndAsync()).ExitCode, first == CliRun.Interrupt ? [130, 143] : (int[])[143]);
        await KeptAsync();
    }

    [Fact]
    public async Task A_signal_that_comes_later_than_a_second_after_the_first_leaves_at_once()
    {
        await SlowAsync(TimeSpan.FromMinutes(10));
        var run = await UnderWayAsync();
        await Poll.UntilAsync(
            () =>
            {
                run.TrySignal(CliRun.Terminate);
                return run.HasExited;
            },
            () => run.Text);
        Assert.Equal(128 + CliRun.Terminate, (await run.EndAsync()).ExitCode);
        Assert.Equal(0, OpenAI.DistinctBodies);
    }

    [Fact]
    public async Task A_terminal_that_closes_later_than_Ctrl_C_does_not_make_it_a_kill()
    {
        await SlowAsync(TimeSpan.FromSeconds(4));
        var run = await UnderWayAsync();
        run.Signal(CliRun.Interrupt);
        await Poll.UntilAsync(
            () =>
            {
                run.TrySignal(CliRun.HangUp);
                return run.HasExited;
            },
            () => run.Text);
        (await run.EndAsync()).Is(130);
        await KeptAsync();
    }

    [Fact]
    public async Task Under_nohup_a_closed_terminal_is_nothing()
    {
        await SlowAsync(TimeSpan.FromSeconds(1));
        var run = StartBy(["nohup"], "run", "configs", "--json");
        await Poll.UntilAsync(() => OpenAI.LiveCalls == Calls, () => run.Text);
        run.TrySignal(CliRun.HangUp);
        (await run.EndAsync()).Is(0);
        await KeptAsync();
    }

    [Fact]
    public async Task A_terminal_that_is_gone_does_not_end_a_command()
    {
        await SlowAsync(TimeSpan.FromSeconds(2));
        Set("TERM", "xterm");
        using var terminal = new PseudoTerminal();
        var run = StartBy(["sh", "-c", $"exec \"$@\" >{terminal.Path} 2>&1", "sh"], "run", "configs");
        await Poll.UntilAsync(() => OpenAI.LiveCalls == Calls, () => run.Text);
        terminal.Close();
        (await run.EndAsync()).Is(0);
        await KeptAsync();
    }

    [Fact]
    public async Task A_full_disk_below_the_log_does_not_end_a_command_but_one_below_the_data_is_told()
    {
        Assert.SkipUnless(File.Exists("/dev/full"), "/dev/full is Linux's");
        await ProviderAsync();
        Dataset(3);
        Config();
        (await StartBy(["sh", "-c", "exec \"$@\" 2>/dev/full", "sh"], "run", "configs").EndAsync()).Is(0);
        (await StartBy(["sh", "-c", "exec \"$@\" >/dev/full", "sh"], "run", "configs", "--json").EndAsync()).Is(3);
    }

    [Fact]
    public async Task Two_signals_within_a_moment_let_the_jobs_of_a_launch_save_what_they_have()
    {
        var run = Start("launch", "--name", "saving", "--", "sh", "-c", "trap 'sleep 0.5; echo all >saved; exit 0' TERM; echo >ready; while :; do sleep 0.05; done");
        await Poll.UntilAsync(() => File.Exists(Path.Combine(Folder, "ready")), () => run.Text);
        run.Signal(CliRun.HangUp);
        run.TrySignal(CliRun.Terminate);
        await run.EndAsync();
        Assert.Equal("all\n", File.ReadAllText(Path.Combine(Folder, "saved")));
    }

    private async Task SlowAsync(TimeSpan latency, string? faults = null)
    {
        await ProviderAsync(faults, options: new SimulatorOptions { Folder = Path.Combine(Folder, "provider"), LiveLatency = latency });
        Dataset(Calls);
        Config("live", more: Live);
    }

    private async Task<CliRun> UnderWayAsync()
    {
        var run = Start("run", "configs", "--json");
        await Poll.UntilAsync(() => OpenAI.LiveCalls == Calls, () => run.Text);
        return run;
    }

    /// <summary>Adds a batch experiment over a dataset that takes a while to be planned.</summary>
    private void Planned(int samples, string? last = null)
    {
        using (var data = new StreamWriter(Path.Combine(Folder, "big.jsonl")))
        {
            for (var n = 0; n < samples; n++)
            {
                data.Write($$"""{"id":"b{{n}}","question":"Another question {{n}}"}""" + "\n");
            }

            data.Write(last is null ? "" : last + "\n");
        }

        Write("configs/planned.yaml", """
            name: planned
            dataset: { path: big.jsonl, id: id }
            model: { provider: openai, name: gpt-4o, params: { max_tokens: 16 } }
            user: "{{ sample.question }}"
            memory: { required_gb: 0 }
            """);
    }

    /// <summary>Checks that people are told what was paid.</summary>
    private static void AssertPaid(CliResult result) => Assert.Matches(@"paid by this command: \$0\.0\d+ for [1-9]\d* tokens in", result.Output);

    /// <summary>Checks that each call that was begun is answered in the results, and is not made again.</summary>
    private async Task KeptAsync()
    {
        var made = OpenAI.LiveCalls;
        Assert.InRange(made, 1, Calls);
        var again = (await RunAsync("run", "configs/live.yaml", "--json", "--sweep", "again")).Is(0);
        Assert.Equal((Calls - made, 0L), (again.Sent, OpenAI.RepeatedBodies));
        // The results were written, too, before the command ended.
        var written = Directory.EnumerateFiles(Path.Combine(Folder, "runs"), "results.jsonl", SearchOption.AllDirectories)
            .Single(path => path.EndsWith("/live/results.jsonl", StringComparison.Ordinal) && !path.Contains("/again/", StringComparison.Ordinal));
        Assert.Equal(made, File.ReadLines(written).Count(line => (string?)JsonNode.Parse(line)!["status"] == "done"));
    }
}
