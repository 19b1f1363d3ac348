namespace Sluice.Memory;

/// <summary>Chooses the job that has to go.</summary>
internal static class GovernorVictims
{
    /// <summary>
    /// Returns the victim: one that can be run again rather than one that cannot, then one that uses more than was expected, then the youngest,
    /// then the largest. One that holds next to nothing is spared while others hold more. Null when all are protected.
    /// </summary>
    public static GovernorJob? Choose(GovernorTurn turn)
    {
        var worthwhile = (turn.Bounds?.Limit ?? 0) / 100;
        GovernorJob? victim = null;
        foreach (var job in turn.Jobs)
        {
            if (job is { Phase: JobPhase.Running or JobPhase.Paused, IsProtected: false }
                && (victim is null || Rank(job, worthwhile).CompareTo(Rank(victim, worthwhile)) > 0))
            {
                victim = job;
            }
        }

        return victim;
    }

    private static (bool Helps, bool IsRestartable, bool IsOver, TimeSpan StartedAt, long Bytes, long Id) Rank(GovernorJob job, long worthwhile) =>
        (job.Bytes >= worthwhile, job.IsRestartable, job.Bytes > (job.EstimateBytes ?? long.MaxValue), job.StartedAt, job.Bytes, job.Id);
}
