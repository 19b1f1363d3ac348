namespace Sluice.Launching;

/// <summary>What jobs need, as their owner says.</summary>
/// <param name="Override">The override, as it is in a job's name, of the jobs that are meant; null for all.</param>
/// <param name="Bytes">What each of them needs.</param>
public sealed record DeclaredMemory(string? Override, long Bytes)
{
    /// <summary>Returns what a job needs: the most that is said of one of its overrides, else what is said of all jobs, else null.</summary>
    internal static long? Of(IReadOnlyList<DeclaredMemory> declared, LaunchJob job) =>
        declared.Where(d => d.Override is { } name && job.Overrides.Contains(name)).Max(d => (long?)d.Bytes)
        ?? declared.Where(d => d.Override is null).Max(d => (long?)d.Bytes);

    /// <summary>Throws when something is said twice, or of an override that no job has.</summary>
    internal static void RequireJobs(IReadOnlyList<DeclaredMemory> declared, IReadOnlyList<LaunchJob> jobs)
    {
        if (declared.GroupBy(d => d.Override).FirstOrDefault(same => same.Count() > 1) is { } twice)
        {
            throw new SluiceException(ErrorKind.Usage, $"--mem says {twice.Count()} times what {(twice.Key is null ? "all jobs need" : $"jobs with `{twice.Key}` need")}", "say it once");
        }

        string[] unknown = [.. declared.Select(d => d.Override).OfType<string>().Where(name => !jobs.Any(job => job.Overrides.Contains(name))).Distinct()];
        if (unknown.Length > 0)
        {
            throw new SluiceException(ErrorKind.Usage, $"--mem: no job has `{string.Join("`, or `", unknown)}`", jobs[0].Overrides.Count == 0 ? "the command has no overrides" : $"the first job has: {string.Join(' ', jobs[0].Overrides)}");
        }
    }
}
