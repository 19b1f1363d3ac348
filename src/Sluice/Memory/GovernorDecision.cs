namespace Sluice.Memory;

/// <summary>What a governor decides.</summary>
public enum GovernorVerb
{
    /// <summary>The level has changed.</summary>
    ChangeLevel,

    /// <summary>Our own caches and garbage are to be given back.</summary>
    FreeCaches,

    /// <summary>The job is to be started.</summary>
    Start,

    /// <summary>The job waits although nothing else runs: others use the memory it needs.</summary>
    Wait,

    /// <summary>All processes of the job are to be stopped.</summary>
    Pause,

    /// <summary>All processes of the job are to go on.</summary>
    Resume,

    /// <summary>All processes of the job are to be asked to end, and to go on so that they can.</summary>
    Terminate,

    /// <summary>All processes of the job are to be killed.</summary>
    Kill,

    /// <summary>The job was lost for want of memory and waits again.</summary>
    Requeue,

    /// <summary>The job leaves the state: it needs more than there can be, or was lost too often.</summary>
    GiveUp,
}

/// <summary>A decision, with all that led to it.</summary>
/// <param name="At">When.</param>
/// <param name="Verb">What is to be done.</param>
/// <param name="Job">The job it is about; null when it is about none.</param>
/// <param name="Level">The level at that time.</param>
/// <param name="Reason">Why, for people.</param>
/// <param name="Sample">The sample that led to it.</param>
public sealed record GovernorDecision(TimeSpan At, GovernorVerb Verb, long? Job, GovernorLevel Level, string Reason, GovernorSample Sample);

/// <summary>What one look leads to.</summary>
/// <param name="State">The state to go on with.</param>
/// <param name="Decisions">What is to be done now, in this order.</param>
/// <param name="NextLook">After how long to look again; zero to look at once.</param>
public sealed record GovernorStep(GovernorState State, IReadOnlyList<GovernorDecision> Decisions, TimeSpan NextLook);
