namespace Sluice.Memory;

/// <summary>One look while it is taken: the state as far as it is changed, and what has been decided.</summary>
internal sealed class GovernorTurn
{
    private readonly List<GovernorDecision> _decisions = [];
    private readonly List<GovernorJob> _jobs;
    private Dictionary<string, long>? _runningPeaks;
    private bool _jobsChanged;

    public GovernorTurn(GovernorState state, GovernorSample sample, TimeSpan now, GovernorOptions options)
    {
        State = state;
        Sample = sample;
        Now = now;
        Options = options;
        _jobs = [.. state.Jobs];
        if (sample is { LimitBytes: { } limit, HeadroomBytes: not null })
        {
            Bounds = GovernorThresholds.Of(limit, options);
        }
    }

    public GovernorState State { get; set; }

    public GovernorSample Sample { get; }

    public TimeSpan Now { get; }

    public GovernorOptions Options { get; }

    /// <summary>Gets the bounds; null when limit or headroom are not known.</summary>
    public GovernorThresholds? Bounds { get; }

    public IReadOnlyList<GovernorJob> Jobs => _jobs;

    /// <summary>Gets the level of this sample's headroom alone: what is not known is green.</summary>
    public GovernorLevel HeadroomLevel => Bounds?.LevelOf(Sample.HeadroomBytes!.Value) ?? GovernorLevel.Green;

    /// <summary>Gets the level of this sample's pressure alone, which never makes it red.</summary>
    public GovernorLevel PressureLevel => State.Pressure.Full > Options.FullPressure ? GovernorLevel.Orange
        : State.Pressure.Some > Options.SomePressure ? GovernorLevel.Yellow
        : GovernorLevel.Green;

    /// <summary>Gets the level of this sample.</summary>
    public GovernorLevel SampleLevel => PressureLevel > HeadroomLevel ? PressureLevel : HeadroomLevel;

    public int Count(JobPhase phase)
    {
        var count = 0;
        foreach (var job in _jobs)
        {
            count += job.Phase == phase ? 1 : 0;
        }

        return count;
    }

    /// <summary>Returns whether enough time has passed since something; true when it never was.</summary>
    public bool Is(TimeSpan wait, TimeSpan? since) => since is not { } moment || Now - moment >= wait;

    /// <summary>Returns whether a job may be paused or resumed, as far as its last change goes.</summary>
    public bool MayFlip(GovernorJob job) => Is(Options.FlipInterval, job.FlippedAt);

    /// <summary>Returns the most that a started job of a class was seen to use; 0 when there is none.</summary>
    public long RunningPeak(string name)
    {
        // For each of thousands of waiting jobs it is the same.
        if (_runningPeaks is null)
        {
            _runningPeaks = new Dictionary<string, long>(StringComparer.Ordinal);
            foreach (var job in _jobs)
            {
                if (job.IsStarted)
                {
                    _runningPeaks[job.Class] = Math.Max(job.PeakBytes, _runningPeaks.GetValueOrDefault(job.Class));
                }
            }
        }

        return _runningPeaks.GetValueOrDefault(name);
    }

    public void Replace(GovernorJob job)
    {
        _jobs[_jobs.FindIndex(j => j.Id == job.Id)] = job;
        _runningPeaks = null;
        _jobsChanged = true;
    }

    public void Remove(GovernorJob job)
    {
        _jobs.RemoveAt(_jobs.FindIndex(j => j.Id == job.Id));
        _runningPeaks = null;
        _jobsChanged = true;
    }

    /// <summary>Puts a job that was lost behind all others.</summary>
    public void PutLast(GovernorJob job)
    {
        Remove(job);
        _jobs.Add(job);
    }

    public void Decide(GovernorVerb verb, long? job, string reason) => _decisions.Add(new GovernorDecision(Now, verb, job, State.Level, reason, Sample));

    public GovernorStep End()
    {
        var state = _jobsChanged ? State with { Jobs = [.. _jobs] } : State;
        return new GovernorStep(state, _decisions, state.IsAlarmed ? TimeSpan.Zero : Interval());
    }

    // The less is left, the sooner it can be gone.
    private TimeSpan Interval()
    {
        if (Sample.HeadroomBytes is not { } headroom)
        {
            return Options.MostInterval;
        }

        var fill = TimeSpan.FromSeconds((double)Math.Max(0, headroom) / Options.FillRate);
        return fill < Options.LeastInterval ? Options.LeastInterval : fill > Options.MostInterval ? Options.MostInterval : fill;
    }
}
