using System.Collections.Concurrent;

namespace Sluice.Journeys;

/// <summary><c>kill -9</c> at every named point of <c>cancel</c> and <c>resend</c>: what was dropped never comes back, and the same command goes on.</summary>
public sealed class CancelKillJourneys : Journey
{
    private const int N = 6;

    /// <summary>Of so many points one is taken: each costs four starts of the program.</summary>
    private static readonly int OneOf = Scale.Of(quick: 5, usual: 3, full: 1);

    [Fact]
    public async Task A_batch_that_is_dropped_never_comes_back_wherever_cancel_is_killed()
    {
        // The provider takes no file for an hour: the spool is whole, and nothing of it was sent.
        await ProviderAsync("""[{ "when": { "operation": "upload" }, "times": 1, "fault": { "type": "http-status", "status": 503, "retry_after": 3600 } }]""");
        Dataset(N);
        Config();
        await using (var run = Start("run", "configs", "--workspace", "before"))
        {
            await Poll.UntilAsync(() => OpenAI.FaultsInjected > 0, () => run.Text);
            await run.KillAsync();
        }

        await EachPointAsync(["cancel", "--all"], async workspace =>
        {
            var doctor = await RunAsync("doctor", "--workspace", workspace);
            Assert.DoesNotContain("the ledger does not know", doctor.Output, StringComparison.Ordinal);
            (await RunAsync("cancel", "--all", "--workspace", workspace)).Is(0);
            Assert.Empty((await RunAsync("status", "--json", "--workspace", workspace)).Is(0).Json["batches"]!.AsArray());
            var before = OpenAI.LinesExecuted;
            Assert.Equal(1, (await SweepAsync("--workspace", workspace, "dataset.limit=1")).Is(0).Sent);
            Assert.Equal(1, OpenAI.LinesExecuted - before);
        });
    }

    [Fact]
    public async Task Without_another_cancel_the_next_run_sends_what_was_to_be_dropped_once()
    {
        await ProviderAsync("""[{ "when": { "operation": "upload" }, "times": 1, "fault": { "type": "http-status", "status": 503, "retry_after": 3600 } }]""");
        Dataset(N);
        Config();
        await using (var run = Start("run", "configs", "--workspace", "before"))
        {
            await Poll.UntilAsync(() => OpenAI.FaultsInjected > 0, () => run.Text);
            await run.KillAsync();
        }

        await EachPointAsync(["cancel", "--all"], async workspace =>
        {
            var before = OpenAI.LinesExecuted;
            (await SweepAsync("--workspace", workspace)).Is(0);
            Assert.Equal(N, OpenAI.LinesExecuted - before);
            Assert.Empty(Directory.GetFiles(Path.Combine(Folder, workspace, ".sluice/spool")));
        });
    }

    [Fact]
    public async Task A_batch_that_is_given_up_is_given_up_wherever_resend_is_killed()
    {
        await ProviderAsync("""[{ "when": { "operation": "get" }, "times": -1, "fault": { "type": "http-status", "status": 404 } }, { "when": { "operation": "create" }, "times": -1, "fault": { "type": "list-lag", "seconds": 100000 } }]""");
        Dataset(N);
        Config();
        (await RunAsync("submit", "configs", "--workspace", "before")).Is(8);
        var batch = Simulator.Batches().Single().Id;

        await EachPointAsync(["resend", batch], async workspace =>
        {
            var again = await RunAsync("resend", batch, "--workspace", workspace);
            Assert.True(again.ExitCode is 0 or 2, again.Errors);
            Assert.Equal(N, (await SweepAsync("--workspace", workspace, "batch_mode=false")).Is(0).Sent);
            Assert.Empty(Directory.GetFiles(Path.Combine(Folder, workspace, ".sluice/spool")));
        });
    }

    [Fact]
    public async Task A_batch_in_doubt_is_sent_again_once_wherever_resend_is_killed()
    {
        await ProviderAsync("""
            [{ "when": { "operation": "create" }, "times": 1, "fault": { "type": "drop" } },
             { "when": { "operation": "list" }, "times": -1, "fault": { "type": "http-status", "status": 404 } }]
            """);
        Dataset(N);
        Config();
        (await RunAsync("submit", "configs", "--workspace", "before")).Is(8);
        var intent = (string)(await RunAsync("status", "--json", "--workspace", "before")).Is(8).Json["batches"]![0]!["intent"]!;

        await EachPointAsync(["resend", intent], async workspace =>
        {
            var again = await RunAsync("resend", intent, "--workspace", workspace);
            Assert.True(again.ExitCode is 0 or 2, again.Errors);
            var before = OpenAI.LinesExecuted;
            (await SweepAsync("--workspace", workspace)).Is(0);
            Assert.Equal(N, OpenAI.LinesExecuted - before);
        });
    }

    [Fact]
    public async Task A_batch_in_doubt_is_taken_wherever_adopt_is_killed()
    {
        await ProviderAsync("""
            [{ "when": { "operation": "create" }, "times": 1, "fault": { "type": "drop", "after": true } },
             { "when": { "operation": "list" }, "times": -1, "fault": { "type": "http-status", "status": 404 } }]
            """);
        Dataset(N);
        Config();
        (await RunAsync("submit", "configs", "--workspace", "before")).Is(8);
        var intent = (string)(await RunAsync("status", "--json", "--workspace", "before")).Is(8).Json["batches"]![0]!["intent"]!;
        string[] adopt = ["adopt", "--intent", intent, "--batch", Simulator.Batches().Single().Id];

        await EachPointAsync(adopt, async workspace =>
        {
            (await RunAsync([.. adopt, "--workspace", workspace])).Is(0).Says($"taken for {intent}: {N} requests");
            (await RunAsync([.. adopt, "--workspace", workspace])).Is(0);
            Assert.Equal(0, (await SweepAsync("--workspace", workspace)).Is(0).Sent);
        });
        Assert.Equal((1, N, 0), (OpenAI.BatchesCreated, OpenAI.LinesExecuted, OpenAI.RepeatedBodies));
    }

    /// <summary>Kills a command at each point that it comes to, in a copy of the workspace <c>before</c>, and looks at what is left.</summary>
    private async Task EachPointAsync(string[] command, Func<string, Task> check)
    {
        Copy("watched", of: "before");
        await using (var watched = StartCrashing(null, Log, [.. command, "--workspace", "watched"]))
        {
            await watched.EndAsync();
        }

        var points = await File.ReadAllLinesAsync(Log, Cancel);
        Assert.True(points.Length > 4, string.Join(", ", points));
        var problems = new ConcurrentQueue<string>();
        foreach (var (point, n) in points.Select((p, n) => (p, n)).Where(p => p.n % OneOf == OneOf / 2))
        {
            var workspace = $"killed-{n}";
            Copy(workspace, of: "before");
            await using (var killed = StartCrashing(point, Log, [.. command, "--workspace", workspace]))
            {
                Assert.Equal(128 + 9, (await killed.EndAsync()).ExitCode);
            }

            try
            {
                await check(workspace);
            }
            catch (Xunit.Sdk.XunitException error)
            {
                problems.Enqueue($"{point}: {error.Message}");
            }
        }

        Assert.True(problems.IsEmpty, string.Join("\n", problems));
        Figures.Add($"kill sweep, {command[0]}: {points.Length} points, {problems.Count} violations");
    }

    private string Log => Path.Combine(Folder, "points");
}
