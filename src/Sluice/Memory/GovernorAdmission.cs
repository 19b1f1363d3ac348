namespace Sluice.Memory;

/// <summary>Starts a job when there is room for it, for what running ones are still expected to grow by, and for what stays free.</summary>
internal static class GovernorAdmission
{
    /// <summary>How many waiting jobs are looked at for one that fits.</summary>
    private const int Lookahead = 16;

    public static void Start(GovernorTurn turn)
    {
        GiveUpTooLarge(turn);
        var started = turn.Jobs.Count - turn.Count(JobPhase.Waiting);
        if (started == turn.Jobs.Count || started >= turn.Options.MaxJobs || !IsTime(turn, started))
        {
            return;
        }

        GovernorJob? first = null;
        var looked = 0;
        for (var i = 0; i < turn.Jobs.Count; i++)
        {
            var job = turn.Jobs[i];
            if (job.IsStarted)
            {
                continue;
            }

            var (estimate, isGuessed) = GovernorEstimates.Of(turn, job);
            if (Fits(turn, job, estimate, isGuessed, started))
            {
                Start(turn, job, estimate, isGuessed);
                return;
            }

            first ??= job;

            // One that was passed over too often is not passed any more, or small jobs would keep a large one waiting for ever.
            if (job.PassedOver >= turn.Options.MaxPassedOver || ++looked == Lookahead)
            {
                break;
            }
        }

        if (started == 0 && first is not null)
        {
            SayThatItWaits(turn, first, GovernorEstimates.Of(turn, first).Bytes);
        }
    }

    /// <summary>Returns whether this is a time to start anything at all.</summary>
    private static bool IsTime(GovernorTurn turn, int started)
    {
        if (turn.SampleLevel != GovernorLevel.Green || turn.Count(JobPhase.Paused) > 0 || !turn.Is(turn.Options.StartInterval, turn.State.LastStart))
        {
            return false;
        }

        // Where nothing runs, nothing can make it better than not bad.
        return turn.State.Level == GovernorLevel.Green || (turn.State.Level == GovernorLevel.Yellow && started == 0);
    }

    private static bool Fits(GovernorTurn turn, GovernorJob job, long estimate, bool isGuessed, int started)
    {
        if (job.RunsAlone)
        {
            return started == 0;
        }

        if ((isGuessed || turn.State.LastStartWasGuessed) && !turn.Is(turn.Options.StartSettleTime, turn.State.LastStart))
        {
            return false;
        }

        long growth = 0;
        long admitted = 0;
        foreach (var other in turn.Jobs)
        {
            if (other.IsStarted)
            {
                if (other.RunsAlone)
                {
                    return false;
                }

                // Of a job of which nothing was said, as much is expected as of the next one like it.
                var expected = other.DeclaredBytes is null && other.Class == job.Class ? Math.Max(other.EstimateBytes ?? 0, estimate) : other.EstimateBytes ?? 0;
                growth += Math.Max(0, expected - other.Bytes);
                admitted += Math.Max(expected, other.Bytes);
            }
        }

        // The second sum is for page cache that jobs map: it is theirs, and yet not counted as used.
        return turn.Bounds is not { } bounds
            || (turn.Sample.HeadroomBytes - growth - estimate >= Spare(bounds, estimate)
                && admitted + estimate <= bounds.Limit - Spare(bounds, estimate)
                && (started == 0 || !IsLarge(bounds, estimate)));
    }

    /// <summary>Returns what a plan leaves free: so much that the level stays green when it comes true; beside a job too large for that, the reserve.</summary>
    private static long Spare(GovernorThresholds bounds, long estimate) => IsLarge(bounds, estimate) ? bounds.Reserve : bounds.Yellow;

    private static bool IsLarge(GovernorThresholds bounds, long estimate) => estimate > bounds.Limit - bounds.Yellow;

    private static void Start(GovernorTurn turn, GovernorJob job, long estimate, bool isGuessed)
    {
        for (var i = 0; turn.Jobs[i].Id != job.Id; i++)
        {
            if (!turn.Jobs[i].IsStarted)
            {
                turn.Replace(turn.Jobs[i] with { PassedOver = turn.Jobs[i].PassedOver + 1 });
            }
        }

        turn.Replace(job with { Phase = JobPhase.Running, EstimateBytes = estimate, IsGuessed = isGuessed, StartedAt = turn.Now, IsStuck = false });
        turn.State = turn.State with { LastStart = turn.Now, LastStartWasGuessed = isGuessed };
        turn.Decide(GovernorVerb.Start, job.Id, $"there is room for {ByteText.Of(estimate)}{(isGuessed ? ", a guess" : "")}{(job.RunsAlone ? "; it runs alone" : "")}");
    }

    private static void SayThatItWaits(GovernorTurn turn, GovernorJob job, long estimate)
    {
        if (turn.Bounds is { } bounds && !job.IsStuck && turn.Sample.HeadroomBytes - estimate < Spare(bounds, estimate))
        {
            turn.Replace(job with { IsStuck = true });
            turn.Decide(GovernorVerb.Wait, job.Id, $"it needs {ByteText.Of(estimate)} beside {ByteText.Of(Spare(bounds, estimate))} that stay free, and others use the rest");
        }
    }

    private static void GiveUpTooLarge(GovernorTurn turn)
    {
        if (turn.Bounds is not { } bounds)
        {
            return;
        }

        for (var i = turn.Jobs.Count - 1; i >= 0; i--)
        {
            var job = turn.Jobs[i];
            if (job is { IsStarted: false, RunsAlone: false } && GovernorEstimates.Known(turn, job) is { } estimate && estimate > bounds.Limit - bounds.Reserve)
            {
                turn.Remove(job);
                turn.Decide(GovernorVerb.GiveUp, job.Id, $"it needs {ByteText.Of(estimate)}; of the limit of {ByteText.Of(bounds.Limit)}, {ByteText.Of(bounds.Reserve)} are kept in reserve");
            }
        }
    }
}
