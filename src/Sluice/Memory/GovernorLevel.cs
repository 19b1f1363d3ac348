namespace Sluice.Memory;

/// <summary>How serious the want of memory is; each level does what the ones before it do, and more.</summary>
public enum GovernorLevel
{
    /// <summary>There is enough: jobs are started and resumed.</summary>
    Green,

    /// <summary>No job is started, and our own work is halved.</summary>
    Yellow,

    /// <summary>Running jobs are paused one by one, and our own work waits.</summary>
    Orange,

    /// <summary>All jobs but one are paused, and one is asked to end.</summary>
    Red,

    /// <summary>One job is killed at once.</summary>
    Black,
}
