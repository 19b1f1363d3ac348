using System.Globalization;

namespace Sluice.Journeys;

/// <summary><c>launch</c> with real children: so many at once, each once, and none left behind.</summary>
public sealed class LaunchJourneys : Journey
{
    /// <summary>Waits until a file is there, as long as the test lets it.</summary>
    private const string WaitForGo = "while [ ! -e go ]; do sleep 0.05; done";

    [Fact]
    public async Task No_more_jobs_run_at_once_than_allowed_and_each_has_its_log()
    {
        var run = await RunAsync("launch", "-j", "2", "--mem", "10MB", "--name", "two", "-m", "seed=range(5)", "--json", "--",
            "sh", "-c", "mkdir run.{job}; ls | grep -c '^run[.]' >>counts; echo got \"$@\"; [ {job} != 0 ] || while [ ! -e run.1 ]; do sleep 0.05; done; sleep 0.2; rmdir run.{job}", "sh", "{}");
        run.Is(0);
        Assert.Equal(5, run.Json["totals"]!["done"]!.GetValue<int>());
        Assert.Equal(2, File.ReadLines(Path.Combine(Folder, "counts")).Max(line => int.Parse(line, CultureInfo.InvariantCulture)));
        for (var job = 0; job < 5; job++)
        {
            Assert.Equal($"got seed={job}\n", File.ReadAllText(Log("two", job)));
        }
    }

    [Fact]
    public async Task Failed_jobs_are_told_and_run_again_only_when_asked_for()
    {
        string[] launch = ["launch", "--mem", "10MB", "--name", "some", "-m", "x=1,2", "--", "sh", "-c", "echo {job} >>tries; test {job} = 0 -o -e good", "sh"];
        (await RunAsync(launch)).Is(1).Says("job 1 failed", "exit code 1");
        (await RunAsync(launch)).Is(1).Says("done before", "failed before");
        Assert.Equal(["0", "1"], Lines("tries"));

        Write("good", "");
        (await RunAsync(["launch", "--retry-failed", .. launch[1..]])).Is(0);
        Assert.Equal(["0", "1", "1"], Lines("tries"));
    }

    [Fact]
    public async Task Children_are_nice_go_first_when_the_kernel_kills_and_know_their_threads()
    {
        (await RunAsync("launch", "--name", "env", "--nice", "7", "--oom-score-adj", "321", "--threads", "3", "--",
            "sh", "-c", "nice; cat /proc/self/oom_score_adj; echo $OMP_NUM_THREADS")).Is(0);
        Assert.Equal("7\n321\n3\n", await File.ReadAllTextAsync(Log("env", 0), Cancel));
    }

    [Fact]
    public async Task After_a_kill_nothing_is_left_behind_and_what_was_done_is_not_done_again()
    {
        // Job 1 has a grandchild in a session of its own, without a parent.
        string[] launch = ["launch", "-j", "2", "--mem", "10MB", "--name", "killed", "-m", "x=1,2", "--", "sh", "-c",
            $"echo {{job}} >>tries; [ {{job}} = 0 ] && exit 0; echo $$ >>pids; (setsid sh -c 'echo $$ >>pids; sleep 600' &) ; {WaitForGo}", "sh"];
        var run = Start(launch);
        await run.SaysAsync("job 0 done");
        await Poll.UntilAsync(() => Lines("pids").Length == 2, () => run.Text);
        await run.KillAsync();
        await Poll.UntilAsync(() => !Lines("pids").Any(IsAlive), () => "children are left behind");

        Write("go", "");
        (await RunAsync(launch)).Is(0);
        Assert.Equal(["0", "1", "1"], Lines("tries"));
        await Poll.UntilAsync(() => !Lines("pids").Any(IsAlive), () => "a job's own children are left behind");
    }

    [Fact]
    public async Task After_a_kill_a_job_without_our_mark_in_its_environment_is_not_left_behind_either()
    {
        string[] launch = ["launch", "--name", "bare", "--", "sh", "-c", "echo $$ >>pids; [ -e go ] && exit 0; exec env -i sleep 600"];
        var run = Start(launch);
        await Poll.UntilAsync(() => Lines("pids").Length == 1 && File.ReadAllText($"/proc/{Lines("pids")[0]}/cmdline").StartsWith("sleep", StringComparison.Ordinal), () => run.Text);
        await run.KillAsync();
        await Poll.UntilAsync(() => !Lines("pids").Any(IsAlive), () => "the job is left behind");

        Write("go", "");
        (await RunAsync(launch)).Is(0);
        Assert.Equal(2, Lines("pids").Length);
    }

    [Theory]
    [InlineData(9)]
    [InlineData(0)]
    public async Task One_signal_asks_the_children_to_end_and_the_next_launch_goes_on(int exitCode)
    {
        string[] launch = ["launch", "--name", "asked", "--", "sh", "-c", $"trap 'echo asked; exit {exitCode}' TERM; touch up; {WaitForGo}"];
        var run = Start(launch);
        await Poll.UntilAsync(() => File.Exists(Path.Combine(Folder, "up")), () => run.Text);
        run.Signal(CliRun.Terminate);
        (await run.EndAsync()).Is(143).Says("run the same command again", "pending");
        // Some shells say, before, that their own child was asked too.
        Assert.EndsWith("asked\n", await File.ReadAllTextAsync(Log("asked", 0), Cancel), StringComparison.Ordinal);

        Write("go", "");
        (await RunAsync(launch)).Is(0).Says("done");
    }

    [Fact]
    public async Task A_second_signal_kills()
    {
        var run = Start("launch", "--name", "deaf", "--", "sh", "-c", $"trap '' TERM; echo $$ >pids; {WaitForGo}");
        await Poll.UntilAsync(() => Lines("pids").Length == 1, () => run.Text);
        run.Signal(CliRun.Terminate);
        await run.SaysAsync("stopping");
        // Only one that comes a second later counts as the second.
        await Poll.UntilAsync(
            () =>
            {
                run.TrySignal(CliRun.Terminate);
                return run.HasExited;
            },
            () => run.Text);
        (await run.EndAsync()).Is(143);
        await Poll.UntilAsync(() => !Lines("pids").Any(IsAlive), () => "a child is left behind");
    }

    [Fact]
    public async Task What_a_job_sends_into_the_background_belongs_to_its_peak()
    {
        // Its parent has ended before anybody can have looked.
        var run = await RunAsync("launch", "--name", "daemon", "--json", "--", "sh", "-c",
            "(setsid python3 -c 'import time; held = bytearray(150_000_000); open(\"up\", \"w\"); time.sleep(600)' &) ; while [ ! -e up ]; do sleep 0.05; done; sleep 3");
        Assert.InRange(run.Is(0).Json["jobs"]![0]!["peak_bytes"]!.GetValue<long>(), 150_000_000, 250_000_000);
    }

    [Fact]
    public async Task When_nothing_can_be_noted_any_more_the_jobs_are_asked_to_end_before_they_are_killed()
    {
        string[] launch = ["launch", "--mem", "10MB", "--name", "lost", "-j", "2", "-m", "x=1,2", "--", "sh", "-c",
            $"[ -e rehearsed ] || exit 0; [ {{job}} = 1 ] || {{ while [ ! -e up ]; do sleep 0.05; done; exit 0; }}; trap 'sleep 0.1 && touch saved; exit' TERM; touch up; {WaitForGo}", "sh"];
        // The last write to the journal but one is the first end of a job.
        await FailLastWriteButOneAsync("lost", launch);
        Assert.True(File.Exists(Path.Combine(Folder, "saved")));
    }

    [Fact]
    public async Task A_job_does_not_begin_before_it_is_noted()
    {
        // What is not noted would be left behind by a kill at this moment.
        await FailLastWriteButOneAsync("early", ["launch", "--name", "early", "--", "sh", "-c", "trap '' TERM; [ ! -e rehearsed ] || touch begun"]);
        Assert.False(File.Exists(Path.Combine(Folder, "begun")));
    }

    [Fact]
    public async Task The_peak_of_one_job_is_what_the_next_one_is_expected_to_need()
    {
        string[] launch = ["launch", "-j", "1", "--name", "peak", "-m", "x=1,2", "--json", "--", "python3", "-c", "import time; held = bytearray(150_000_000); time.sleep(2)"];
        var run = (await RunAsync(launch)).Is(0);
        Assert.All(run.Json["jobs"]!.AsArray(), job => Assert.InRange(job!["peak_bytes"]!.GetValue<long>(), 150_000_000, 400_000_000));
        var starts = File.ReadLines(Path.Combine(Folder, ".sluice/memory.jsonl")).Where(line => line.Contains("\"start\"", StringComparison.Ordinal)).ToList();
        Assert.Equal(2, starts.Count);
        Assert.Contains("a guess", starts[0], StringComparison.Ordinal);
        Assert.DoesNotContain("a guess", starts[1], StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--json")]
    [InlineData("--quiet")]
    public async Task Watching_ends_when_nobody_reads_any_more(string option)
    {
        await using var run = CliRun.StartAfter("\"$@\" | head -n 2; exit", Folder, new Dictionary<string, string>(), "memory", "--watch", "--interval", "0.1", option);
        (await run.EndAsync()).Is(0);
        (await RunAsync("memory", "--watch", "--interval", "0,5")).Is(2).Says("0,5");
        (await RunAsync("memory", "--interval", "5")).Explains(2, "--watch");
    }

    [Fact]
    public async Task A_job_that_can_never_fit_is_not_started()
    {
        (await RunAsync("launch", "--mem", "900000GB", "--name", "huge", "--", "touch", "started")).Is(1).Says("given up", "reserve");
        Assert.False(File.Exists(Path.Combine(Folder, "started")));
    }

    [Fact]
    public async Task Two_launchers_of_one_name_are_one_too_many()
    {
        var first = Start("launch", "--name", "one", "--", "sh", "-c", $"touch up; {WaitForGo}");
        await Poll.UntilAsync(() => File.Exists(Path.Combine(Folder, "up")), () => first.Text);
        (await RunAsync("launch", "--name", "one", "--", "true")).Explains(2, "another `sluice launch`", "--name");
        Write("go", "");
        (await first.EndAsync()).Is(0);
    }

    [Fact]
    public async Task Mistakes_are_explained()
    {
        (await RunAsync("launch", "-m", "a=1,2")).Explains(2, "no command", "-- python");
        (await RunAsync("launch", "a=1,2", "--", "true")).Is(2).Says("--multirun");
        (await RunAsync("launch", "--mem", "5", "--", "true")).Explains(2, "--mem", "5GB");
        (await RunAsync("launch", "--name", "../x", "--", "true")).Explains(2, "cannot be the name");
        (await RunAsync("launch", "--name", "none", "--", "./no-such-program")).Is(1).Says("exit code 127", "its program was not found");
    }

    /// <summary>Launches twice: all goes well the first time, and the file "rehearsed" is there the second time, when the disk is full at the journal's last write but one.</summary>
    private async Task FailLastWriteButOneAsync(string name, string[] launch)
    {
        var journal = Path.Combine(Folder, "runs/launch", name, "jobs.jsonl");
        var log = Path.Combine(Folder, "log");
        await using (var rehearsal = CliRun.Start(Folder, FaultLibrary.Over(journal, log), launch))
        {
            (await rehearsal.EndAsync()).Is(0);
        }

        var writes = File.ReadLines(log).Count(line => line.StartsWith("write ", StringComparison.Ordinal));
        Directory.Delete(Path.GetDirectoryName(journal)!, recursive: true);
        Write("rehearsed", "");
        var full = new Dictionary<string, string>(FaultLibrary.Over(journal, log)) { ["FAULTFS_OPS"] = "write", ["FAULTFS_AT"] = (writes - 1).ToString(CultureInfo.InvariantCulture), ["FAULTFS_ERRNO"] = "28" };
        await using var run = CliRun.Start(Folder, full, launch);
        (await run.EndAsync()).Explains(3, "the disk is full while writing", "jobs.jsonl");
    }

    private static bool IsAlive(string process)
    {
        try
        {
            var stat = File.ReadAllText($"/proc/{process}/stat");
            return stat[stat.LastIndexOf(')') + 2] is not ('Z' or 'X');
        }
        catch (IOException)
        {
            return false;
        }
    }

    private string Log(string launch, int job) => Path.Combine(Folder, $"runs/launch/{launch}/{job}.log");

    private string[] Lines(string file) => File.Exists(Path.Combine(Folder, file)) ? File.ReadAllLines(Path.Combine(Folder, file)) : [];
}
