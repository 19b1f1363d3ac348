using Microsoft.Extensions.Time.Testing;

namespace Sluice.Tests.Dispatch;

/// <summary>A clock that the test moves, and that tells when somebody has begun to wait for it.</summary>
internal sealed class SteppedTime() : FakeTimeProvider(new DateTimeOffset(2026, 11, 23, 12, 0, 0, TimeSpan.Zero))
{
    private readonly SemaphoreSlim _armed = new(0);

    /// <summary>Waits a moment for the next timer; false when there was none yet.</summary>
    public Task<bool> ArmedAsync(CancellationToken cancellationToken) => _armed.WaitAsync(1, cancellationToken);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ITimer timer = base.CreateTimer(callback, state, dueTime, period);
        if (dueTime > TimeSpan.Zero)
        {
            _armed.Release();
        }

        return timer;
    }
}
