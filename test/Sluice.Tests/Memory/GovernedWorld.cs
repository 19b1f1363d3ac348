using Sluice.Memory;

namespace Sluice.Tests.Memory;

/// <summary>A machine with jobs that obey a governor, and notes of what must hold; one seed, one history.</summary>
/// <remarks>The limit is large enough for the shares to hold as they are: red is at 5 % of it.</remarks>
internal sealed class GovernedWorld
{
    public const long MiB = 1024 * 1024;
    public const long Limit = 16 * 1024 * MiB;

    /// <summary>By how many MiB the others' use may change between two looks: from hardly to wildly.</summary>
    private static readonly int[] Swings = [5, 60, 700];

    private static readonly TimeSpan TickLeast = TimeSpan.FromMilliseconds(1);

    private readonly GovernorOptions _options;
    private readonly GovernorThresholds _bounds;
    private readonly Random _random;
    private readonly bool _isTruthful;
    private readonly int _swing;
    private readonly Dictionary<long, Process> _processes = [];
    private readonly Dictionary<long, TimeSpan> _flips = [];
    private readonly List<JobReading> _ended = [];
    private GovernorState _state = GovernorState.Initial;
    private TimeSpan _now;
    private TimeSpan? _lastVictim;
    private TimeSpan? _allStoppedSince;
    private TimeSpan? _nobodyRunsSince;
    private GovernorSample? _before;
    private long _foreign;
    private TimeSpan _some;
    private TimeSpan _full;

    public GovernedWorld(int seed)
    {
        _random = new Random(seed);
        _isTruthful = _random.Next(2) == 0;
        _options = new GovernorOptions { MaxJobs = _random.Next(1, 7) };
        _bounds = GovernorThresholds.Of(Limit, _options);
        _foreign = _isTruthful ? 100 * MiB : _random.Next(0, _random.Next(2) == 0 ? 6000 : 15_000) * MiB;
        _swing = Swings[_random.Next(Swings.Length)];
        var count = _random.Next(1, 8);
        for (long id = 0; id < count; id++)
        {
            var need = _random.Next(1, _random.Next(4) == 0 ? 17_000 : 4000) * MiB;
            _needs[id] = need;
            _state = _state.Enqueue(new GovernorJob
            {
                Id = id,
                Class = _random.Next(3).ToString(System.Globalization.CultureInfo.InvariantCulture),
                DeclaredBytes = _isTruthful ? need : _random.Next(3) == 0 ? need / _random.Next(1, 5) : null,
                IsProtected = !_isTruthful && _random.Next(10) == 0,
                IsRestartable = _random.Next(8) != 0,
            });
        }
    }

    private readonly Dictionary<long, long> _needs = [];

    public int Victims { get; private set; }

    public int Pauses { get; private set; }

    public int Starts { get; private set; }

    public int Standstills { get; private set; }

    /// <summary>Lets some looks go by.</summary>
    public void Run(int looks)
    {
        for (var i = 0; i < looks; i++)
        {
            var sample = Sample();
            var step = Governor.Look(_state, sample, _now, _options);
            Check(step, sample);
            foreach (var decision in step.Decisions)
            {
                Obey(decision, sample);
            }

            _state = step.State;
            CheckProgress();
            _before = sample;
            Pass(step.NextLook < TickLeast ? TickLeast : step.NextLook);
        }
    }

    private GovernorSample Sample()
    {
        var jobs = new List<JobReading>(_processes.Count + _ended.Count);
        foreach (var (id, process) in _processes)
        {
            jobs.Add(new JobReading(id, _isTruthful || _random.Next(10) != 0 ? process.Bytes : null));
        }

        jobs.AddRange(_ended);
        _ended.Clear();
        return new GovernorSample(Limit, Headroom(), _random.Next(8) == 0 ? null : new MemoryPressure(0, 0, _some, _full), jobs);
    }

    private long Headroom()
    {
        var used = _foreign;
        foreach (var process in _processes.Values)
        {
            used += process.Bytes;
        }

        return Limit - used;
    }

    /// <summary>Time goes on: jobs grow, end, or are killed by the kernel; others use more and less.</summary>
    private void Pass(TimeSpan time)
    {
        // Now and then the sampler is late.
        time += _random.Next(20) == 0 ? TimeSpan.FromSeconds(_random.Next(1, 40)) : TimeSpan.Zero;
        _now += time;
        if (!_isTruthful)
        {
            _foreign = Math.Clamp(_foreign + _random.Next(-_swing, _swing + 1) * MiB * (_random.Next(12) == 0 ? 8 : 1), 0, Limit);
            _some += time * (_random.Next(6) == 0 ? 0.3 : 0.01);
            _full += time * (_random.Next(12) == 0 ? 0.1 : 0);
        }

        foreach (var (id, process) in _processes.ToArray())
        {
            if (process.IsDying || (process.IsAskedToEnd && _random.Next(4) == 0))
            {
                if (_random.Next(process.IsSlowToGo ? 60 : 3) == 0)
                {
                    End(id, process.IsAskedToEnd && _random.Next(5) == 0 ? JobEnd.Done : JobEnd.Failed);
                }

                continue;
            }

            if (process.IsStopped)
            {
                continue;
            }

            process.Bytes = Math.Min(_needs[id], process.Bytes + (long)(process.Rate * time.TotalSeconds));
            if (process.Bytes == _needs[id] && _random.Next(12) == 0)
            {
                End(id, _random.Next(8) == 0 ? JobEnd.Failed : JobEnd.Done);
            }
        }

        if (!_isTruthful && Headroom() < 0 && _processes.Count > 0)
        {
            End(_processes.Keys.ElementAt(_random.Next(_processes.Count)), JobEnd.KilledByKernel);
        }
    }

    private void End(long id, JobEnd end)
    {
        _ended.Add(new JobReading(id, _processes[id].Bytes, end));
        _processes.Remove(id);
    }

    private void Obey(GovernorDecision decision, GovernorSample sample)
    {
        if (decision.Job is not { } id)
        {
            return;
        }

        switch (decision.Verb)
        {
            case GovernorVerb.Start:
                Holds(!_processes.ContainsKey(id), "a job is started once at a time");
                _processes[id] = new Process { Rate = _random.Next(1, 900) * MiB, IsSlowToGo = _random.Next(5) == 0 };
                _flips.Remove(id);
                Starts++;
                break;
            case GovernorVerb.Pause:
                Flip(id);
                Holds(_processes.Values.Any(p => !p.IsStopped && !p.IsDying && p != _processes[id]), "the last one that runs is never paused");
                _processes[id].IsStopped = true;
                Pauses++;
                break;
            case GovernorVerb.Resume:
                Flip(id);
                Holds(_processes[id].IsStopped, "only a paused job is resumed");
                _processes[id].IsStopped = false;
                break;
            case GovernorVerb.Terminate:
                Choose(id, sample);
                _processes[id].IsStopped = false;
                _processes[id].IsAskedToEnd = true;
                break;
            case GovernorVerb.Kill:
                if (!_processes[id].IsAskedToEnd)
                {
                    Choose(id, sample);
                }

                Holds(sample.HeadroomBytes < _bounds.Orange, "nothing is killed while there is room");
                _processes[id].DyingSince = _now;
                break;
            default:
                break;
        }
    }

    private void Choose(long id, GovernorSample sample)
    {
        Holds(_lastVictim is not { } last || _now - last >= _options.KillSettleTime, "one victim per settle time");
        Holds(_processes.Values.All(p => p.DyingSince is not { } dying || _now - dying >= _options.GoneTime), "the next victim waits until the last one is gone, or ten seconds");
        Holds(!_processes.Values.Any(p => p.IsAskedToEnd && p.DyingSince is null), "nobody else is asked to end while one has not ended");
        Holds(!_state.Jobs.First(j => j.Id == id).IsProtected, "a protected job is no victim");
        var standsStill = _nobodyRunsSince is { } since && _now - since >= _options.StandstillTime;
        Holds(sample.HeadroomBytes < _bounds.Red || (standsStill && sample.HeadroomBytes < _bounds.Orange), "no victim while more than 5 % are left, save to end a standstill");
        Holds(_before!.HeadroomBytes < _bounds.Red || (standsStill && _before.HeadroomBytes < _bounds.Orange), "a second sample has confirmed the first");
        _lastVictim = _now;
        _nobodyRunsSince = sample.HeadroomBytes < _bounds.Red ? _nobodyRunsSince : null;
        Victims++;
    }

    private void Flip(long id)
    {
        Holds(!_flips.TryGetValue(id, out var last) || _now - last >= _options.FlipInterval, "a job is paused or resumed once in ten seconds");
        _flips[id] = _now;
    }

    private void Check(GovernorStep step, GovernorSample sample)
    {
        foreach (var decision in step.Decisions)
        {
            var isOnProcess = decision.Verb is GovernorVerb.Pause or GovernorVerb.Resume or GovernorVerb.Terminate or GovernorVerb.Kill;
            Holds(!isOnProcess || _processes.ContainsKey(decision.Job!.Value), "it acts on its own live jobs only");
            Holds(ReferenceEquals(decision.Sample, sample), "a decision carries its sample");
        }

        long admitted = 0;
        foreach (var job in step.State.Jobs)
        {
            admitted += job is { IsStarted: true, RunsAlone: false } ? job.EstimateBytes!.Value : 0;
        }

        Holds(!_isTruthful || admitted <= Limit - _bounds.Reserve, "what is admitted fits beside the reserve");
        Holds(!_isTruthful || sample.HeadroomBytes >= _bounds.Reserve, "with truthful estimates the reserve is never touched");
        Holds(!_isTruthful || !step.Decisions.Any(d => d.Verb is GovernorVerb.Pause or GovernorVerb.Terminate or GovernorVerb.Kill), "with truthful estimates nobody is paused or lost");
        Holds(step.State.Jobs.Count(j => j.IsStarted) <= _options.MaxJobs, "no more jobs than allowed");
        Holds(step.NextLook <= _options.MostInterval && (step.NextLook >= _options.LeastInterval || step.State.IsAlarmed), "the next look is neither too soon nor too late");
    }

    /// <summary>When all have been stopped for the time allowed, this look has ended it, or somebody is on the way out.</summary>
    private void CheckProgress()
    {
        // One that is on its way out does no work: when it is stuck in the kernel, those that are paused would wait for it for ever.
        var nobodyRuns = _processes.Values.Any(p => p.IsStopped && !p.IsDying) && _processes.Values.All(p => p.IsStopped || p.IsAskedToEnd || p.IsDying);
        _nobodyRunsSince = nobodyRuns ? _nobodyRunsSince ?? _now : null;
        var stopped = _processes.Count > 0 && _processes.Values.All(p => p.IsStopped && !p.IsDying);
        if (!stopped)
        {
            _allStoppedSince = null;
            return;
        }

        _allStoppedSince ??= _now;
        Standstills++;
        Holds(_now - _allStoppedSince < _options.StandstillTime || _state.IsAlarmed || Headroom() < _bounds.Red, "all are never stopped for more than 30 s");
    }

    private void Holds(bool condition, string rule)
    {
        if (!condition)
        {
            throw new InvalidOperationException($"{_now}: {rule}; {_state.Level}, headroom {Headroom() / MiB} MiB, {string.Join(", ", _state.Jobs.Select(j => $"{j.Id} {j.Phase} {j.Bytes / MiB} MiB"))}");
        }
    }

    private sealed class Process
    {
        public long Bytes { get; set; } = MiB;

        public long Rate { get; init; }

        public bool IsStopped { get; set; }

        public bool IsAskedToEnd { get; set; }

        public TimeSpan? DyingSince { get; set; }

        public bool IsDying => DyingSince is not null;

        /// <summary>Gets whether it is stuck in the kernel when it is killed.</summary>
        public bool IsSlowToGo { get; init; }
    }
}
