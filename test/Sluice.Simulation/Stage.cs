using System.Globalization;
using System.Text;
using Microsoft.Data.Sqlite;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Simulation;

/// <summary>Starts, kills, stops and restarts processes as the seed says, and at the end looks at what is left.</summary>
internal sealed class Stage(World world)
{
    public const int MaxAttempts = 3;

    private const int MaxMore = 5;

    private readonly List<SimProcess> _processes = [];
    private readonly Dictionary<string, int> _creating = [];
    private readonly bool[] _isLive = [.. Enumerable.Range(0, world.Plan.Processes).Select(_ => world.Chance(world.Plan.LiveShare))];
    private readonly int[][] _wanted = [.. Enumerable.Range(0, world.Plan.Processes).Select(i => Wanted(world, i == 0))];
    private SimProcess? _last;
    private int _more;

    /// <summary>Gets whether the time of faults is over.</summary>
    public bool IsCalm { get; private set; }

    public bool IsOver => _last is { IsRunning: false } && _processes.TrueForAll(p => !p.IsRunning);

    /// <summary>Gets a client that nobody uses.</summary>
    public HttpClient NoHttp { get; } = new();

    public static Request RequestOf(int number, Route[] routes, IDialect dialect)
    {
        var route = routes[number % routes.Length];
        var body = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $$"""{"model":"{{route.Model}}","n":{{number}}}"""));
        return new Request(RequestKey.Compute(dialect.Name, dialect.Endpoint, body, 0), body, route, null);
    }

    public void Begin()
    {
        var plan = world.Plan;
        var faultTime = plan.HalfTime.TotalSeconds;
        for (var slot = 0; slot < plan.Processes; slot++)
        {
            var mine = slot;
            world.After(slot == 0 ? TimeSpan.Zero : world.Between(0, faultTime / 2), null, () => Start(mine));
        }

        for (var i = 0; i < plan.Kills; i++)
        {
            world.After(world.Between(0, faultTime), null, Kill);
        }

        for (var i = 0; i < plan.Stops; i++)
        {
            world.After(world.Between(0, faultTime), null, Stop);
        }

        for (var i = 0; i < plan.Pauses; i++)
        {
            world.After(world.Between(0, faultTime), null, Pause);
        }

        for (var i = 0; i < plan.ClockSteps; i++)
        {
            world.After(world.Between(0, faultTime), null, SetClock);
        }

        for (var i = 0; i < plan.OldBatches; i++)
        {
            world.Account.CreateOfOthers(world.Random.Next(1, plan.MaxRequests + 1), TimeSpan.FromDays(2 + (3 * i)));
        }

        for (var i = 0; i < plan.Others; i++)
        {
            world.After(world.Between(0, faultTime), null, () => world.Account.CreateOfOthers(OtherSize()));
        }

        if (world.Chance(0.2))
        {
            world.After(world.Between(0, faultTime), null, () => Any()?.Interrupt());
        }

        world.After(plan.HalfTime, null, Calm);
        world.After(TimeSpan.FromSeconds(60), null, Decide);
    }

    public void Ended(SimProcess process)
    {
        if (!IsCalm)
        {
            world.After(world.Between(0.1, 20), null, () => Start(process.Slot));
        }
        else if (process == _last && process.Ending != Ending.Done)
        {
            world.Violate($"the last process ended as {process.Ending}");
        }
        else if (process == _last && _more < MaxMore && IsAnyOpen(process))
        {
            // What dead processes have left is closed by the next command after their leases, or after the batch has ended.
            _last = null;
            world.After(LedgerStore.LeaseTime * (2 << _more++), null, StartLast);
        }
    }

    /// <summary>What a process sees when it looks whether another one lives.</summary>
    public bool? IsAlive(string owner) => world.Plan.IsSameHost ? _processes.Exists(p => p.Owner == owner && p.IsRunning) : null;

    /// <summary>Counts create calls that have left and not arrived.</summary>
    public void Creating(string intent, int change) => _creating[intent] = _creating.GetValueOrDefault(intent) + change;

    /// <summary>In the middle of a process's code the whole machine stands still for longer than a lease; whoever wakes first takes over what it can.</summary>
    public void StandStill(SimProcess process, string point)
    {
        world.Jump(LedgerStore.LeaseTime + world.Between(1, 60));
        world.Trace(process.Name, "stands still at " + point);
        process.HasLostLease = true;
        if (_processes.Where(p => p != process && p.IsRunning && !p.IsStopped && p.Ledger is not null).ToList() is { Count: > 0 } others)
        {
            var rival = others[world.Random.Next(others.Count)];
            others.ForEach(o => o.HasLostLease = true);
            var sweeps = world.Chance(0.5);
            var (dieAt, standAt) = (rival.DieAt, rival.StandAt);
            (rival.DieAt, rival.StandAt) = (0, 0);
            rival.Do(() =>
            {
                if (sweeps)
                {
                    rival.Ledger!.SweepDead(world.SpoolFolder);
                }

                foreach (var intent in rival.Ledger!.Open().Where(i => i.State != IntentState.Spooling))
                {
                    if (rival.Ledger.TryOwn(intent) is { } mine && mine.Fence != intent.Fence)
                    {
                        world.Trace(rival.Name, $"takes {world.NameOf(mine.Id)}, which is {mine.State}");
                    }
                }
            });
            (rival.DieAt, rival.StandAt) = (dieAt, standAt);
        }
    }

    public string Describe() => string.Join(", ", _processes.Where(p => p.IsRunning).Select(p => p.Name)) + " still run; open: "
        + string.Join(", ", (_processes.LastOrDefault(p => p.IsRunning)?.Ledger?.Open() ?? []).Select(i => $"{world.NameOf(i.Id)} {i.State} {i.Note}"));

    public async Task CheckAsync()
    {
        world.Jump(LedgerStore.LeaseTime * 2);
        using (var ledger = new LedgerStore(world.LedgerPath, new SimTime(world, _last!), "0:0@simulated", _ => null))
        {
            ledger.SweepDead(world.SpoolFolder);
        }

        await new Checks(world, _last!, [.. _wanted.SelectMany(w => w).Distinct()]).RunAsync();
    }

    public void CleanUp()
    {
        foreach (var process in _processes)
        {
            process.Ledger?.Dispose();
        }

        NoHttp.Dispose();
    }

    private static int[] Wanted(World world, bool all) =>
        [.. Enumerable.Range(0, world.Plan.Requests).Where(_ => all || world.Chance(0.7))];

    private void Start(int slot)
    {
        if (!IsCalm)
        {
            Start(slot, _wanted[slot], _isLive[slot]);
        }
    }

    private SimProcess Start(int slot, int[] requests, bool isLive)
    {
        var process = new SimProcess(world, slot, _processes.Count + 1, requests, isLive);
        _processes.Add(process);
        process.Begin();
        return process;
    }

    private SimProcess? Any()
    {
        var running = _processes.Where(p => p.IsRunning).ToList();
        return running.Count == 0 ? null : running[world.Random.Next(running.Count)];
    }

    private void Kill()
    {
        if (Any() is { } process && !IsCalm)
        {
            if (CrashPoints.AreThere && world.Chance(0.75))
            {
                process.DieAt = process.Hits + world.Random.Next(1, 80);
            }
            else
            {
                process.Kill("between two events");
            }
        }
    }

    private void Stop()
    {
        if (Any() is { } process && !IsCalm)
        {
            if (CrashPoints.AreThere && world.Chance(0.5))
            {
                process.StandAt = process.Hits + world.Random.Next(1, 80);
            }
            else
            {
                process.Stop(world.Between(1, 120));
            }
        }
    }

    /// <summary>One process, or all of them, stand still for longer than their leases, as `docker pause` lets them.</summary>
    private void Pause()
    {
        if (!IsCalm)
        {
            var time = LedgerStore.LeaseTime + world.Between(1, 200);
            List<SimProcess> all = world.Chance(0.4) ? [.. _processes.Where(p => p.IsRunning)] : Any() is { } one ? [one] : [];
            all.ForEach(p => p.Stop(time));
        }
    }

    private void SetClock()
    {
        if (!IsCalm)
        {
            // Half of the steps are small: a lease, the wait for a lost batch, a poll.
            var step = world.Chance(0.5) ? world.Between(1, 300) : world.Between(300, 7200);
            world.ClockIsOff += world.Chance(0.5) ? step : -step;
            world.Trace("people", string.Create(CultureInfo.InvariantCulture, $"set the clock: it is off by {world.ClockIsOff.TotalSeconds:0} s"));
        }
    }

    /// <summary>Returns the size of a stranger's batch: often that of one of ours.</summary>
    private int OtherSize() => world.Random.Next(4) switch
    {
        0 => world.Random.Next(1, world.Plan.MaxRequests + 1),
        1 => world.Plan.MaxRequests,
        _ => world.Account.Batches.LastOrDefault(b => b.Intent is not null)?.CustomIds.Length ?? world.Plan.MaxRequests,
    };

    /// <summary>The faults end; one process more is started, to which everything must come home.</summary>
    private void Calm()
    {
        IsCalm = true;
        world.Trace("stage", "the faults end");
        foreach (var process in _processes.Where(p => p.IsRunning).ToList())
        {
            (process.DieAt, process.StandAt) = (0, 0);
            if (world.Chance(0.5))
            {
                process.Kill("at the end of faults");
            }
            else
            {
                process.Continue();
            }
        }

        StartLast();
    }

    private bool IsAnyOpen(SimProcess process)
    {
        using var ledger = new LedgerStore(world.LedgerPath, new SimTime(world, process), "0:2@simulated", _ => null);
        return ledger.Open().Count > 0;
    }

    private void StartLast() => _last = Start(world.Plan.Processes, [.. Enumerable.Range(0, world.Plan.Requests)], isLive: false);

    /// <summary>People look at what needs a decision now and then, and know the truth.</summary>
    private void Decide()
    {
        if (!IsOver)
        {
            world.After(TimeSpan.FromSeconds(60), null, Decide);
        }

        if (_processes.Find(p => p.IsRunning && p.Ledger is not null)?.Ledger?.Open().Where(i => i.State == IntentState.NeedsHuman).ToList() is not { Count: > 0 } open)
        {
            return;
        }

        using var ledger = new LedgerStore(world.LedgerPath, new SimTime(world, _processes[0]), "0:1@simulated", _ => null);
        foreach (var intent in open)
        {
            var batches = world.Account.Batches.Where(b => b.Intent == intent.Id && b.Fate != Fate.Failed).ToList();
            if ((batches.Count == 0 && _creating.GetValueOrDefault(intent.Id) > 0) || ledger.Overrule(intent) is not { } mine)
            {
                continue;
            }

            world.Trace("people", $"{world.NameOf(intent.Id)}: {(batches.Count == 0 ? "send again" : batches[0].Id)}");
            _ = batches.Count == 0 ? ledger.MarkNotCreated(mine, "people say so") : ledger.MarkSubmitted(mine, batches[0].Id);
        }
    }
}
