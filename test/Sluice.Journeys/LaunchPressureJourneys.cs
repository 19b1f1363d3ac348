using System.Collections.Concurrent;
using Sluice.Launching;
using Sluice.Memory;

namespace Sluice.Journeys;

/// <summary>Real children while memory, which is made up, gets scarce: paused, resumed, asked to end, killed, run again.</summary>
public sealed class LaunchPressureJourneys : IDisposable
{
    private const long GiB = 1L << 30;

    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-pressure-").FullName;
    private readonly ConcurrentQueue<string> _seen = [];
    private long _left = 50;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(1)]
    [InlineData(0)] // It may have saved its state, and has not done its work.
    public async Task The_youngest_is_paused_goes_on_has_to_end_and_runs_again(int exitCode)
    {
        // Of jobs that start at once none is the youngest, so nothing is declared. There is room again as soon as one was asked to end, or the next one would have to.
        var running = Launch($"trap 'echo {{job}} >>asked; exit {exitCode}' TERM; echo $$ >pid.{{job}}; while [ ! -e go ]; do sleep 0.05; done",
            jobs: 2, verb =>
            {
                if (verb == GovernorVerb.Terminate)
                {
                    Interlocked.Exchange(ref _left, 50);
                }
            }, declared: null);
        await Poll.UntilAsync(() => Exists("pid.0") && Exists("pid.1") && Process(1).Length > 0, Seen);

        Interlocked.Exchange(ref _left, 8);
        await SeesAsync("Pause 1");
        await Poll.UntilAsync(() => State(Process(1)) == 'T', Seen);
        Assert.NotEqual('T', State(Process(0)));

        Interlocked.Exchange(ref _left, 50);
        await SeesAsync("Resume 1");
        await Poll.UntilAsync(() => State(Process(1)) != 'T', Seen);

        Interlocked.Exchange(ref _left, 3);
        await SeesAsync("Requeue 1");
        await Poll.UntilAsync(() => _seen.Count(s => s == "Start 1") == 2, Seen);
        File.WriteAllText(Path.Combine(_folder, "go"), "");
        var result = await running;

        Assert.Equal([(LaunchOutcome.Done, 1), (LaunchOutcome.Done, 2)], result.Jobs.Select(j => (j.Outcome, j.Tries)));
        Assert.Equal(["1"], await File.ReadAllLinesAsync(Path.Combine(_folder, "asked"), Cancel));
        Assert.Contains(File.ReadLines(Path.Combine(_folder, "decisions.jsonl")), line => line.Contains("\"pause\"", StringComparison.Ordinal));
    }

    [Fact]
    public async Task One_that_does_not_end_is_killed_with_all_its_children_and_runs_again()
    {
        var running = Launch("trap '' TERM; (setsid sh -c 'echo $$ >pid.9; exec sleep 600' &); echo $$ >pid.0; while [ ! -e go ]; do sleep 0.05; done", jobs: 1, verb =>
        {
            if (verb == GovernorVerb.Kill)
            {
                File.WriteAllText(Path.Combine(_folder, "go"), "");
                Interlocked.Exchange(ref _left, 50);
            }
        });
        await Poll.UntilAsync(() => Exists("pid.0") && Exists("pid.9") && Process(0).Length > 0 && Process(9).Length > 0, Seen);
        var (leader, orphan) = (Process(0), Process(9));
        Interlocked.Exchange(ref _left, 3);
        var result = await running;

        Assert.Equal((LaunchOutcome.Done, 2), (result.Jobs[0].Outcome, result.Jobs[0].Tries));
        Assert.Equal(["Start 0", "Terminate 0", "Kill 0", "Requeue 0", "Start 0"], _seen);
        await Poll.UntilAsync(() => State(leader) is 'Z' or 'X' && State(orphan) is 'Z' or 'X', Seen);
    }

    [Fact]
    public async Task Nothing_is_started_while_memory_is_scarce()
    {
        Interlocked.Exchange(ref _left, 11);
        var looks = 0;
        var running = Launch("touch started", jobs: 1, _ => { }, () => Interlocked.Increment(ref looks));
        await Poll.UntilAsync(() => Volatile.Read(ref looks) > 20, Seen);
        Assert.False(Exists("started"));

        Interlocked.Exchange(ref _left, 50);
        Assert.Equal(LaunchOutcome.Done, (await running).Jobs[0].Outcome);
    }

    private Task<LaunchResult> Launch(string script, int jobs, Action<GovernorVerb> done, Action? looked = null, long? declared = GiB)
    {
        var clock = new HastyClock(20);
        var log = new GovernorLog(Path.Combine(_folder, "decisions.jsonl"), clock);
        var options = new LaunchOptions
        {
            Name = "pressure",
            Folder = Path.Combine(_folder, "runs"),
            WorkingFolder = _folder,
            Command = ["sh", "-c", script, "sh"],
            Overrides = [$"x=range({jobs})"],
            Multirun = true,
            MaxJobs = 2,
            Declared = declared is { } bytes ? [new(null, bytes)] : [],
        };
        var launcher = new Launcher(options, () => new MemorySample { LimitBytes = 100 * GiB, HeadroomBytes = Interlocked.Read(ref _left) * GiB }, clock, e =>
        {
            if (e is JobGoverned { Decision: var decision })
            {
                _seen.Enqueue($"{decision.Verb} {decision.Job}");
                done(decision.Verb);
            }
            else if (e is LaunchStatus)
            {
                looked?.Invoke();
            }
        }, log.Write);
        return launcher.RunAsync(Cancel);
    }

    private Task SeesAsync(string decision) => Poll.UntilAsync(() => _seen.Contains(decision), Seen);

    private string Seen() => string.Join(", ", _seen);

    private bool Exists(string file) => File.Exists(Path.Combine(_folder, file));

    private string Process(int name) => File.ReadAllText(Path.Combine(_folder, $"pid.{name}")).Trim();

    private static char State(string process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return stat[stat.LastIndexOf(')') + 2];
        }
        catch (IOException)
        {
            return 'X';
        }
    }
}
