namespace Sluice.Testing;

/// <summary>An answer that was seen in a cache.</summary>
/// <param name="Request">The request's key.</param>
/// <param name="Hash">A hash of the body.</param>
public readonly record struct Answer(string Request, string Hash);

/// <summary>A batch that a provider has.</summary>
/// <param name="Id">The provider's id.</param>
/// <param name="Intent">The intent it was made for, or null when nothing tells.</param>
/// <param name="IsRefused">Whether the provider refused it as a whole: it may be made again.</param>
public sealed record ProviderBatch(string Id, string? Intent, bool IsRefused = false);

/// <summary>What is known of a workspace and its provider after a finished run, for <see cref="Invariants"/>. What is not given is not checked.</summary>
public sealed record Facts
{
    /// <summary>Gets the answers seen in the cache at earlier moments, of all of them together.</summary>
    public IReadOnlyCollection<Answer> Before { get; init; } = [];

    /// <summary>Gets the answers in the cache at the end; a request that has two is listed twice.</summary>
    public IReadOnlyCollection<Answer> After { get; init; } = [];

    /// <summary>Gets the requests of which the ledger says that they have failed for good.</summary>
    public IReadOnlyCollection<string> Failed { get; init; } = [];

    /// <summary>Gets the lines of all results by what they are about, e.g. <c>one/s7#0</c>; a sample that has two is listed twice.</summary>
    public IReadOnlyCollection<string> Finished { get; init; } = [];

    /// <summary>Gets the requests that have to be settled at the end.</summary>
    public IReadOnlyCollection<string> Expected { get; init; } = [];

    /// <summary>Gets the number of different requests.</summary>
    public long? UniqueRequests { get; init; }

    /// <summary>Gets how many answers the provider has made, and would bill.</summary>
    public long? Executions { get; init; }

    /// <summary>Gets how often the provider executed single requests, as far as that is known.</summary>
    public IReadOnlyDictionary<string, int> ExecutionsByRequest { get; init; } = new Dictionary<string, int>();

    /// <summary>Gets how many executions more than one per request the documentation allows for what has happened.</summary>
    public long DocumentedRetries { get; init; }

    /// <summary>Gets the provider's batches.</summary>
    public IReadOnlyCollection<ProviderBatch> Batches { get; init; } = [];

    /// <summary>Gets the batches that the program has called made twice.</summary>
    public IReadOnlyCollection<string> ReportedTwins { get; init; } = [];

    /// <summary>Gets the results by experiment.</summary>
    public IReadOnlyDictionary<string, string> Results { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets the results of an undisturbed run by experiment.</summary>
    public IReadOnlyDictionary<string, string> Undisturbed { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets the folder whose files are searched for secrets, or null.</summary>
    public string? Folder { get; init; }

    /// <summary>Gets what the program has said, by where.</summary>
    public IReadOnlyDictionary<string, string> Texts { get; init; } = new Dictionary<string, string>();

    /// <summary>Gets what must be in no file and no text.</summary>
    public IReadOnlyCollection<string> Secrets { get; init; } = [];

    /// <summary>Gets the files that only a run under way may have.</summary>
    public IReadOnlyCollection<string> LeftFiles { get; init; } = [];

    /// <summary>Gets what is left in the ledger that only a run under way may have: leases, claims, open intents.</summary>
    public IReadOnlyCollection<string> LeftEntries { get; init; } = [];

    /// <summary>Gets the processes that were started and still live.</summary>
    public IReadOnlyCollection<string> LeftProcesses { get; init; } = [];

    /// <summary>Gets the highest memory seen, in bytes.</summary>
    public long? PeakMemory { get; init; }

    /// <summary>Gets the memory limit, in bytes.</summary>
    public long? MemoryLimit { get; init; }
}
