namespace Sluice.Simulator.Tests;

/// <summary>A clock that notes what is waited for; the waits end at once, or when they are released.</summary>
internal sealed class RecordingTime : TimeProvider
{
    private readonly Lock _lock = new();
    private readonly List<TimeSpan> _waits = [];
    private readonly List<ITimer> _held = [];
    private bool _holds;

    public TimeSpan[] Waits
    {
        get
        {
            lock (_lock)
            {
                return [.. _waits];
            }
        }
    }

    /// <summary>Lets no wait end until <see cref="Release"/>.</summary>
    public void Hold()
    {
        lock (_lock)
        {
            _holds = true;
        }
    }

    public void Release()
    {
        lock (_lock)
        {
            _holds = false;
            _held.ForEach(timer => timer.Change(TimeSpan.Zero, Timeout.InfiniteTimeSpan));
            _held.Clear();
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        lock (_lock)
        {
            _waits.Add(dueTime);
            var timer = System.CreateTimer(callback, state, _holds ? Timeout.InfiniteTimeSpan : TimeSpan.Zero, Timeout.InfiniteTimeSpan);
            if (_holds)
            {
                _held.Add(timer);
            }

            return timer;
        }
    }
}
