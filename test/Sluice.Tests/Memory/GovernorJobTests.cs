using Sluice.Memory;

namespace Sluice.Tests.Memory;

/// <summary>Which jobs are started, paused, resumed, ended and run again, and in which order.</summary>
public sealed class GovernorJobTests
{
    private GovernorDriver _driver = new();

    [Fact]
    public void Declared_jobs_start_at_once_while_they_fit()
    {
        _driver.Job(1, 30).Job(2, 30).Job(3, 30);

        // None has grown yet: what they are still expected to need counts, and a tenth stays free.
        Assert.Equal(["Start 1", "Start 2"], _driver.Look(100).Done);
        Assert.Empty(_driver.For(20, left: 100));
        _driver.Uses(1, 30).Uses(2, 30);
        Assert.Empty(_driver.For(5, left: 40));
        Assert.Equal(["Start 3"], _driver.End(1, JobEnd.Done, left: 70));
    }

    [Fact]
    public void Of_those_that_fit_the_largest_starts_first()
    {
        _driver.Job(1, 10).Job(2, 40).Job(3, 70).Job(4, 40).Job(5, 9);

        Assert.Equal(["Start 3", "Start 1", "Start 5"], _driver.Look(100).Done);
    }

    [Fact]
    public void A_plan_that_is_sure_goes_on_at_yellow_and_leaves_a_tenth()
    {
        _driver.Job(1, 75, "a").Job(2, 14, "b").Job(3, 1, "c").Look(100);
        Assert.Equal(["Start 1", "Start 2"], _driver.Done);
        _driver.Uses(1, 75).Uses(2, 14);

        Assert.Equal(["FreeCaches"], _driver.For(30, left: 11));
        Assert.Equal(["Start 3"], _driver.End(2, JobEnd.Done, left: 12));
    }

    [Fact]
    public void A_plan_that_one_job_has_broken_is_not_sure_any_more()
    {
        _driver.Job(1, 30).Job(2, 30).Job(3, 26).Look(59);
        Assert.Equal(["Start 1"], _driver.Done);
        _driver.Uses(1, 32);

        Assert.Empty(_driver.For(30, left: 39));
        Assert.Equal(["Start 3"], _driver.Uses(1, 31).For(1, left: 39));
    }

    [Fact]
    public void Nothing_starts_while_tasks_have_to_wait_for_memory()
    {
        _driver.For(3, left: 50, some: 0.3);
        _driver.Job(1, 2);

        Assert.Empty(_driver.For(9, left: 50));
        Assert.Equal(["Start 1"], _driver.For(5, left: 50));
    }

    [Fact]
    public void Few_peaks_let_one_start_a_second_and_many_all_at_once()
    {
        _driver.Learn("a", 2, 2).Job(1, name: "a").Job(2, name: "a").Job(3, name: "a").Job(4, name: "b").Job(5, name: "b");
        Assert.Equal(["Start 1", "Start 2"], _driver.For(2, left: 90));

        var many = new GovernorDriver().Learn("a", [.. Enumerable.Repeat(2.0, 20)]).Job(1, name: "a").Job(2, name: "a").Job(3, name: "a");
        Assert.Equal(["Start 1", "Start 2", "Start 3"], many.Look(90).Done);
    }

    [Fact]
    public void Unknown_jobs_start_one_in_five_seconds()
    {
        _driver.Job(1).Job(2).Job(3, 1);

        Assert.Equal(["Start 3"], _driver.For(4.5, left: 90));
        Assert.Equal(["Start 1"], _driver.For(5, left: 90));
        Assert.Equal(["Start 2"], _driver.For(5, left: 90));
    }

    [Fact]
    public void What_ended_jobs_of_the_class_used_is_expected_of_the_next()
    {
        _driver.Job(1, name: "a").Job(2, name: "a").Job(3, name: "b");
        _driver.For(1, left: 90);
        Assert.Empty(_driver.End(1, JobEnd.Done, left: 70, peak: 60));
        Assert.Equal(["Wait 2", "Start 3"], _driver.For(8, left: 70));
        Assert.Equal(["Start 2"], _driver.For(8, left: 95).Except(["Start 3"]));
        Assert.Equal(60 * GovernorDriver.GiB, _driver.State.Jobs.Single(j => j.Id == 2).EstimateBytes);
    }

    [Fact]
    public void Of_many_peaks_one_in_twenty_may_be_larger_and_old_ones_are_forgotten()
    {
        _driver.Learn("a", [90, .. Enumerable.Repeat(10.0, 19), 30, 20, 0]).Job(1, name: "a").For(1, left: 90);

        Assert.Equal(20 * GovernorDriver.GiB, _driver.State.Jobs[0].EstimateBytes);
    }

    [Fact]
    public void A_running_sibling_that_is_larger_than_the_guess_is_a_better_guess()
    {
        _driver.Job(1, name: "a").Job(2, name: "a");
        _driver.For(1, left: 90);
        _driver.Uses(1, 28);

        Assert.Empty(_driver.For(20, left: 56));
        Assert.Equal(["Start 2"], _driver.For(1, left: 57));
    }

    [Fact]
    public void A_job_that_can_never_fit_is_given_up_before_it_starts()
    {
        Assert.Equal(["GiveUp 1", "Start 2"], _driver.Job(1, 96).Job(2, 94).For(3, left: 100));
        Assert.Contains("reserve", _driver.Decisions[0].Reason);
    }

    [Fact]
    public void A_job_that_others_leave_no_room_for_waits_and_says_so_once()
    {
        Assert.Equal(["Wait 1"], _driver.Job(1, 60).For(10, left: 50));
        Assert.Equal(["Start 1"], _driver.For(1, left: 80));
    }

    [Fact]
    public void Small_jobs_pass_a_large_one_but_not_for_ever()
    {
        _driver.Job(0, 20).Look(100).Job(1, 80);
        for (int id = 2; id < 30; id++)
        {
            _driver.Job(id, 1);
        }

        string[] done = _driver.For(60, left: 100);
        Assert.Equal(Enumerable.Range(2, 8).Select(id => $"Start {id}"), done);
    }

    [Fact]
    public void Nothing_starts_at_yellow_unless_nothing_runs()
    {
        _driver.Learn("a", 2).Job(1, name: "a").Job(2, name: "a");
        Assert.Equal(["FreeCaches", "Wait 1"], _driver.For(5, left: 14));
        Assert.Equal(["Start 1"], _driver.For(30, left: 18));
    }

    [Fact]
    public void At_orange_the_youngest_are_paused_one_a_second_and_never_the_last()
    {
        Started(3);

        Assert.Equal(["FreeCaches", "Pause 3"], _driver.For(1, left: 9));
        Assert.Equal(["Pause 2"], _driver.For(10, left: 9));
    }

    [Fact]
    public void When_there_is_enough_again_the_oldest_go_on_one_in_five_seconds()
    {
        Started(3);
        _driver.For(5, left: 9);

        Assert.Empty(_driver.For(10, left: 25));
        Assert.Equal(["Resume 2"], _driver.For(5, left: 25));
        Assert.Equal(["Resume 3"], _driver.For(5, left: 25));
    }

    [Fact]
    public void A_job_is_not_paused_again_right_after_it_went_on()
    {
        Started(2);
        _driver.For(2, left: 9);
        _driver.For(11, left: 25);
        Assert.Equal("Resume 2", _driver.Done[^1]);

        Assert.Equal(["FreeCaches", "Pause 1"], _driver.For(20, left: 9));
    }

    [Fact]
    public void At_red_all_but_the_oldest_are_paused_and_the_second_look_chooses_the_youngest()
    {
        Started(3);
        _driver.Pass(0.5).Look(4);
        Assert.Equal(["Pause 3", "Pause 2"], _driver.Done[^2..]);
        Assert.Equal(TimeSpan.Zero, _driver.NextLook);

        _driver.Look(4);
        Assert.Equal("Terminate 3", _driver.Done[^1]);
    }

    [Fact]
    public void Memory_that_is_back_at_the_second_look_saves_the_victim()
    {
        Started(3);
        _driver.Pass(0.5).Look(4).Look(6);

        Assert.DoesNotContain(_driver.Done, d => d.StartsWith("Terminate") || d.StartsWith("Kill"));
        Assert.NotEqual(TimeSpan.Zero, _driver.NextLook);
    }

    [Fact]
    public void One_that_does_not_end_is_killed_after_ten_seconds_if_it_is_still_needed()
    {
        Started(3);
        _driver.Pass(0.5).Look(4).Look(4);

        Assert.Empty(_driver.For(9.5, left: 4));
        Assert.Empty(_driver.For(5, left: 6));
        Assert.Equal(["Kill 3"], _driver.For(1, left: 4));
    }

    [Fact]
    public void The_next_victim_waits_until_the_first_one_is_gone()
    {
        Started(3);
        _driver.Pass(0.5).Look(4).Look(1).Look(1);
        Assert.Equal("Kill 3", _driver.Done[^1]);
        Assert.Empty(_driver.For(5, left: 1));
        Assert.Equal(["Requeue 3"], _driver.End(3, JobEnd.Failed, left: 1));
        Assert.Equal(["Kill 2"], _driver.For(1, left: 1));
    }

    [Fact]
    public void A_killed_one_that_never_goes_is_not_waited_for_for_ever()
    {
        Started(3);
        _driver.Pass(0.5).Look(1).Look(1);

        Assert.Equal(["Kill 2"], _driver.For(11, left: 1));
    }

    [Fact]
    public void The_victim_is_one_that_can_run_again_then_the_one_over_its_estimate_then_the_youngest()
    {
        _driver.Job(1, 20).Job(2, 20).Job(3, 20).Job(4, 20, isRestartable: false).For(10, left: 100);
        _driver.Uses(1, 20).Uses(2, 25).Uses(3, 20).Uses(4, 30);
        string[] victims = new string[4];
        for (int i = 0; i < 4; i++)
        {
            _driver.Pass(3).Look(1).Look(1);
            victims[i] = _driver.Done[^1];
            _driver.End(victims[i][^1] - '0', JobEnd.Failed, left: 1);
        }

        Assert.Equal(["Kill 2", "Kill 3", "Kill 1", "Kill 4"], victims);
        Assert.Equal("GiveUp 4", _driver.Done[^1]);
    }

    [Fact]
    public void One_that_holds_next_to_nothing_is_no_help()
    {
        Started(3);
        _driver.Uses(3, 0.2).Pass(0.5).Look(1).Look(1);

        Assert.Equal("Kill 2", _driver.Done[^1]);
    }

    [Fact]
    public void Protected_jobs_are_left_alone()
    {
        _driver.Job(1, 20, isProtected: true).Job(2, 20, isProtected: true).For(5, left: 100);
        _driver.Uses(1, 20).Uses(2, 20);

        Assert.Equal(["FreeCaches"], _driver.For(20, left: 1));
    }

    [Fact]
    public void Lost_jobs_are_expected_to_need_a_quarter_more_and_the_last_try_runs_alone()
    {
        _driver.Job(1, 10).Job(2, 10).For(5, left: 100);
        Assert.Equal(["Requeue 1", "Start 1"], _driver.End(1, JobEnd.KilledByKernel, left: 90, peak: 20));
        Assert.Equal((25 * GovernorDriver.GiB, false), (_driver.State.Jobs[^1].EstimateBytes, _driver.State.Jobs[^1].RunsAlone));
        _driver.End(1, JobEnd.KilledByKernel, left: 90, peak: 25);
        Assert.True(_driver.State.Jobs[^1].RunsAlone);

        Assert.Empty(_driver.For(10, left: 90));
        Assert.Equal(["Start 1"], _driver.End(2, JobEnd.Done, left: 100));
        Assert.Empty(_driver.Job(3, 1).For(10, left: 60));
        Assert.Equal(["GiveUp 1", "Start 3"], _driver.End(1, JobEnd.KilledByKernel, left: 100, peak: 99));
    }

    [Fact]
    public void What_others_of_its_class_have_used_counts_when_it_is_more_than_was_declared()
    {
        var driver = new GovernorDriver(new() { MaxJobs = 1 }).Job(1, 1).Job(2, 1).Job(3, 1);
        Assert.Equal(["Start 1"], driver.For(1, left: 90));
        Assert.Empty(driver.End(1, JobEnd.Done, left: 90, peak: 60));
        Assert.Equal(["Start 2"], driver.For(2, left: 90));

        Assert.Equal(60 * GovernorDriver.GiB, driver.State.Jobs.Single(j => j.Id == 2).EstimateBytes);
    }

    [Fact]
    public void What_one_job_has_shown_is_expected_of_those_that_run_too()
    {
        var driver = new GovernorDriver(new() { MaxJobs = 2 }).Job(1, 4).Job(2, 4).Job(3, 4).Look(100);
        driver.Uses(1, 45).Uses(2, 4).For(1, left: 50);

        // Job 2 may grow to 45 too, and both are too much.
        Assert.Empty(driver.End(1, JobEnd.Done, left: 95));
        Assert.Empty(driver.For(30, left: 95));
        Assert.Equal(["Start 3"], driver.End(2, JobEnd.Done, left: 95));
    }

    [Fact]
    public void A_job_that_was_done_before_it_could_be_measured_needs_little()
    {
        _driver.Job(1).Job(2).Job(3);
        Assert.Equal(["Start 1"], _driver.Look(90).Done);

        Assert.Empty(_driver.End(1, JobEnd.Done, left: 90));
        Assert.Equal(["Start 2"], _driver.For(1, left: 90));
        Assert.Equal(16L << 20, _driver.State.Jobs.Single(j => j.Id == 2).EstimateBytes);

        // One that fails at once has not shown what it needs.
        _driver = new GovernorDriver().Job(1).Job(2).Look(90);
        _driver.End(1, JobEnd.Failed, left: 90);
        Assert.Equal(["Start 2"], _driver.For(6, left: 90));
        Assert.Equal(GovernorGround.Guess, _driver.State.Jobs.Single(j => j.Id == 2).Ground);
    }

    [Fact]
    public void One_that_was_asked_to_end_runs_again_however_it_has_ended()
    {
        Started(3);
        _driver.Pass(0.5).Look(4).Look(4);

        Assert.Equal(["Requeue 3"], _driver.End(3, JobEnd.Done, left: 6));
        Assert.False(Assert.Single(_driver.State.Jobs, j => j.Id == 3).IsStarted);
    }

    [Fact]
    public void One_that_fails_by_itself_is_its_owners_business()
    {
        Started(2);

        Assert.Empty(_driver.End(2, JobEnd.Failed, left: 30));
        Assert.DoesNotContain(_driver.State.Jobs, j => j.Id == 2);
    }

    [Fact]
    public void When_all_are_paused_and_there_is_some_room_the_oldest_goes_on()
    {
        Started(3);
        _driver.For(3, left: 9);
        _driver.End(1, JobEnd.Done, left: 12);

        Assert.Equal(["Resume 2"], _driver.For(11, left: 12));
    }

    [Fact]
    public void When_all_are_paused_for_long_and_memory_does_not_come_back_one_has_to_go()
    {
        Started(3);
        _driver.For(3, left: 9);
        _driver.End(1, JobEnd.Done, left: 9);

        Assert.Empty(_driver.For(29, left: 9));
        Assert.Equal(["Terminate 3"], _driver.For(2, left: 9));
        _driver.End(3, JobEnd.Failed, left: 9);

        // The last one has nobody to wait for.
        Assert.Equal(["Resume 2"], _driver.For(35, left: 9));
    }

    [Fact]
    public void Readings_of_jobs_that_are_not_its_own_do_not_matter()
    {
        _driver.Job(1, 10).Uses(99, 80).Uses(1, 80).Look(4).Look(4);

        Assert.Equal(["FreeCaches", "Wait 1"], _driver.Done);
        Assert.Empty(_driver.End(99, JobEnd.Failed, left: 4));
    }

    /// <summary>Starts jobs of 25 GiB, which use what they said.</summary>
    private void Started(int count)
    {
        for (int id = 1; id <= count; id++)
        {
            _driver.Job(id, 25);
        }

        _driver.For(10, left: 100);
        for (int id = 1; id <= count; id++)
        {
            _driver.Uses(id, 25);
        }

        Assert.Equal(count, _driver.State.Jobs.Count(j => j.Phase == JobPhase.Running));
    }
}
