using Microsoft.Extensions.Time.Testing;

namespace Sluice.Tests.Dispatch;

/// <summary>A clock that the test moves, and that tells when somebody has begun to wait for it.</summary>
internal sealed class SteppedTime() : FakeTimeProvider(s_start)
{
    private static readonly DateTimeOffset s_start = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    private readonly SemaphoreSlim _armed = new(0);

    // The base class runs due timers on the thread that asks for the time, and with them whatever waits for them: in the middle of
    // a transaction, say, which a real clock never does.
    private long _now = s_start.Ticks;
    private int _waiting;

    /// <summary>Gets or sets how far somebody has set the wall clock; waits go on as they were.</summary>
    public TimeSpan WallClockStep { get; set; }

    public override DateTimeOffset GetUtcNow() => new(Interlocked.Read(ref _now) + WallClockStep.Ticks, TimeSpan.Zero);

    /// <summary>Measures as a real clock does: nobody sets it. Without this it would follow the wall clock.</summary>
    public override long GetTimestamp() => Interlocked.Read(ref _now);

    /// <summary>Moves the clock on; timers that come to their end run on this thread.</summary>
    public new void Advance(TimeSpan delta)
    {
        Interlocked.Add(ref _now, delta.Ticks);
        base.Advance(delta);
    }

    /// <summary>Sets the clock; timers wait as long as before.</summary>
    public new void AdjustTime(DateTimeOffset value)
    {
        Interlocked.Exchange(ref _now, value.UtcTicks);
        base.AdjustTime(value);
    }

    /// <summary>Gets whether a timer runs that has not come to its end.</summary>
    public bool HasWaiters => Volatile.Read(ref _waiting) > 0;

    /// <summary>Waits a moment for the next timer; false when there was none yet.</summary>
    public Task<bool> ArmedAsync(CancellationToken cancellationToken) => _armed.WaitAsync(1, cancellationToken);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        if (dueTime <= TimeSpan.Zero)
        {
            return base.CreateTimer(callback, state, dueTime, period);
        }

        Interlocked.Increment(ref _waiting);
        ITimer timer = base.CreateTimer(
            s =>
            {
                Interlocked.Decrement(ref _waiting);
                callback(s);
            },
            state,
            dueTime,
            period);
        _armed.Release();
        return timer;
    }
}
