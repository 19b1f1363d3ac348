namespace Sluice.Memory;

/// <summary>Tells how much memory a process uses.</summary>
public static class ProcessMemory
{
    /// <summary>Returns a process's share of memory in bytes: its own pages, and of shared ones its part.</summary>
    /// <remarks>
    /// The sum over processes is what they use together. Where the kernel does not tell the share, it is the resident set, which counts
    /// shared pages in full. Reading it walks the page table: do so every few seconds at most.
    /// </remarks>
    /// <param name="processId">The process.</param>
    /// <returns>Null when the process does not exist (any more), or the system has no /proc.</returns>
    public static long? Pss(int processId) => Pss(processId, "/");

    internal static long? Pss(int processId, string root)
    {
        var files = new ProcFiles(root, notes: []);
        string folder = string.Create(System.Globalization.CultureInfo.InvariantCulture, $"/proc/{processId}");
        if (files.ReadTable(folder + "/smaps_rollup").TryGetValue("Pss", out long pss))
        {
            return pss;
        }

        string[] pages = files.ReadText(folder + "/statm")?.Split(' ') ?? [];
        return pages.Length > 1 && long.TryParse(pages[1], System.Globalization.CultureInfo.InvariantCulture, out long resident)
            ? resident * Environment.SystemPageSize
            : null;
    }
}
