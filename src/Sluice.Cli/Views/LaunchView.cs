using Sluice.Launching;
using Sluice.Memory;

namespace Sluice.Cli.Views;

/// <summary>Shows what a launch is doing: a line for each event and, on a terminal, how it stands.</summary>
internal sealed class LaunchView(bool quiet, TimeProvider time) : IDisposable
{
    private readonly Lock _gate = new();
    private readonly long _started = time.GetTimestamp();
    private readonly StatusLine _line = new(quiet, time);
    private ITimer? _timer;
    private LaunchStatus? _status;
    private int _done;
    private int _failed;

    /// <summary>Starts showing.</summary>
    public void Start()
    {
        if (!quiet)
        {
            _timer = time.CreateTimer(_ => Tick(), null, TimeSpan.FromMilliseconds(500), TimeSpan.FromMilliseconds(500));
        }
    }

    /// <summary>Takes an event in.</summary>
    public void Observe(LaunchEvent e)
    {
        lock (_gate)
        {
            switch (e)
            {
                case LaunchStatus status:
                    _status = status;
                    break;
                case JobEnded { Job: var job }:
                    _done += job.Outcome == LaunchOutcome.Done ? 1 : 0;
                    _failed += job.Outcome == LaunchOutcome.Done ? 0 : 1;
                    _line.Say($"job {job.Job.Number} {LaunchSummary.Word(job.Outcome)}"
                        + (job.ExitCode is { } code ? $", exit code {code}, {Numbers.Age(TimeSpan.FromSeconds(job.Seconds))}{(job.PeakBytes == 0 ? "" : $", peak {Numbers.Bytes(job.PeakBytes)}")}" : ""));
                    break;
                case JobGoverned governed:
                    _line.Say(Describe(governed));
                    break;
                default:
                    break;
            }
        }
    }

    public void Dispose()
    {
        _timer?.Dispose();
        lock (_gate)
        {
            _line.Erase();
        }
    }

    private static string Describe(JobGoverned governed)
    {
        var (job, decision) = governed;
        return $"job {job.Number} " + decision.Verb switch
        {
            GovernorVerb.Start => $"started: {(job.Name.Length == 0 ? string.Join(' ', job.Command) : job.Name)}",
            GovernorVerb.Wait => $"waits: {decision.Reason}",
            GovernorVerb.Pause => $"paused: {Left(decision)}",
            GovernorVerb.Resume => $"goes on: {decision.Reason}",
            GovernorVerb.Terminate => $"asked to end: {decision.Reason}, {Left(decision)}",
            GovernorVerb.Kill => $"killed: {decision.Reason}, {Left(decision)}",
            GovernorVerb.Requeue => $"waits again: {decision.Reason}",
            _ => $"given up: {decision.Reason}",
        };
    }

    private static string Left(GovernorDecision decision) => $"{Numbers.Bytes(decision.Sample.HeadroomBytes)} of {Numbers.Bytes(decision.Sample.LimitBytes)} are left";

    private void Tick()
    {
        lock (_gate)
        {
            if (_status is { } status)
            {
                _line.Show(() => Status(status));
            }
        }
    }

    private string Status(LaunchStatus status) => $"{Numbers.Age(time.GetElapsedTime(_started))}  {status.Running} running"
        + (status.Paused > 0 ? $", {status.Paused} paused" : "")
        + $", {status.Waiting} waiting, {_done} done"
        + (_failed > 0 ? $", {_failed} failed" : "")
        + $"  jobs use {Numbers.Bytes(status.Bytes)}, {Numbers.Bytes(status.HeadroomBytes)} are left"
        + (status.Level == GovernorLevel.Green ? "" : $" ({status.Level.ToString().ToLowerInvariant()})");
}
