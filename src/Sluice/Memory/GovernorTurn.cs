namespace Sluice.Memory;

/// <summary>One look while it is taken: the state as far as it is changed, and what has been decided.</summary>
internal sealed class GovernorTurn
{
    private readonly List<GovernorDecision> _decisions = [];
    private readonly List<GovernorJob> _jobs;
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

    /// <summary>Gets the level of this sample, pressure included; no pressure alone makes it red.</summary>
    public GovernorLevel SampleLevel
    {
        get
        {
            var pressure = State.Pressure.Full > Options.FullPressure ? GovernorLevel.Orange
                : State.Pressure.Some > Options.SomePressure ? GovernorLevel.Yellow
                : GovernorLevel.Green;
            return pressure > HeadroomLevel ? pressure : HeadroomLevel;
        }
    }

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

    public void Replace(GovernorJob job)
    {
        _jobs[_jobs.FindIndex(j => j.Id == job.Id)] = job;
        _jobsChanged = true;
    }

    public void Remove(GovernorJob job)
    {
        _jobs.RemoveAt(_jobs.FindIndex(j => j.Id == job.Id));
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
