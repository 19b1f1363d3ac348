namespace Sluice.Memory;

/// <summary>Lets paused jobs go on: the oldest first, when there is enough again, or when nothing else runs.</summary>
internal static class GovernorRecovery
{
    public static void Resume(GovernorTurn turn)
    {
        var paused = turn.Count(JobPhase.Paused);
        var standsStill = paused > 0 && turn.Count(JobPhase.Running) == 0;
        if (standsStill != turn.State.StandstillSince is not null)
        {
            turn.State = turn.State with { StandstillSince = standsStill ? turn.Now : null };
        }

        if (paused == 0 || !turn.Is(turn.Options.ResumeInterval, turn.State.LastResume))
        {
            return;
        }

        var isEnough = turn.State.Level == GovernorLevel.Green && (turn.Bounds is not { } bounds || turn.Sample.HeadroomBytes >= bounds.Calm);
        if (!isEnough && !(standsStill && MustGoOn(turn, paused)))
        {
            return;
        }

        if (Oldest(turn) is { } job)
        {
            turn.Replace(job with { Phase = JobPhase.Running, FlippedAt = turn.Now });
            turn.State = turn.State with { LastResume = turn.Now, StandstillSince = null };
            turn.Decide(GovernorVerb.Resume, job.Id, isEnough ? "there is enough memory again" : "nothing else runs");
        }
    }

    // A paused job gives nothing back: with some room it may as well go on, and the last one has nobody to wait for.
    private static bool MustGoOn(GovernorTurn turn, int paused) =>
        turn.HeadroomLevel < GovernorLevel.Orange
        || (turn.HeadroomLevel == GovernorLevel.Orange && paused == 1 && turn.Is(turn.Options.StandstillTime, turn.State.StandstillSince));

    private static GovernorJob? Oldest(GovernorTurn turn)
    {
        GovernorJob? oldest = null;
        foreach (var job in turn.Jobs)
        {
            if (job.Phase == JobPhase.Paused && (oldest is null || (job.StartedAt, job.Id).CompareTo((oldest.StartedAt, oldest.Id)) < 0))
            {
                oldest = job;
            }
        }

        return oldest is not null && turn.MayFlip(oldest) ? oldest : null;
    }
}
