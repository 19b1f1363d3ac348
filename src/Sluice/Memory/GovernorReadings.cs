namespace Sluice.Memory;

/// <summary>Takes in what started jobs use and how they have ended.</summary>
internal static class GovernorReadings
{
    private const double Margin = 1.25;

    /// <summary>What a job is taken to have used that has done its work before it could be measured.</summary>
    private const long Unseen = 16L << 20;

    public static void Take(GovernorTurn turn)
    {
        foreach (var reading in turn.Sample.Jobs)
        {
            foreach (var job in turn.Jobs)
            {
                if (job.Id == reading.Job && job.IsStarted)
                {
                    Take(turn, job, reading);
                    break;
                }
            }
        }
    }

    private static void Take(GovernorTurn turn, GovernorJob job, JobReading reading)
    {
        var peak = Math.Max(job.PeakBytes, reading.Bytes ?? 0);
        if (reading.End is not { } end)
        {
            var bytes = reading.Bytes ?? job.Bytes;
            if (bytes != job.Bytes || peak != job.PeakBytes)
            {
                turn.Replace(job with { Bytes = bytes, PeakBytes = peak });
            }

            return;
        }

        turn.State = turn.State.Learn(job.Class, peak == 0 && end == JobEnd.Done ? Unseen : peak);

        // However one ends that was asked to: a program that saves its state and goes has not done its work.
        if (end == JobEnd.KilledByKernel || job.Phase is JobPhase.Ending or JobPhase.Killed)
        {
            Lose(turn, job, peak, end);
        }
        else
        {
            turn.Remove(job);
        }
    }

    private static void Lose(GovernorTurn turn, GovernorJob job, long peak, JobEnd end)
    {
        var losses = job.Losses + 1;
        var by = end == JobEnd.KilledByKernel ? "the kernel killed it" : "it had to go";
        if (!job.IsRestartable || losses >= turn.Options.MaxMemoryAttempts)
        {
            turn.Remove(job);
            turn.Decide(GovernorVerb.GiveUp, job.Id, job.IsRestartable
                ? $"{by} for want of memory, {losses} times by now, the last time alone; it used up to {ByteText.Of(peak)}"
                : $"{by} for want of memory, and it cannot be run again");
            return;
        }

        var estimate = Math.Max((long)(peak * Margin), job.EstimateBytes ?? 0);
        var alone = losses == turn.Options.MaxMemoryAttempts - 1 || (turn.Bounds is { } bounds && estimate > bounds.Limit - bounds.Reserve);
        turn.PutLast(new GovernorJob
        {
            Id = job.Id,
            Class = job.Class,
            DeclaredBytes = job.DeclaredBytes,
            IsProtected = job.IsProtected,
            IsRestartable = job.IsRestartable,
            EstimateBytes = estimate,
            Losses = losses,
            RunsAlone = alone,
        });
        turn.Decide(GovernorVerb.Requeue, job.Id, $"{by} for want of memory; it used up to {ByteText.Of(peak)}, and is expected to need {ByteText.Of(estimate)}{(alone ? "; next time it runs alone" : "")}");
    }
}
