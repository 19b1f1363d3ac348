using Sluice.Memory;
using static Sluice.Memory.GovernorLevel;

namespace Sluice.Tests.Memory;

public sealed class GovernorTests
{
    private readonly GovernorDriver _driver = new();

    [Theory]
    [InlineData(15, Green)]
    [InlineData(14.9, Yellow)]
    [InlineData(9.9, Orange)]
    [InlineData(4.9, Red)]
    [InlineData(1.9, Black)]
    [InlineData(-3, Black)]
    public void The_level_follows_the_headroom_up_at_once(double left, GovernorLevel level) => Assert.Equal(level, _driver.Look(left).Level);

    [Fact]
    public void Green_again_takes_more_headroom_than_yellow_and_ten_seconds()
    {
        _driver.Look(14);
        _driver.For(60, left: 19);
        Assert.Equal(Yellow, _driver.Level);
        _driver.For(9, left: 21);
        _driver.Pass(0.5).Look(19);
        _driver.For(9.5, left: 21);
        Assert.Equal(Yellow, _driver.Level);
        _driver.For(1, left: 21);
        Assert.Equal(Green, _driver.Level);
    }

    [Fact]
    public void Orange_falls_to_yellow_when_there_is_some_room_for_long_and_red_to_orange_soon()
    {
        _driver.Look(3);
        _driver.For(1.5, left: 7);
        Assert.Equal(Red, _driver.Level);
        _driver.For(1.5, left: 7);
        Assert.Equal(Orange, _driver.Level);
        _driver.For(60, left: 14);
        Assert.Equal(Orange, _driver.Level);
        _driver.For(11, left: 16);
        Assert.Equal(Yellow, _driver.Level);
    }

    [Fact]
    public void A_headroom_that_swings_about_a_bound_changes_the_level_once()
    {
        for (int i = 0; i < 100; i++)
        {
            _driver.Pass(1).Look(i % 2 == 0 ? 14.5 : 15.5);
        }

        Assert.Single(_driver.Decisions, d => d.Verb == GovernorVerb.ChangeLevel);
    }

    [Fact]
    public void Caches_are_freed_once_when_it_gets_scarce()
    {
        Assert.Equal(["FreeCaches"], _driver.For(10, left: 12));
        Assert.Empty(_driver.For(10, left: 8));
    }

    [Fact]
    public void Pressure_makes_it_yellow_or_orange_but_never_red()
    {
        _driver.Look(50);
        _driver.For(3, left: 50, some: 0.2);
        Assert.Equal(Yellow, _driver.Level);
        _driver.For(3, left: 50, some: 1, full: 1);
        Assert.Equal(Orange, _driver.Level);
        _driver.For(15, left: 50);
        Assert.Equal(Green, _driver.Level);
    }

    [Fact]
    public void Pressure_is_seen_before_its_two_seconds_are_over() =>
        Assert.Equal(Orange, _driver.Look(50).Pass(0.5, some: 0.5, full: 0.5).Look(50).Level);

    [Fact]
    public void Little_pressure_and_totals_that_begin_anew_do_not_matter()
    {
        _driver.Look(50);
        _driver.For(30, left: 50, some: 0.09, full: 0.04);
        _driver.Pass(1, some: -20, full: -20).Look(50);
        _driver.For(10, left: 50);

        Assert.Equal(Green, _driver.Level);
    }

    [Fact]
    public void Without_figures_only_the_number_of_jobs_is_governed()
    {
        var driver = new GovernorDriver(new() { MaxJobs = 2 });
        driver.Job(1, 500).Job(2).Job(3);
        for (int i = 0; i < 20; i++)
        {
            driver.Pass(1).Look(null);
        }

        Assert.Equal((Green, "Start 1, Start 2"), (driver.Level, string.Join(", ", driver.Done)));
        Assert.Equal(TimeSpan.FromSeconds(1), driver.NextLook);
    }

    [Theory]
    [InlineData(100, 5, 20, 15, 10, 5, 2)]
    [InlineData(128, 6.4, 25.6, 19.2, 12.8, 6.4, 2.56)]
    [InlineData(1000, 8, 200, 150, 100, 50, 20)]
    [InlineData(4, 0.5, 0.8, 0.6, 0.5, 0.25, 0.1)]
    [InlineData(1, 0.125, 0.2, 0.15, 0.125, 0.0625, 0.025)]
    public void Small_limits_have_wider_bounds(double limit, double reserve, double calm, double yellow, double orange, double red, double black)
    {
        var bounds = GovernorThresholds.Of((long)(limit * GovernorDriver.GiB), new());

        Assert.Equal(
            new[] { reserve, calm, yellow, orange, red, black },
            new[] { bounds.Reserve, bounds.Calm, bounds.Yellow, bounds.Orange, bounds.Red, bounds.Black }.Select(b => Math.Round((double)b / GovernorDriver.GiB, 6)));
    }

    [Theory]
    [InlineData(50, 1000)]
    [InlineData(3, 500)]
    [InlineData(0.1, 100)]
    [InlineData(-5, 100)]
    public void The_less_is_left_the_sooner_it_looks_again(double left, double milliseconds) =>
        Assert.Equal(milliseconds, _driver.Look(left).NextLook.TotalMilliseconds);

    [Fact]
    public void Every_decision_carries_its_sample_time_and_reason()
    {
        _driver.Job(1, 10).Pass(7).Look(8);

        Assert.All(_driver.Decisions, d => Assert.Equal((8L << 30, TimeSpan.FromSeconds(7), true), (d.Sample.HeadroomBytes, d.At, d.Reason.Length > 10)));
        Assert.Contains("Green to Orange", _driver.Decisions[0].Reason);
    }

    [Fact]
    public void A_job_is_enqueued_once_and_unstarted()
    {
        _driver.Job(1);

        Assert.Throws<ArgumentException>(() => _driver.Job(1));
        Assert.Throws<ArgumentException>(() => GovernorState.Initial.Enqueue(new GovernorJob { Id = 2, Phase = JobPhase.Running }));
    }
}
