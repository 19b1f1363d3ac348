using Microsoft.Extensions.Time.Testing;

namespace Sluice.Tests.Dispatch;

/// <summary>A clock that the test moves, and that tells when somebody has begun to wait for it.</summary>
internal sealed class SteppedTime() : FakeTimeProvider(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero))
{
    private readonly SemaphoreSlim _armed = new(0);

    private int _waiting;

    /// <summary>Gets or sets how far somebody has set the wall clock; waits go on as they were.</summary>
    public TimeSpan WallClockStep { get; set; }

    public override DateTimeOffset GetUtcNow() => base.GetUtcNow() + WallClockStep;

    /// <summary>Measures as a real clock does: nobody sets it. Without this it would follow the wall clock.</summary>
    public override long GetTimestamp() => base.GetUtcNow().Ticks;

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
