using System.Globalization;
using Sluice.Memory;

namespace Sluice.Launching;

/// <summary>Runs the jobs of a launch: as many at once as the governor lets, each in processes of its own.</summary>
/// <remarks>The governor decides and this obeys. It is driven by one task; everything it holds belongs to that task.</remarks>
public sealed class Launcher
{
    private readonly LaunchOptions _options;
    private readonly GovernorOptions _governor;
    private readonly Func<MemorySample> _sample;
    private readonly TimeProvider _time;
    private readonly Action<LaunchEvent> _observe;
    private readonly Action<GovernorDecision> _decided;
    private readonly long _began;
    private readonly Dictionary<int, (ChildProcess Child, long Kills)> _children = [];
    private readonly Dictionary<int, LaunchedJob> _jobs = [];
    private GovernorState _state = GovernorState.Initial;

    /// <summary>Creates a launcher.</summary>
    /// <param name="options">What to launch and how.</param>
    /// <param name="sample">Reads what memory there is.</param>
    /// <param name="time">The clock.</param>
    /// <param name="observe">Told what happens; must not block.</param>
    /// <param name="decided">Told each decision of the governor; must not block.</param>
    public Launcher(LaunchOptions options, Func<MemorySample> sample, TimeProvider time, Action<LaunchEvent> observe, Action<GovernorDecision> decided)
    {
        ArgumentNullException.ThrowIfNull(options);
        ArgumentNullException.ThrowIfNull(time);
        _options = options;
        _governor = options.Governor with { MaxJobs = options.MaxJobs };
        _sample = sample;
        _time = time;
        _observe = observe;
        _decided = decided;
        _began = time.GetTimestamp();
    }

    /// <summary>Runs what is not done yet.</summary>
    /// <param name="stop">Asks the jobs to end, and waits until they have.</param>
    /// <exception cref="SluiceException">The overrides are wrong, another launcher works under this name, or nothing can be started here.</exception>
    public async Task<LaunchResult> RunAsync(CancellationToken stop)
    {
        if (!OperatingSystem.IsLinux())
        {
            throw new SluiceException(ErrorKind.Environment, "`launch` works on Linux only", "run it in a container");
        }

        ChildProcess.RequirePrograms();
        using var journal = new LaunchJournal(_options.Folder, _time);
        var plan = LaunchPlan.Make(_options, journal.NumberOf);
        foreach (var job in plan)
        {
            Enqueue(job, journal.EndOf(job.Number));
        }

        if (journal.LastMark is { } left)
        {
            // Its launcher is gone, or it would hold the lock; what it has left would run beside what is begun now.
            LaunchMark.KillAll(left, journal.LastLeaders);
        }

        var byNumber = plan.ToDictionary(job => job.Number);
        foreach (var (job, peak) in journal.Peaks)
        {
            _state = _state.Learn(ClassOf(byNumber.GetValueOrDefault(job)), peak);
        }

        if (!_state.Jobs.IsEmpty)
        {
            var mark = LaunchMark.New();
            journal.Begin(mark, plan);
            await RunAsync(journal, mark, stop).ConfigureAwait(false);
        }

        return new LaunchResult(_options.Name, _options.Folder, [.. plan.Select(job => _jobs[job.Number])], stop.IsCancellationRequested);
    }

    /// <summary>Returns the file that receives what a job prints.</summary>
    public static string LogOf(string folder, int job) => Path.Combine(folder, FormattableString.Invariant($"{job}.log"));

    private void Enqueue(LaunchJob job, JournalEnd? end)
    {
        if (end is not null && (end.Outcome == LaunchOutcome.Done || !_options.RetryFailed))
        {
            _jobs[job.Number] = new LaunchedJob(job, end.Outcome, end.ExitCode, end.PeakBytes, end.Seconds, 0, IsEarlier: true, end.Note);
            return;
        }

        _jobs[job.Number] = new LaunchedJob(job, LaunchOutcome.Pending, null, 0, 0, 0, IsEarlier: false, null);
        _state = _state.Enqueue(new GovernorJob { Id = job.Number, Class = ClassOf(job), DeclaredBytes = DeclaredMemory.Of(_options.Declared, job) });
    }

    // Jobs of which the same is said are alike.
    private string ClassOf(LaunchJob? job) =>
        job is not null && DeclaredMemory.Of(_options.Declared, job) is { } bytes ? bytes.ToString(CultureInfo.InvariantCulture) : "";

    private async Task RunAsync(LaunchJournal journal, string mark, CancellationToken stop)
    {
        using var watcher = new Watcher(mark);
        try
        {
            while (!_state.Jobs.IsEmpty && !stop.IsCancellationRequested)
            {
                var wait = Look(journal, watcher, mark);
                if (!_state.Jobs.IsEmpty && wait > TimeSpan.Zero)
                {
                    await WaitAsync(wait, stop).ConfigureAwait(false);
                }
            }

            await EndAsync(journal).ConfigureAwait(false);
        }
        catch (Exception error) when (error is SluiceException or IOException or UnauthorizedAccessException)
        {
            // E.g. a full disk: nothing can be noted any more, but the jobs may still save what they have.
            await DismissAsync().ConfigureAwait(false);
            throw;
        }
        finally
        {
            foreach (var (child, _) in _children.Values)
            {
                child.Signal(Signals.Kill);
                child.Dispose();
            }
        }
    }

    /// <summary>Waits for the next look, or until a job has ended.</summary>
    private async Task WaitAsync(TimeSpan wait, CancellationToken stop)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(stop);
        await Task.WhenAny([Task.Delay(wait, _time, waiting.Token), .. _children.Values.Select(c => c.Child.Exit)]).ConfigureAwait(false);
        await waiting.CancelAsync().ConfigureAwait(false);
    }

    private TimeSpan Look(LaunchJournal journal, Watcher watcher, string mark)
    {
        var memory = _sample();
        var table = ProcessTable.Read();
        var readings = new List<JobReading>();
        var ended = new List<int>();
        foreach (var (job, (child, kills)) in _children)
        {
            if (child.Exit.IsCompleted)
            {
                // What a job leaves behind would hold memory that nobody counts.
                child.Signal(Signals.Kill);
                watcher.Forget(child.Leader.Id);
                readings.Add(new JobReading(job, child.PeakBytes, EndOf(child.ExitCode, Kills(memory) > kills)));
                ended.Add(job);
            }
            else
            {
                readings.Add(new JobReading(job, child.Measure(table)));
            }
        }

        var step = Governor.Look(_state, GovernorSample.Of(memory, readings), _time.GetElapsedTime(_began), _governor);
        _state = step.State;
        foreach (var job in ended)
        {
            Take(journal, job, step.Decisions.FirstOrDefault(d => d.Job == job && d.Verb is GovernorVerb.Requeue or GovernorVerb.GiveUp)?.Verb);
        }

        foreach (var decision in step.Decisions)
        {
            Obey(journal, watcher, decision, mark, memory);
        }

        _observe(new LaunchStatus(Count(JobPhase.Running) + Count(JobPhase.Ending), Count(JobPhase.Paused), Count(JobPhase.Waiting),
            readings.Sum(r => r.End is null ? r.Bytes ?? 0 : 0), memory.HeadroomBytes, _state.Level));
        return _children.Values.Select(c => c.Child.Interval).Append(step.NextLook).Min();
    }

    /// <summary>Takes in how a try has ended; one that waits again has not ended for good.</summary>
    private void Take(LaunchJournal journal, int job, GovernorVerb? verb)
    {
        var child = _children[job].Child;
        _children.Remove(job);
        var outcome = verb == GovernorVerb.Requeue ? LaunchOutcome.Pending : child.ExitCode == 0 ? LaunchOutcome.Done : LaunchOutcome.Failed;
        _jobs[job] = _jobs[job] with { Outcome = outcome, ExitCode = child.ExitCode, PeakBytes = child.PeakBytes, Seconds = _time.GetElapsedTime(child.StartedAt).TotalSeconds };
        child.Dispose();
        if (verb is null)
        {
            End(journal, job);
        }
    }

    private void End(LaunchJournal journal, int job)
    {
        var done = _jobs[job];
        journal.Ended(job, new JournalEnd(done.Outcome, done.ExitCode, done.PeakBytes, done.Seconds, done.Note));
        _observe(new JobEnded(done));
    }

    private void Obey(LaunchJournal journal, Watcher watcher, GovernorDecision decision, string mark, MemorySample memory)
    {
        _decided(decision);
        if (decision.Job is not { } id)
        {
            return;
        }

        var job = (int)id;
        switch (decision.Verb)
        {
            case GovernorVerb.Start:
                _jobs[job] = _jobs[job] with { Tries = _jobs[job].Tries + 1 };
                var child = ChildProcess.Start(_jobs[job].Job, _options, mark, LogOf(_options.Folder, job), _time);
                _children[job] = (child, Kills(memory));
                watcher.Watch(child.Leader.Id);
                journal.Started(job, child.Leader);
                child.Go();
                break;
            case GovernorVerb.Pause:
                _children[job].Child.Signal(Signals.Stop);
                break;
            case GovernorVerb.Resume:
                _children[job].Child.Signal(Signals.Continue);
                break;
            case GovernorVerb.Terminate:
                _children[job].Child.AskToEnd();
                break;
            case GovernorVerb.Kill:
                _children[job].Child.Signal(Signals.Kill);
                break;
            case GovernorVerb.GiveUp:
                _jobs[job] = _jobs[job] with { Outcome = LaunchOutcome.GivenUp, Note = decision.Reason };
                End(journal, job);
                break;
            default:
                break;
        }

        _observe(new JobGoverned(_jobs[job].Job, decision));
    }

    /// <summary>Asks what still runs to end, and waits until it has. It has to begin again: a program that saves its state and goes has not done its work.</summary>
    private async Task EndAsync(LaunchJournal journal)
    {
        var asked = new HashSet<int>();
        foreach (var (job, (child, _)) in _children.Where(c => !c.Value.Child.Exit.IsCompleted))
        {
            child.AskToEnd();
            asked.Add(job);
        }

        while (_children.Count > 0)
        {
            await Task.WhenAny(_children.Values.Select(c => c.Child.Exit)).ConfigureAwait(false);
            foreach (var (job, (child, _)) in _children.Where(c => c.Value.Child.Exit.IsCompleted).ToList())
            {
                child.Signal(Signals.Kill);
                Take(journal, job, asked.Contains(job) || child.ExitCode != 0 ? GovernorVerb.Requeue : null);
            }
        }
    }

    /// <summary>Asks what still runs to end, and waits for it as long as one that has to go for want of memory is waited for.</summary>
    private async Task DismissAsync()
    {
        foreach (var (child, _) in _children.Values)
        {
            child.AskToEnd();
        }

        await Task.WhenAny(Task.WhenAll(_children.Values.Select(c => c.Child.Exit)), Task.Delay(_governor.Grace, _time)).ConfigureAwait(false);
    }

    private static JobEnd EndOf(int exitCode, bool kernelHasKilled) => exitCode switch
    {
        0 => JobEnd.Done,
        128 + Signals.Kill when kernelHasKilled => JobEnd.KilledByKernel,
        _ => JobEnd.Failed,
    };

    private static long Kills(MemorySample memory) => (memory.OomKills ?? 0) + (memory.HostOomKills ?? 0);

    private int Count(JobPhase phase) => _state.Jobs.Count(j => j.Phase == phase);
}
