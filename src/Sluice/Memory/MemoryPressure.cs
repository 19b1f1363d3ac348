namespace Sluice.Memory;

/// <summary>How long tasks had to wait for memory (the kernel's pressure stall information).</summary>
/// <remarks>
/// The averages lag by seconds: to steer, take the difference of the totals over a time of your own. All of it stays 0 until the kernel has
/// to reclaim, and without swap the way from there to the limit is short, so pressure is never enough without the headroom.
/// </remarks>
/// <param name="SomeAverage10">Percent of the last ten seconds in which at least one task waited.</param>
/// <param name="FullAverage10">Percent of the last ten seconds in which all tasks waited that were not idle.</param>
/// <param name="SomeTotal">How long at least one task has waited so far.</param>
/// <param name="FullTotal">How long all of them have waited so far.</param>
public sealed record MemoryPressure(double SomeAverage10, double FullAverage10, TimeSpan SomeTotal, TimeSpan FullTotal);
