namespace Sluice.Sweeps;

/// <summary>The folder that holds <c>.sluice/</c> (cache, ledger, spool) and <c>runs/</c> (results).</summary>
/// <param name="root">The folder.</param>
public sealed class Workspace(string root)
{
    /// <summary>Gets the folder.</summary>
    public string Root { get; } = Path.GetFullPath(root);

    /// <summary>Gets the cache's file, when it is in SQLite.</summary>
    public string CachePath => Path.Combine(Root, ".sluice", "cache.db");

    /// <summary>Gets the cache's folder, when it is in JSONL files.</summary>
    public string CacheFolder => Path.Combine(Root, ".sluice", "cache");

    /// <summary>Gets the folder of answers that wait for a store which is away.</summary>
    public string CacheAwayFolder => Path.Combine(Root, ".sluice", "cache-away");

    /// <summary>Gets the folder of such answers when the workspace itself cannot be written: below the system's folder for temporary files, for this user and workspace alone.</summary>
    public string SecondCacheAwayFolder { get; } = Path.Combine(
        Path.GetTempPath(), $"sluice-{Environment.UserName}-{Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Path.GetFullPath(root))))[..16]}");

    /// <summary>Gets the file that says which store the cache is in; without it the store that has entries is meant, and SQLite when none has.</summary>
    public string CacheRecordPath => Path.Combine(Root, ".sluice", "cache.json");

    /// <summary>Gets the ledger's file.</summary>
    public string LedgerPath => Path.Combine(Root, ".sluice", "ledger.db");

    /// <summary>Gets the folder of batch inputs.</summary>
    public string SpoolFolder => Path.Combine(Root, ".sluice", "spool");

    /// <summary>Gets the folder of the simulator that <c>provider: simulated</c> starts.</summary>
    public string SimulatorFolder => Path.Combine(Root, ".sluice", "simulator");

    /// <summary>Gets the file of what was decided when memory was scarce.</summary>
    public string MemoryLogPath => Path.Combine(Root, ".sluice", "memory.jsonl");

    /// <summary>Makes the folder of what only its owner may read.</summary>
    /// <exception cref="IOException">It cannot be made.</exception>
    /// <exception cref="UnauthorizedAccessException">It may not be made.</exception>
    public void Prepare() => Storage.PrivateFiles.CreateFolder(Path.Combine(Root, ".sluice"));

    /// <summary>Gets this process's umask when it keeps the group out that shares the folder, which others cannot work in then; else null.</summary>
    public string? UmaskAgainstGroup => Storage.PrivateFiles.UmaskAgainstGroup(Root);

    /// <summary>Gets the folder of all results.</summary>
    public string RunsFolder => Path.Combine(Root, "runs");

    /// <summary>Returns the folder of a sweep's results.</summary>
    public string SweepFolder(string sweep) => Path.Combine(RunsFolder, sweep);
}
