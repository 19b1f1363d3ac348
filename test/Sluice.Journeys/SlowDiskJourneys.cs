using Microsoft.Data.Sqlite;

namespace Sluice.Journeys;

/// <summary>A slow disk below <c>runs/</c> holds up nobody but the command that writes there.</summary>
public sealed class SlowDiskJourneys : Journey
{
    [Fact]
    public async Task The_ledger_is_free_while_a_manifest_is_written_to_a_slow_disk()
    {
        await ProviderAsync();
        Dataset(3);
        Config();
        var runs = Path.Combine(Folder, "runs");
        var log = Path.Combine(Folder, "log");
        foreach (var (name, value) in FaultLibrary.Over(runs, log))
        {
            Set(name, value);
        }

        Set("FAULTFS_OPS", "sync");
        // A run on a quick disk tells which sync is the first of a manifest.
        (await RunAsync("run", "configs", "--json")).Is(0);
        var syncs = File.ReadLines(log).Where(line => line.StartsWith("sync ", StringComparison.Ordinal)).TakeWhile(line => !line.Contains("manifest.json", StringComparison.Ordinal)).Count();
        File.Delete(log);
        Directory.Delete(runs, recursive: true);
        Directory.Delete(Path.Combine(Folder, ".sluice"), recursive: true);
        Set("FAULTFS_AT", $"{syncs + 1}");
        Set("FAULTFS_DELAY", "5000");
        var run = Start("run", "configs", "--json");
        await Poll.UntilAsync(() => File.Exists(log) && File.ReadAllText(log).Contains(" !", StringComparison.Ordinal), () => run.Text);
        Assert.Contains("manifest.json", File.ReadLines(log).Single(line => line.EndsWith(" !", StringComparison.Ordinal)), StringComparison.Ordinal);

        await using (var ledger = new SqliteConnection($"Data Source={Path.Combine(Folder, ".sluice/ledger.db")};Pooling=False;Default Timeout=1"))
        {
            await ledger.OpenAsync(Cancel);
            await using var write = ledger.CreateCommand();
            write.CommandText = "BEGIN IMMEDIATE; ROLLBACK";
            await write.ExecuteNonQueryAsync(Cancel);
        }

        Assert.False(File.Exists(Path.Combine(runs, Path.GetFileName(Folder), "manifest.json")), "the disk was not slow enough to tell");
        (await run.EndAsync()).Is(0);
    }

    [Fact]
    public async Task Two_commands_that_write_one_manifest_at_once_both_stay_in_it()
    {
        await ProviderAsync();
        Dataset(3);
        Config("one");
        Config("two", model: "gpt-4o");
        var both = new[] { Start("run", "configs/one.yaml", "--sweep", "s"), Start("run", "configs/two.yaml", "--sweep", "s") };
        foreach (var run in both)
        {
            (await run.EndAsync()).Is(0);
        }

        var manifest = await File.ReadAllTextAsync(Path.Combine(Folder, "runs/s/manifest.json"), Cancel);
        Assert.Contains("\"one\"", manifest, StringComparison.Ordinal);
        Assert.Contains("\"two\"", manifest, StringComparison.Ordinal);
    }
}
