namespace Sluice.Launching;

/// <summary>How a job of a launch stands when the launch ends.</summary>
public enum LaunchOutcome
{
    /// <summary>It was not begun, or has to begin again.</summary>
    Pending,

    /// <summary>It has ended well.</summary>
    Done,

    /// <summary>It has ended with another exit code than 0.</summary>
    Failed,

    /// <summary>It needs more memory than there can be, or was lost too often.</summary>
    GivenUp,
}

/// <summary>A job with what became of it.</summary>
/// <param name="Job">The job.</param>
/// <param name="Outcome">How it stands.</param>
/// <param name="ExitCode">The exit code of its last try; null when it has none.</param>
/// <param name="PeakBytes">The most memory that its last try was seen to use.</param>
/// <param name="Seconds">How long its last try took.</param>
/// <param name="Tries">How often it was started by this launch.</param>
/// <param name="IsEarlier">Whether an earlier launch had ended it.</param>
/// <param name="Note">Why it was given up.</param>
public sealed record LaunchedJob(LaunchJob Job, LaunchOutcome Outcome, int? ExitCode, long PeakBytes, double Seconds, int Tries, bool IsEarlier, string? Note);

/// <summary>What a launch has led to.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Folder">Its folder.</param>
/// <param name="Jobs">All jobs, in the order of the sweep.</param>
/// <param name="IsStopped">Whether it was stopped before the end.</param>
public sealed record LaunchResult(string Name, string Folder, IReadOnlyList<LaunchedJob> Jobs, bool IsStopped)
{
    /// <summary>Counts the jobs that stand in some way.</summary>
    public int Count(LaunchOutcome outcome) => Jobs.Count(j => j.Outcome == outcome);
}
