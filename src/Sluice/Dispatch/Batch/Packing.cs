namespace Sluice.Dispatch.Batch;

/// <summary>How many of the waiting lines still fit into a batch. A pure function, tabled in the tests.</summary>
internal static class Packing
{
    /// <summary>Returns how many lines, from the first, fit beside what is there.</summary>
    /// <param name="count">Lines already in the batch.</param>
    /// <param name="bytes">Bytes already in the batch.</param>
    /// <param name="lines">The waiting lines' sizes in bytes, line feed included.</param>
    /// <param name="maxCount">The most lines a batch may hold.</param>
    /// <param name="maxBytes">The most bytes a batch may hold.</param>
    public static int Fitting(int count, long bytes, ReadOnlySpan<int> lines, int maxCount, long maxBytes)
    {
        var fitting = 0;
        while (fitting < lines.Length && count + fitting < maxCount && bytes + lines[fitting] <= maxBytes)
        {
            bytes += lines[fitting];
            fitting++;
        }

        return fitting;
    }
}
