using Microsoft.Data.Sqlite;
using Sluice.Simulator;

namespace Sluice.Journeys;

/// <summary>A cache that another process has locked, or a disk that is full, under live calls: what is paid for is kept, and nothing more is paid for meanwhile.</summary>
public sealed class LockedCacheJourneys : Journey
{
    private const int Calls = 16;

    private string Away => Path.Combine(Folder, ".sluice/cache-away");

    private int Buffers => Directory.Exists(Away) ? Directory.GetDirectories(Away).Length : 0;

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task The_run_goes_on_when_the_lock_is_gone_and_nothing_was_paid_for_twice(string backend)
    {
        await PrepareAsync(backend);
        await using CliRun run = Start("run", "configs", $"cache.backend={backend}");
        await CallsAsync(run);
        await using (SqliteConnection _ = Lock(backend))
        {
            await Poll.UntilAsync(() => Buffers == 1 && OpenAI.DistinctBodies == Calls + 1, () => run.Text);
            await run.SaysAsync("another process has locked it");
            // The first round is answered; the second one waits for the cache.
            Assert.Equal(Calls + 1, OpenAI.DistinctBodies);
        }

        (await run.EndAsync()).Is(0);
        Assert.Equal((0, 0), (Buffers, OpenAI.RepeatedBodies));
        Assert.Equal(2 * Calls, Count("done"));
        Assert.Equal(0, (await SweepAsync($"cache.backend={backend}")).Is(0).Sent);
    }

    [Theory]
    [InlineData("interrupted")]
    [InlineData("killed")]
    public async Task A_run_that_ends_under_the_lock_leaves_the_answers_to_the_next_one(string how)
    {
        await PrepareAsync("sqlite");
        await using CliRun run = Start("run", "configs");
        await CallsAsync(run);
        await using (SqliteConnection _ = Lock("sqlite"))
        {
            await Poll.UntilAsync(() => Buffers == 1 && OpenAI.DistinctBodies == Calls + 1, () => run.Text);
            await run.SaysAsync("are kept in");
            // All of the first round are kept before the command ends: they are put together.
            if (how == "interrupted")
            {
                run.Signal(CliRun.Interrupt);
                (await run.EndAsync()).Is(130).Says("and the next command carries them over");
            }
            else
            {
                await Poll.UntilAsync(() => Kept() == Calls, () => run.Text);
                await run.KillAsync();
            }

            // A second one when some came after the first look at whether the store is back.
            Assert.InRange(Buffers, 1, Calls);
        }

        (await RunAsync("doctor")).Says("cache-away: answers wait here", "nothing to do");
        (await SweepAsync()).Is(0);
        Assert.Equal((0, 0), (Buffers, OpenAI.RepeatedBodies));
        Assert.Equal(2 * Calls, Count("done"));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Live_answers_that_a_full_disk_refuses_are_kept_and_the_next_command_takes_them_in(bool isAllFull)
    {
        await PrepareAsync("sqlite");
        var second = Path.Combine(Folder, "tmp");
        Directory.CreateDirectory(second);
        Set("TMPDIR", second);
        if (isAllFull)
        {
            // Nothing can be kept in the workspace.
            await File.WriteAllTextAsync(Away, "", Cancel);
        }

        foreach (var (name, value) in FaultLibrary.Over(Path.Combine(Folder, ".sluice/cache.db-wal"), Path.Combine(second, "log")))
        {
            Set(name, value);
        }

        Set("FAULTFS_OPS", "write");
        Set("FAULTFS_AT", "1");
        Set("FAULTFS_STICKY", "1");
        Set("FAULTFS_ERRNO", "28");
        (await RunAsync("run", "configs")).Explains(3, "the disk is full while writing", ".sluice/cache.db", "are kept in " + (isAllFull ? second : Away), "the next command takes them in");
        // No call of the second round was made.
        Assert.Equal(Calls + 1, OpenAI.DistinctBodies);
        Assert.Equal(isAllFull ? 1 : 0, Directory.GetDirectories(second, "sluice-*").Length);

        Set("FAULTFS_AT", "0");
        var next = await SweepAsync();
        Assert.Equal(Calls - 1, next.Is(0).Sent);
        Assert.Equal((0, 0), (OpenAI.RepeatedBodies, Directory.GetDirectories(second, "sluice-*").Length));
        Assert.DoesNotContain("were lost", next.Errors, StringComparison.Ordinal);
        Assert.Equal(2 * Calls, Count("done"));
    }

    [Fact]
    public async Task Compacting_is_refused_while_others_work_unless_it_is_forced()
    {
        await ProviderAsync(batchDelay: 60);
        Dataset(10);
        Config();
        await using CliRun run = Start("run", "configs");
        await run.SaysAsync("requests to");

        (await RunAsync("cache", "compact")).Explains(2, "other processes work in this workspace", "--force");
        (await RunAsync("cache", "compact", "--force")).Is(0).Says("warning:", "other processes work in this workspace");
        // Another store is nobody's business.
        (await RunAsync("cache", "copy", "--to", "sqlite:other.db")).Is(0);
        (await RunAsync("cache", "compact", "--cache", "sqlite:other.db")).Is(0);
    }

    /// <summary>Makes a workspace whose store is there, and an experiment of two rounds of calls, one call at a time each.</summary>
    private async Task PrepareAsync(string backend)
    {
        await ProviderAsync(options: new SimulatorOptions { Folder = Path.Combine(Folder, "provider0"), LiveLatency = TimeSpan.FromMilliseconds(1500) });
        Dataset(1);
        Config(more: $"batch_mode: false\nlive: {{ concurrency: {Calls} }}\nepochs: 1");
        (await SweepAsync($"cache.backend={backend}")).Is(0);
        Dataset(2 * Calls);
    }

    /// <summary>Waits until calls of the run are under way; their answers come after its cache was opened.</summary>
    private Task CallsAsync(CliRun run) => Poll.UntilAsync(() => OpenAI.HttpRequests.GetValueOrDefault("live") > 1, () => run.Text);

    /// <summary>Counts the answers that are kept.</summary>
    private int Kept() => Directory.EnumerateFiles(Away, "*.jsonl", SearchOption.AllDirectories).Sum(f => File.ReadLines(f).Count());

    private SqliteConnection Lock(string backend)
    {
        var connection = new SqliteConnection($"Data Source={Path.Combine(Folder, backend == "sqlite" ? ".sluice/cache.db" : ".sluice/cache/index.db")};Pooling=False");
        connection.Open();
        using SqliteCommand begin = connection.CreateCommand();
        begin.CommandText = "BEGIN IMMEDIATE";
        begin.ExecuteNonQuery();
        return connection;
    }
}
