using Sluice.Memory;

namespace Sluice.Tests.Memory;

/// <summary>Feeds a governor with samples and keeps what it decides. The limit is 100 GiB, so that a GiB is a percent.</summary>
internal sealed class GovernorDriver(GovernorOptions? options = null, long limit = GovernorDriver.GiB * 100)
{
    public const long GiB = 1L << 30;

    private readonly GovernorOptions _options = options ?? new();
    private readonly Dictionary<long, double> _uses = [];

    public GovernorState State { get; private set; } = GovernorState.Initial;

    public GovernorLevel Level => State.Level;

    public TimeSpan Now { get; private set; }

    public TimeSpan NextLook { get; private set; }

    /// <summary>Gets all decisions but changes of the level, as <c>Start 1</c>.</summary>
    public List<string> Done { get; } = [];

    public List<GovernorDecision> Decisions { get; } = [];

    /// <summary>Adds a job; sizes in GiB.</summary>
    public GovernorDriver Job(long id, double? declared = null, string name = "", bool isProtected = false, bool isRestartable = true)
    {
        State = State.Enqueue(new GovernorJob { Id = id, Class = name, DeclaredBytes = (long?)(declared * GiB), IsProtected = isProtected, IsRestartable = isRestartable });
        return this;
    }

    /// <summary>Tells what a job of a class has used before, in GiB.</summary>
    public GovernorDriver Learn(string name, params double[] peaks)
    {
        foreach (double peak in peaks)
        {
            State = State.Learn(name, (long)(peak * GiB));
        }

        return this;
    }

    /// <summary>Says what a job uses from now on, in GiB.</summary>
    public GovernorDriver Uses(long id, double size)
    {
        _uses[id] = size;
        return this;
    }

    /// <summary>Looks for some seconds, twice a second, with so many GiB left; then returns what was decided in that time.</summary>
    public string[] For(double seconds, double left, double some = 0, double full = 0)
    {
        var from = Done.Count;
        for (var end = Now + TimeSpan.FromSeconds(seconds); Now < end;)
        {
            Pass(0.5, some, full);
            Look(left);
        }

        return [.. Done.Skip(from)];
    }

    /// <summary>A job has ended.</summary>
    public string[] End(long id, JobEnd end, double left = 50, double? peak = null)
    {
        var from = Done.Count;
        _uses.Remove(id);
        Look(left, new JobReading(id, (long?)(peak * GiB), end));
        return [.. Done.Skip(from)];
    }

    /// <summary>Takes one look at this moment.</summary>
    public GovernorDriver Look(double? left, params JobReading[] ended)
    {
        var jobs = _uses.Select(u => new JobReading(u.Key, (long)(u.Value * GiB))).Concat(ended).ToList();
        var step = Governor.Look(State, new GovernorSample(limit, (long?)(left * GiB), new MemoryPressure(0, 0, _some, _full), jobs), Now, _options);
        (State, NextLook) = (step.State, step.NextLook);
        Decisions.AddRange(step.Decisions);
        Done.AddRange(step.Decisions.Where(d => d.Verb != GovernorVerb.ChangeLevel).Select(d => d.Job is null ? $"{d.Verb}" : $"{d.Verb} {d.Job}"));
        return this;
    }

    /// <summary>Lets time go by, in seconds, in which tasks wait for memory for some share of it.</summary>
    public GovernorDriver Pass(double seconds, double some = 0, double full = 0)
    {
        var time = TimeSpan.FromSeconds(seconds);
        Now += time;
        _some += time * some;
        _full += time * full;
        return this;
    }

    private TimeSpan _some;
    private TimeSpan _full;
}
