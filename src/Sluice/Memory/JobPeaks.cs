using System.Collections.Immutable;

namespace Sluice.Memory;

/// <summary>The peaks of the last jobs of one class, and what the next one is expected to need.</summary>
/// <param name="Last">The last peaks, in order of arrival.</param>
/// <param name="Expected">Their 95th percentile.</param>
internal readonly record struct JobPeaks(ImmutableArray<long> Last, long Expected)
{
    private const int Kept = 20;

    /// <summary>Gets whether there are so many that the next one will hardly need more.</summary>
    public bool AreMany => !Last.IsDefault && Last.Length == Kept;

    /// <summary>Returns them with one more.</summary>
    public JobPeaks With(long peak)
    {
        var last = (Last.IsDefault ? [] : Last.Length < Kept ? Last : Last.RemoveAt(0)).Add(peak);
        var sorted = last.Sort();
        return new JobPeaks(last, sorted[(int)Math.Ceiling(sorted.Length * 0.95) - 1]);
    }
}
