namespace Sluice.Dispatch;

/// <summary>The time for waits within this process: a clock that is set, forward or back, changes none of them.</summary>
internal static class SteadyTime
{
    /// <summary>Returns a time that only ever goes on, as fast as the real one. It is no date, and no other process knows it.</summary>
    public static DateTimeOffset SteadyNow(this TimeProvider time) => DateTimeOffset.UnixEpoch + time.GetElapsedTime(0);
}
