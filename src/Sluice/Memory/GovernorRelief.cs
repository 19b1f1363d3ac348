namespace Sluice.Memory;

/// <summary>Makes room: pauses jobs, asks one to end, kills one.</summary>
internal static class GovernorRelief
{
    public static void Give(GovernorTurn turn)
    {
        MakeRoom(turn);
        Pause(turn);
    }

    private static void MakeRoom(GovernorTurn turn)
    {
        var isRed = turn.HeadroomLevel >= GovernorLevel.Red;
        var isStuck = !isRed && IsStuck(turn);
        var wasAlarmed = turn.State.IsAlarmed;
        turn.State = wasAlarmed ? turn.State with { IsAlarmed = false } : turn.State;
        if ((!isRed && !isStuck) || Hurry(turn))
        {
            return;
        }

        if (!turn.Is(turn.Options.KillSettleTime, turn.State.LastVictim) || GovernorVictims.Choose(turn) is not { } victim)
        {
            return;
        }

        if (!wasAlarmed)
        {
            // Memory may have come back while the victim was looked for: the next sample tells, and is taken at once.
            turn.State = turn.State with { IsAlarmed = true };
            return;
        }

        // When all stood still, the next victim has to wait as long as this one.
        turn.State = turn.State with { LastVictim = turn.Now, StandstillSince = isStuck ? null : turn.State.StandstillSince };
        if (turn.HeadroomLevel == GovernorLevel.Black)
        {
            Kill(turn, victim, "hardly any memory is left");
        }
        else
        {
            turn.Replace(victim with { Phase = JobPhase.Ending, SignalledAt = turn.Now });
            turn.Decide(GovernorVerb.Terminate, victim.Id, isStuck ? "all jobs are paused, and memory has not come back" : "memory is running out");
        }
    }

    /// <summary>Sees to a victim that was chosen before; false when there is none that another one would have to wait for.</summary>
    private static bool Hurry(GovernorTurn turn)
    {
        foreach (var job in turn.Jobs)
        {
            if (job.Phase == JobPhase.Ending)
            {
                if (turn.HeadroomLevel == GovernorLevel.Black || turn.Is(turn.Options.Grace, job.SignalledAt))
                {
                    Kill(turn, job, turn.HeadroomLevel == GovernorLevel.Black ? "hardly any memory is left" : "it was asked to end and did not");
                }

                return true;
            }

            if (job.Phase == JobPhase.Killed && !turn.Is(turn.Options.GoneTime, job.SignalledAt))
            {
                return true;
            }
        }

        return false;
    }

    private static void Kill(GovernorTurn turn, GovernorJob job, string reason)
    {
        turn.Replace(job with { Phase = JobPhase.Killed, SignalledAt = turn.Now });
        turn.Decide(GovernorVerb.Kill, job.Id, reason);
    }

    // The last paused job goes on instead (GovernorRecovery): there is nobody to make room for.
    private static bool IsStuck(GovernorTurn turn) =>
        turn.State.StandstillSince is { } since
        && turn.Is(turn.Options.StandstillTime, since)
        && turn.HeadroomLevel == GovernorLevel.Orange
        && turn.Count(JobPhase.Paused) > 1;

    /// <summary>Pauses the youngest, one at a time; all at once when that is not enough. The oldest goes on, so that something gets done.</summary>
    private static void Pause(GovernorTurn turn)
    {
        var isRed = turn.HeadroomLevel >= GovernorLevel.Red;
        if (turn.SampleLevel < GovernorLevel.Orange || (!isRed && !turn.Is(turn.Options.PauseInterval, turn.State.LastPause)))
        {
            return;
        }

        for (var running = turn.Count(JobPhase.Running); running > 1 && Youngest(turn) is { } job; running--)
        {
            turn.Replace(job with { Phase = JobPhase.Paused, FlippedAt = turn.Now });
            turn.State = turn.State with { LastPause = turn.Now };
            turn.Decide(GovernorVerb.Pause, job.Id, "it is the youngest, and stops growing");
            if (!isRed)
            {
                return;
            }
        }
    }

    private static GovernorJob? Youngest(GovernorTurn turn)
    {
        GovernorJob? youngest = null;
        foreach (var job in turn.Jobs)
        {
            if (job is { Phase: JobPhase.Running, IsProtected: false } && turn.MayFlip(job)
                && (youngest is null || (job.StartedAt, job.Id).CompareTo((youngest.StartedAt, youngest.Id)) > 0))
            {
                youngest = job;
            }
        }

        return youngest;
    }
}
