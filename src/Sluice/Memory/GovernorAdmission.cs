namespace Sluice.Memory;

/// <summary>Starts jobs while there is room for them, for what running ones are still expected to grow by, and for what stays free.</summary>
/// <remarks>
/// Where all estimates are sure, the sums alone decide: jobs are started at once, and closer to the limit. Else each start is to be seen before the
/// next one, and the level has to be green.
/// </remarks>
internal static class GovernorAdmission
{
    /// <summary>How many waiting jobs are looked at for one that fits.</summary>
    private const int Lookahead = 16;

    public static void Start(GovernorTurn turn)
    {
        GiveUpTooLarge(turn);
        while (turn.Count(JobPhase.Waiting) > 0 && StartNext(turn))
        {
        }
    }

    /// <summary>
    /// Starts the largest of the next jobs of which it is sure that they fit, since what remains for the end should be small; else the first that fits.
    /// False when none may be started now.
    /// </summary>
    private static bool StartNext(GovernorTurn turn)
    {
        List<GovernorJob> started = [.. turn.Jobs.Where(job => job.IsStarted)];
        if (started.Count >= turn.Options.MaxJobs || turn.Count(JobPhase.Paused) > 0)
        {
            return false;
        }

        var holds = started.TrueForAll(job => job.Ground == GovernorGround.Sure && GovernorEstimates.Keeps(job.Bytes, job.EstimateBytes!.Value));
        GovernorJob? best = null;
        GovernorEstimate bestEstimate = default;
        var bestIsSure = false;
        GovernorJob? first = null;
        var looked = 0;
        foreach (var job in turn.Jobs)
        {
            if (job.IsStarted)
            {
                continue;
            }

            var estimate = GovernorEstimates.Of(turn, job);
            var isSure = holds && estimate.Ground == GovernorGround.Sure;
            var isBetter = best is null || (isSure && (!bestIsSure || estimate.Bytes > bestEstimate.Bytes));
            if (isBetter && IsTime(turn, started, estimate.Ground, isSure) && Fits(turn, job, started, estimate.Bytes, isSure))
            {
                (best, bestEstimate, bestIsSure) = (job, estimate, isSure);
            }

            first ??= job;

            // One that was passed over too often is not passed any more, or small jobs would keep a large one waiting for ever.
            if (job.PassedOver >= turn.Options.MaxPassedOver || ++looked == Lookahead)
            {
                break;
            }
        }

        if (best is not null)
        {
            Start(turn, best, bestEstimate);
            return true;
        }

        // What has just ended may not have given its memory back yet.
        if (started.Count == 0 && first is not null && turn.Sample.Jobs.All(reading => reading.End is null))
        {
            SayThatItWaits(turn, first);
        }

        return false;
    }

    /// <summary>Returns whether this is a time to start a job at all, whatever it needs.</summary>
    private static bool IsTime(GovernorTurn turn, List<GovernorJob> started, GovernorGround ground, bool isSure)
    {
        if (isSure)
        {
            // Little headroom is what the sums are about; tasks that wait for memory tell of what no sum knows.
            return turn is { SampleLevel: <= GovernorLevel.Yellow, State.Level: <= GovernorLevel.Yellow } && turn.Is(turn.Options.CalmTime, turn.State.LastPressure);
        }

        // Where nothing runs, nothing can make it better than not bad.
        return turn.SampleLevel == GovernorLevel.Green
            && (turn.State.Level == GovernorLevel.Green || (turn.State.Level == GovernorLevel.Yellow && started.Count == 0))
            && turn.Is(ground == GovernorGround.Guess ? turn.Options.StartSettleTime : turn.Options.StartInterval, turn.State.LastStart)
            && started.TrueForAll(job => job.Ground != GovernorGround.Guess || turn.Is(turn.Options.StartSettleTime, job.StartedAt));
    }

    private static bool Fits(GovernorTurn turn, GovernorJob job, List<GovernorJob> started, long estimate, bool isSure)
    {
        if (job.RunsAlone)
        {
            return started.Count == 0;
        }

        long growth = 0;
        long admitted = 0;
        foreach (var other in started)
        {
            if (other.RunsAlone)
            {
                return false;
            }

            // As much is expected of it as others of its class have shown; where nothing was said, as much as of the next one like it.
            var shown = GovernorEstimates.Learnt(turn, other) ?? 0;
            var alike = other.DeclaredBytes is null && other.Class == job.Class ? estimate : 0;
            var expected = Math.Max(other.EstimateBytes ?? 0, Math.Max(shown, alike));
            growth += Math.Max(0, expected - other.Bytes);
            admitted += Math.Max(expected, other.Bytes);
        }

        // The second sum is for page cache that jobs map: it is theirs, and yet not counted as used.
        return turn.Bounds is not { } bounds
            || (turn.Sample.HeadroomBytes - growth - estimate >= Spare(bounds, estimate, isSure)
                && admitted + estimate <= bounds.Limit - Spare(bounds, estimate, isSure)
                && (started.Count == 0 || !IsLarge(bounds, estimate)));
    }

    /// <summary>Returns what a plan leaves free; beside a job too large for that, the reserve.</summary>
    private static long Spare(GovernorThresholds bounds, long estimate, bool isSure) =>
        IsLarge(bounds, estimate) ? bounds.Reserve : isSure ? bounds.Planned : bounds.Yellow;

    private static bool IsLarge(GovernorThresholds bounds, long estimate) => estimate > bounds.Limit - bounds.Yellow;

    private static void Start(GovernorTurn turn, GovernorJob job, GovernorEstimate estimate)
    {
        for (var i = 0; turn.Jobs[i].Id != job.Id; i++)
        {
            if (!turn.Jobs[i].IsStarted)
            {
                turn.Replace(turn.Jobs[i] with { PassedOver = turn.Jobs[i].PassedOver + 1 });
            }
        }

        var isGuess = estimate.Ground == GovernorGround.Guess;
        turn.Replace(job with { Phase = JobPhase.Running, EstimateBytes = estimate.Bytes, Ground = estimate.Ground, StartedAt = turn.Now, IsStuck = false });
        turn.State = turn.State with { LastStart = turn.Now };
        turn.Decide(GovernorVerb.Start, job.Id, $"there is room for {ByteText.Of(estimate.Bytes)}{(isGuess ? ", a guess" : "")}{(job.RunsAlone ? "; it runs alone" : "")}");
    }

    private static void SayThatItWaits(GovernorTurn turn, GovernorJob job)
    {
        var estimate = GovernorEstimates.Of(turn, job);
        var spare = turn.Bounds is { } bounds ? Spare(bounds, estimate.Bytes, estimate.Ground == GovernorGround.Sure) : 0;
        if (!job.IsStuck && turn.Sample.HeadroomBytes - estimate.Bytes < spare)
        {
            turn.Replace(job with { IsStuck = true });
            turn.Decide(GovernorVerb.Wait, job.Id, $"it needs {ByteText.Of(estimate.Bytes)} beside {ByteText.Of(spare)} that stay free, and others use the rest");
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
