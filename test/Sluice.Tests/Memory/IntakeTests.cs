using Microsoft.Extensions.Time.Testing;
using Sluice.Dispatch;
using Sluice.Dispatch.Live;
using Sluice.Experiments;
using Sluice.Memory;
using Sluice.Sweeps;

namespace Sluice.Tests.Memory;

/// <summary>Our own work follows the memory that is left.</summary>
public sealed class IntakeTests : IDisposable
{
    private const long GiB = 1L << 30;
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-intake-").FullName;
    private readonly FakeTimeProvider _time = new();
    private readonly List<GovernorDecision> _decisions = [];
    private readonly Intake _intake;
    private double _left = 50;

    public IntakeTests() => _intake = new Intake(Sample, _time, _decisions.Add);

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    private string LogPath => Path.Combine(_folder, "memory.jsonl");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(50, 32, 32)]
    [InlineData(14, 32, 16)]
    [InlineData(14, 1, 1)]
    [InlineData(9, 32, 0)]
    [InlineData(1, 32, 0)]
    public void It_begins_all_half_or_nothing(double left, int most, int expected)
    {
        Look(left);

        Assert.Equal(expected, _intake.Of(most));
    }

    [Fact]
    public void It_looks_at_the_governors_interval()
    {
        Assert.Equal(TimeSpan.FromSeconds(1), Look(50));
        Assert.Equal(TimeSpan.FromSeconds(0.5), Look(3));
    }

    [Fact]
    public async Task What_waits_goes_on_when_it_is_better()
    {
        Look(9);
        Task waiting = _intake.WaitAsync(Cancel).AsTask();
        Assert.False(waiting.IsCompleted);
        Look(12);
        Assert.False(waiting.IsCompleted);

        Calm(30);
        await waiting;
        Assert.Equal(GovernorLevel.Green, _intake.Level);
    }

    [Fact]
    public async Task After_a_minute_one_thing_at_a_time_is_begun_again_and_the_next_hold_has_its_own_minute()
    {
        Look(9);
        Task waiting = _intake.WaitAsync(Cancel).AsTask();
        _time.Advance(TimeSpan.FromSeconds(59));
        Look(9);
        Assert.False(waiting.IsCompleted);
        _time.Advance(TimeSpan.FromSeconds(2));
        Look(9);
        await waiting;
        Assert.Equal(1, _intake.Of(32));

        Calm(30);
        Assert.Equal(32, _intake.Of(32));
        Look(9);
        Assert.Equal(0, _intake.Of(32));
    }

    [Fact]
    public void It_follows_files_that_change()
    {
        using var machine = new FakeMachine();
        machine.Host(total: 64, available: 60).Group("0::/").Mount("cgroup2").V2("/sys/fs/cgroup", max: 10_000, current: 1000);
        var intake = new Intake(new MemoryProbe(machine.Root).Sample, _time, _decisions.Add);
        foreach (long current in new long[] { 1000, 8600, 8700, 9100, 9000, 9300, 8200, 7000, 7000, 7000, 9000 })
        {
            machine.V2("/sys/fs/cgroup", max: 10_000, current: current);
            _time.Advance(TimeSpan.FromSeconds(6));
            intake.Look();
        }

        Assert.Equal(
            [GovernorLevel.Yellow, GovernorLevel.Orange, GovernorLevel.Green, GovernorLevel.Yellow],
            _decisions.Where(d => d.Verb == GovernorVerb.ChangeLevel).Select(d => d.Level));
    }

    [Fact]
    public async Task Waiting_can_be_given_up()
    {
        Look(9);
        using var stop = new CancellationTokenSource();
        Task waiting = _intake.WaitAsync(stop.Token).AsTask();
        await stop.CancelAsync();

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
    }

    [Fact]
    public async Task It_goes_on_looking_until_it_is_stopped()
    {
        using var stop = new CancellationTokenSource();
        Task running = _intake.RunAsync(stop.Token);
        _left = 9;
        Task changed = _intake.Changed;
        _time.Advance(TimeSpan.FromSeconds(1));
        await changed;
        Assert.Equal(GovernorLevel.Orange, _intake.Level);

        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => running);
    }

    [Fact]
    public async Task At_yellow_half_of_the_calls_are_under_way_and_at_orange_none_begins()
    {
        var tally = new DispatchTally { Live = new LiveOptions { Concurrency = 4 } };
        using var gate = new LiveGate("here", _time, _intake, _ => { });
        Look(14);
        await gate.EnterAsync(tally, "m", Cancel);
        await gate.EnterAsync(tally, "m", Cancel);
        Task third = gate.EnterAsync(tally, "m", Cancel);
        Assert.False(third.IsCompleted);
        gate.Leave(tally, "m");
        await third;

        Look(9);
        Task fourth = gate.EnterAsync(tally, "m", Cancel);
        gate.Leave(tally, "m");
        gate.Leave(tally, "m");
        Assert.False(fourth.IsCompleted);
        Calm(30);
        await fourth;
        gate.Leave(tally, "m");
    }

    [Fact]
    public async Task Waiting_for_memory_keeps_no_slot_when_it_is_given_up()
    {
        var tally = new DispatchTally { Live = new LiveOptions { Concurrency = 1 } };
        using var gate = new LiveGate("here", _time, _intake, _ => { });
        Look(9);
        using var stop = new CancellationTokenSource();
        Task waiting = gate.EnterAsync(tally, "m", stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);

        Calm(30);
        await gate.EnterAsync(tally, "m", Cancel);
        gate.Leave(tally, "m");
    }

    [Fact]
    public void People_are_told_once_and_the_log_has_every_decision()
    {
        var remarks = new List<string>();
        var news = new IntakeNews(new GovernorLog(LogPath, _time), e => remarks.Add(((Remark)e).Text));
        var intake = new Intake(Sample, _time, news.Take);
        for (int i = 0; i < 3; i++)
        {
            Look(14, intake);
            Look(8, intake);
            Calm(30, intake);
        }

        Assert.Equal(3, remarks.Count);
        Assert.StartsWith("14 GiB of 100 GiB of memory are left here: half", remarks[0]);
        Assert.StartsWith("8 GiB of 100 GiB of memory are left here: nothing new", remarks[1]);
        Assert.StartsWith("30 GiB of 100 GiB of memory are left here: it goes on", remarks[2]);
        var lines = File.ReadLines(LogPath).Select(l => System.Text.Json.Nodes.JsonNode.Parse(l)!).ToList();
        Assert.Equal(12, lines.Count);
        Assert.Equal(("change_level", "yellow", 14 * GiB), ((string?)lines[0]["verb"], (string?)lines[0]["level"], (long)lines[0]["headroom_bytes"]!));
        Assert.Equal("free_caches", (string?)lines[1]["verb"]);
    }

    [Fact]
    public void A_log_that_gets_long_is_put_aside_and_is_for_its_owner_only()
    {
        var log = new GovernorLog(LogPath, _time);
        var decision = new GovernorDecision(default, GovernorVerb.Kill, 7, GovernorLevel.Black, "hardly any", new GovernorSample(5, -1, null, [new JobReading(7, 3), new JobReading(8, null, JobEnd.KilledByKernel)]));
        File.WriteAllBytes(LogPath, new byte[5 * 1024 * 1024]);
        log.Write(decision);
        log.Write(decision);

        Assert.Equal(5 * 1024 * 1024, new FileInfo(LogPath + ".old").Length);
        Assert.Equal(2, File.ReadLines(LogPath).Count());
        Assert.Contains("""
            "verb":"kill","job":7,"level":"black","reason":"hardly any","limit_bytes":5,"headroom_bytes":-1,"some_stalled_us":null,"full_stalled_us":null,"jobs":[{"job":7,"bytes":3,"end":null},{"job":8,"bytes":null,"end":"killed_by_kernel"}]}
            """.Trim(), File.ReadLines(LogPath).First());
        Assert.True(OperatingSystem.IsWindows() || File.GetUnixFileMode(LogPath) == (UnixFileMode.UserRead | UnixFileMode.UserWrite));
    }

    private MemorySample Sample() => new() { LimitBytes = 100 * GiB, HeadroomBytes = (long)(_left * GiB) };

    private TimeSpan Look(double left, Intake? intake = null)
    {
        _left = left;
        return (intake ?? _intake).Look();
    }

    /// <summary>Lets enough time pass with so much left.</summary>
    private void Calm(double left, Intake? intake = null)
    {
        Look(left, intake);
        _time.Advance(TimeSpan.FromSeconds(11));
        Look(left, intake);
    }
}
