namespace Sluice.Journeys;

/// <summary>A clock that runs faster than the real one, and its timers with it: programs wait as long as ever, and tests do not.</summary>
internal sealed class HastyClock(int speed) : TimeProvider
{
    private readonly DateTimeOffset _started = System.GetUtcNow();
    private readonly long _mark = System.GetTimestamp();

    public override DateTimeOffset GetUtcNow() => _started + (System.GetElapsedTime(_mark) * speed);

    public override long GetTimestamp() => _mark + ((System.GetTimestamp() - _mark) * speed);

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period) =>
        new HastyTimer(System.CreateTimer(callback, state, Real(dueTime), Real(period)), this);

    /// <summary>Returns the real time, in whole milliseconds: less would make a short wait a busy one.</summary>
    private TimeSpan Real(TimeSpan span) => span <= TimeSpan.Zero ? span : TimeSpan.FromMilliseconds(Math.Ceiling(span.TotalMilliseconds / speed));

    private sealed class HastyTimer(ITimer real, HastyClock clock) : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => real.Change(clock.Real(dueTime), clock.Real(period));

        public void Dispose() => real.Dispose();

        public ValueTask DisposeAsync() => real.DisposeAsync();
    }
}
