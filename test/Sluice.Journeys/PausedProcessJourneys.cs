using Microsoft.Data.Sqlite;
using Sluice.Simulator;

namespace Sluice.Journeys;

/// <summary>A process that stands still (a suspended laptop, `docker pause`, `launch` when memory is scarce) is not dead.</summary>
public sealed class PausedProcessJourneys : Journey
{
    private const int Calls = 8;

    [Fact]
    public async Task Live_calls_of_a_paused_process_are_waited_for_and_not_paid_for_again()
    {
        await ProviderAsync(options: new SimulatorOptions { Folder = Path.Combine(Folder, "provider"), LiveLatency = TimeSpan.FromSeconds(2) });
        Dataset(Calls);
        Config(more: "batch_mode: false\nlive: { concurrency: 8 }");
        var paused = Start("run", "configs", "--json", "--sweep", "paused");
        await Poll.UntilAsync(() => OpenAI.LiveCalls == Calls, () => paused.Text);
        paused.Signal(CliRun.Pause);
        // As if half a minute had passed.
        await ExpireLeasesAsync();

        var other = Start("run", "configs", "--json", "--sweep", "other");
        await other.SaysAsync($"process {paused.Id} has given no sign of life");
        paused.Signal(CliRun.Continue);

        (await paused.EndAsync()).Is(0);
        Assert.Equal(0, (await other.EndAsync()).Is(0).Sent);
        Assert.Equal((Calls, 0L), (OpenAI.LiveCalls, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task Live_calls_of_a_paused_process_that_is_then_killed_are_made_again()
    {
        await ProviderAsync(options: new SimulatorOptions { Folder = Path.Combine(Folder, "provider"), LiveLatency = TimeSpan.FromSeconds(1) });
        Dataset(Calls);
        Config(more: "batch_mode: false\nlive: { concurrency: 8 }");
        var paused = Start("run", "configs", "--json", "--sweep", "paused");
        await Poll.UntilAsync(() => OpenAI.LiveCalls == Calls, () => paused.Text);
        paused.Signal(CliRun.Pause);
        await ExpireLeasesAsync();
        var other = Start("run", "configs", "--json", "--sweep", "other");
        await Poll.UntilAsync(() => Directory.Exists(Path.Combine(Folder, "runs/other/one")), () => other.Text);

        await paused.KillAsync();

        Assert.Equal(Calls, (await other.EndAsync()).Is(0).Sent);
        Assert.Equal(Calls, Count("done", "other", "one"));
    }

    private int Count(string status, string sweep, string experiment) =>
        File.ReadLines(Path.Combine(Folder, "runs", sweep, experiment, "results.jsonl")).Count(line => line.Contains($"\"status\":\"{status}\"", StringComparison.Ordinal));

    private async Task ExpireLeasesAsync()
    {
        await using var ledger = new SqliteConnection($"Data Source={Path.Combine(Folder, ".sluice/ledger.db")};Pooling=False");
        await ledger.OpenAsync(Cancel);
        await using var change = ledger.CreateCommand();
        change.CommandText = "UPDATE leases SET until=0, steady=0";
        Assert.Equal(1, await change.ExecuteNonQueryAsync(Cancel));
    }
}
