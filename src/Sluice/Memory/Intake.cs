namespace Sluice.Memory;

/// <summary>How much new work this process begins, by how much memory is left: all of it, half, or none until it is better, or until a minute has passed.</summary>
/// <remarks>
/// What is under way goes on at every level. After a minute one thing at a time is begun again: whoever takes the memory is not this process, which
/// takes the same however long it works, and waiting for ever would help nobody. Thread-safe.
/// </remarks>
public sealed class Intake
{
    /// <summary>An intake that holds nothing back.</summary>
    public static readonly Intake Open = new(static () => new MemorySample(), TimeProvider.System, static _ => { });

    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(1);

    private readonly Func<MemorySample> _sample;
    private readonly TimeProvider _time;
    private readonly Action<GovernorDecision> _decided;
    private readonly GovernorOptions _options = new();
    private readonly long _started;
    private readonly Lock _gate = new();
    private GovernorState _state = GovernorState.Initial;
    private TimeSpan? _heldSince;
    private bool _isPatient = true;
    private TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Creates an intake; it holds nothing back before the first look.</summary>
    /// <param name="sample">Reads what there is.</param>
    /// <param name="time">The clock.</param>
    /// <param name="decided">Told each decision; must not block.</param>
    public Intake(Func<MemorySample> sample, TimeProvider time, Action<GovernorDecision> decided)
    {
        ArgumentNullException.ThrowIfNull(time);
        _sample = sample;
        _time = time;
        _decided = decided;
        _started = time.GetTimestamp();
    }

    /// <summary>Gets the level.</summary>
    public GovernorLevel Level
    {
        get
        {
            lock (_gate)
            {
                return _state.Level;
            }
        }
    }

    /// <summary>Gets a task that ends when more or less may begin than now.</summary>
    public Task Changed
    {
        get
        {
            lock (_gate)
            {
                return _changed.Task;
            }
        }
    }

    /// <summary>Returns how many of so many things may be under way for another one to begin: all, half but at least one, or none, and after a minute of that one.</summary>
    public int Of(int most) => Level switch
    {
        GovernorLevel.Green => most,
        GovernorLevel.Yellow => Math.Max(1, most / 2),
        _ => _isPatient ? 0 : Math.Min(most, 1),
    };

    /// <summary>Waits until something new may begin.</summary>
    public async ValueTask WaitAsync(CancellationToken cancellationToken)
    {
        // The task is fetched before the level is looked at, so that no change is missed.
        for (var changed = Changed; Of(1) == 0; changed = Changed)
        {
            await changed.WaitAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Looks again and again until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(Look(), _time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Takes one look and returns after how long to take the next one.</summary>
    public TimeSpan Look()
    {
        GovernorStep step;
        TaskCompletionSource? changed = null;
        var sample = GovernorSample.Of(_sample(), []);
        lock (_gate)
        {
            var now = _time.GetElapsedTime(_started);
            step = Governor.Look(_state, sample, now, _options);
            _heldSince = step.State.Level >= GovernorLevel.Orange ? _heldSince ?? now : null;
            var isPatient = now - _heldSince is not { } held || held < Patience;
            if (step.State.Level != _state.Level || isPatient != _isPatient)
            {
                _isPatient = isPatient;
                changed = _changed;
                _changed = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            _state = step.State;
        }

        changed?.SetResult();
        foreach (var decision in step.Decisions)
        {
            _decided(decision);
            if (decision.Verb == GovernorVerb.FreeCaches)
            {
                // Gives hundreds of megabytes back to the system that an ordinary collection would keep.
                GC.Collect(GC.MaxGeneration, GCCollectionMode.Aggressive, blocking: true, compacting: true);
            }
        }

        return step.NextLook;
    }
}
