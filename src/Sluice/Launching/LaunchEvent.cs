using Sluice.Memory;

namespace Sluice.Launching;

/// <summary>Something that happens in a launch.</summary>
public abstract record LaunchEvent;

/// <summary>A job was decided about: started, paused, killed and so on.</summary>
/// <param name="Job">The job.</param>
/// <param name="Decision">The decision, which has been done by now.</param>
public sealed record JobGoverned(LaunchJob Job, GovernorDecision Decision) : LaunchEvent;

/// <summary>A job has ended and is not run again.</summary>
/// <param name="Job">The job and its outcome.</param>
public sealed record JobEnded(LaunchedJob Job) : LaunchEvent;

/// <summary>How things stand.</summary>
/// <param name="Running">Jobs that run.</param>
/// <param name="Paused">Jobs that are paused.</param>
/// <param name="Waiting">Jobs that wait to be started.</param>
/// <param name="Bytes">What all jobs use together.</param>
/// <param name="HeadroomBytes">What is left.</param>
/// <param name="Level">How serious the want of memory is.</param>
public sealed record LaunchStatus(int Running, int Paused, int Waiting, long Bytes, long? HeadroomBytes, GovernorLevel Level) : LaunchEvent;
