using System.Globalization;
using System.Text;
using Sluice.Ledger;

namespace Sluice.Simulation;

/// <summary>One seed: a clock, dice, a queue of what will happen, and everybody who takes part.</summary>
/// <remarks>
/// The driver and all code under test share the pool's one worker. Something happens, then the driver stands back until nothing is queued any
/// more, then the next thing happens: nothing is decided by chance but by the dice.
/// </remarks>
internal sealed class World
{
    private const int MaxEvents = 60_000;
    private const int MaxSteps = 100_000;
    private static readonly TimeSpan MaxTime = TimeSpan.FromHours(12);

    private readonly PriorityQueue<Event, (long Ticks, int Dice, long Number)> _queue = new();
    private readonly Dictionary<string, string> _names = [];
    private readonly TextWriter? _log;
    private readonly DateTimeOffset _began = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);
    private long _numbers;
    private int _steps;

    public World(int seed, string folder, TextWriter? log)
    {
        Seed = seed;
        Folder = folder;
        _log = log;
        Now = _began;
        Random = new Random(seed);
        Plan = new Plan(Random);
        Cache = new SimCache(this);
        Account = new SimAccount(this);
        Stage = new Stage(this);
        Trace("plan", Plan.ToString());
    }

    public int Seed { get; }

    public string Folder { get; }

    public string LedgerPath => Path.Combine(Folder, "ledger.db");

    public string SpoolFolder => Path.Combine(Folder, "spool");

    public Random Random { get; }

    public Plan Plan { get; }

    public SimCache Cache { get; }

    public SimAccount Account { get; }

    public Stage Stage { get; }

    public DateTimeOffset Now { get; private set; }

    public TimeSpan Elapsed => Now - _began;

    /// <summary>Gets or sets by how much the processes' time of day is wrong; what they measure by a clock that nobody sets is right, and so is the provider's time.</summary>
    public TimeSpan ClockIsOff { get; set; }

    public int Kills { get; set; }

    public int Faults { get; set; }

    public int Events { get; private set; }

    /// <summary>Gets a hash over everything that happened: two runs of a seed must give the same.</summary>
    public ulong Hash { get; private set; } = 14695981039346656037;

    public List<string> Violations { get; } = [];

    /// <summary>Gets everything that was said to the user.</summary>
    public List<string> Remarks { get; } = [];

    /// <summary>Lets something happen later, on behalf of a process: it does not happen to a dead one, and waits for one that stands still.</summary>
    public void After(TimeSpan delay, SimProcess? process, Action action) => At(Now + delay, process, action);

    /// <summary>Lets something happen at a time, in whole milliseconds: waits of less are no waits (Task.Delay), and this clock stands still in between.</summary>
    /// <param name="time">When.</param>
    /// <param name="process">The process it happens to, or null.</param>
    /// <param name="action">What happens.</param>
    /// <param name="isMeant">Tells, when it is time, whether it is still meant to happen; null for always.</param>
    public void At(DateTimeOffset time, SimProcess? process, Action action, Func<bool>? isMeant = null)
    {
        var ticks = Math.Max(time.Ticks, Now.Ticks) + TimeSpan.TicksPerMillisecond - 1;
        _queue.Enqueue(new Event(process, action, isMeant), (ticks - (ticks % TimeSpan.TicksPerMillisecond), Random.Next(1 << 16), _numbers++));
    }

    /// <summary>Called wherever code meets the simulation: whoever goes on and on without time passing spins.</summary>
    public void Step()
    {
        if (++_steps > MaxSteps)
        {
            if (_steps == MaxSteps + 1)
            {
                Violate($"it spins: {Environment.StackTrace}");
            }

            throw new SimulatedDeathException();
        }
    }

    /// <summary>Throws the dice.</summary>
    public bool Chance(double probability) => Random.NextDouble() < probability;

    /// <summary>Returns a time between two, small ones more often.</summary>
    public TimeSpan Between(double leastSeconds, double mostSeconds)
    {
        var dice = Random.NextDouble();
        return TimeSpan.FromMilliseconds(Math.Ceiling(1000 * (leastSeconds + ((mostSeconds - leastSeconds) * dice * dice))));
    }

    /// <summary>Lets time pass at once: the whole machine stood still.</summary>
    public void Jump(TimeSpan time) => Now += time;

    public void Violate(string what)
    {
        Violations.Add(what);
        Trace("VIOLATION", what);
    }

    /// <summary>Gives an intent a name that is the same in every run of the seed: ids are truly random.</summary>
    public string NameOf(string intent)
    {
        if (!_names.TryGetValue(intent, out var name))
        {
            name = "i" + (_names.Count + 1).ToString(CultureInfo.InvariantCulture);
            _names.Add(intent, name);
        }

        return name;
    }

    /// <summary>Puts names in the place of ids.</summary>
    public string WithNames(string text)
    {
        foreach (var (id, name) in _names)
        {
            text = text.Replace(id, name, StringComparison.Ordinal);
        }

        return text;
    }

    public void Trace(string who, string what)
    {
        Mix(who);
        Mix(what);
        Hash = (Hash ^ (ulong)Now.Ticks) * 1099511628211;
        _log?.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{Elapsed.TotalSeconds,10:0.000} {who,-10} {what}"));
    }

    /// <summary>Runs the seed to its end.</summary>
    public async Task RunAsync()
    {
        Stage.Begin();
        while (!Stage.IsOver)
        {
            if (!_queue.TryDequeue(out var next, out var when))
            {
                Violate("nothing is left to happen, and not all is done");
                break;
            }

            if (next.Process is { IsDead: true } || next.IsMeant?.Invoke() == false)
            {
                continue;
            }

            Now = when.Ticks > Now.Ticks ? new DateTimeOffset(when.Ticks, TimeSpan.Zero) : Now;
            if (next.Process is { IsStopped: true } stopped)
            {
                stopped.Missed.Add(next.Action);
                continue;
            }

            _steps = 0;
            next.Action();
            await QuietAsync();
            if (_steps > MaxSteps)
            {
                break;
            }

            if (++Events > MaxEvents || Elapsed > MaxTime)
            {
                Violate(string.Create(CultureInfo.InvariantCulture, $"it never ends: {Events} events, {Elapsed}; {Stage.Describe()}"));
                break;
            }
        }

        if (Violations.Count == 0)
        {
            await Stage.CheckAsync();
        }

        _steps = 0;
        Stage.CleanUp();
        await QuietAsync();
    }

    /// <summary>Stands back until nobody has anything to do before time passes.</summary>
    private static async Task QuietAsync()
    {
        do
        {
            // Goes to the end of the queue that the only worker works off.
            await Task.Yield();
        }
        while (ThreadPool.PendingWorkItemCount > 0);
    }

    private void Mix(string text)
    {
        var hash = Hash;
        foreach (var c in text)
        {
            hash = (hash ^ c) * 1099511628211;
        }

        Hash = hash;
    }

    private sealed record Event(SimProcess? Process, Action Action, Func<bool>? IsMeant);
}
