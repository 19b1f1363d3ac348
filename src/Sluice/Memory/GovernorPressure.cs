namespace Sluice.Memory;

/// <summary>Which share of the last seconds tasks waited for memory, from the growth of the kernel's totals.</summary>
internal readonly record struct GovernorPressure(MemoryPressure? Mark, TimeSpan MarkedAt, double LastSome, double LastFull, double Some, double Full)
{
    /// <summary>Takes a reading in.</summary>
    /// <remarks>
    /// The time is cut into windows. The share of the window that is not over yet is taken of a whole one: it can only grow, so pressure is
    /// seen before the window ends, and never taken for more than it is.
    /// </remarks>
    public GovernorPressure With(MemoryPressure? pressure, TimeSpan now, TimeSpan window)
    {
        // Totals that shrink are those of another group, or of another kernel.
        if (pressure is null || Mark is null || pressure.SomeTotal < Mark.SomeTotal || pressure.FullTotal < Mark.FullTotal)
        {
            return new GovernorPressure(pressure, now, 0, 0, 0, 0);
        }

        var elapsed = now - MarkedAt;
        var whole = Math.Max(window.Ticks, elapsed.Ticks);
        var some = (double)(pressure.SomeTotal - Mark.SomeTotal).Ticks / whole;
        var full = (double)(pressure.FullTotal - Mark.FullTotal).Ticks / whole;
        return elapsed >= window
            ? new GovernorPressure(pressure, now, some, full, some, full)
            : this with { Some = Math.Max(some, LastSome), Full = Math.Max(full, LastFull) };
    }
}
