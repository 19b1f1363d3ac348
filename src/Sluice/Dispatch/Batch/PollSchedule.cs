namespace Sluice.Dispatch.Batch;

/// <summary>When to look at a batch again: often while it is young, seldom when it is old, never faster than asked. Pure.</summary>
internal static class PollSchedule
{
    private static readonly TimeSpan Least = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan LeastSimulator = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan Most = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan MostSimulator = TimeSpan.FromSeconds(2);

    /// <summary>Returns how long to wait before the next look.</summary>
    /// <param name="age">The batch's age: a batch that took an hour so far need not be watched by the second.</param>
    /// <param name="failures">Looks that failed in a row.</param>
    /// <param name="retryAfter">What the provider asks for.</param>
    /// <param name="simulator">Whether the provider is the simulator: looking often disturbs nobody, and nobody pays for it.</param>
    public static TimeSpan Next(TimeSpan age, int failures, TimeSpan? retryAfter, bool simulator)
    {
        var (least, most) = simulator ? (LeastSimulator, MostSimulator) : (Least, Most);
        var wait = Clamp(age / 20, least, most);
        if (failures > 0)
        {
            wait = Clamp(least * Math.Pow(2, Math.Min(failures, 10)), least, most * 5);
        }

        return retryAfter > wait ? retryAfter.Value : wait;
    }

    private static TimeSpan Clamp(TimeSpan value, TimeSpan least, TimeSpan most) => value < least ? least : value > most ? most : value;
}
