using Sluice.Ledger;
using Sluice.Providers;

namespace Sluice.Dispatch;

/// <summary>Something that people who watch a run want to know.</summary>
public abstract record DispatchEvent;

/// <summary>A batch has come a step further.</summary>
/// <param name="Intent">Our side of it.</param>
/// <param name="Info">What the provider says, if it was asked.</param>
public sealed record BatchChanged(Intent Intent, BatchInfo? Info) : DispatchEvent;

/// <summary>A batch is over: its results are in the cache, or it was refused.</summary>
/// <param name="Intent">Our side of it.</param>
/// <param name="Report">What was found in the results.</param>
public sealed record BatchSettled(Intent Intent, IngestReport Report) : DispatchEvent;

/// <summary>A remark, e.g. why the tool waits.</summary>
/// <param name="Text">One sentence.</param>
public sealed record Remark(string Text) : DispatchEvent;

/// <summary>A live call was answered or failed for good.</summary>
/// <param name="Usage">Tokens used; zero for a failure.</param>
/// <param name="Route">Where it went.</param>
/// <param name="Failed">Whether it failed.</param>
public sealed record LiveSettled(Requests.Route Route, Requests.TokenUsage Usage, bool Failed) : DispatchEvent;

/// <summary>A live call has ended without a known outcome: it may have been carried out, and be paid for.</summary>
/// <param name="Route">Where it went.</param>
/// <param name="Estimate">The tokens that it may have cost.</param>
public sealed record LiveUnknown(Requests.Route Route, Requests.TokenUsage Estimate) : DispatchEvent;

/// <summary>What was found in a batch's results.</summary>
public sealed record IngestReport
{
    /// <summary>Gets the responses in the result files, each request counted once.</summary>
    public int Responses { get; init; }

    /// <summary>Gets lines that failed and will be tried again.</summary>
    public int Retryable { get; init; }

    /// <summary>Gets lines that failed for good.</summary>
    public int Failed { get; init; }

    /// <summary>Gets requests for which there was no line.</summary>
    public int Missing { get; init; }

    /// <summary>Gets lines that answer none of the batch's requests, or that could not be read.</summary>
    public int Surplus { get; init; }

    /// <summary>Gets whether every request had a line, and no line was strange.</summary>
    internal bool HasEveryLine { get; init; }

    /// <summary>Gets lines that say again what another line of the batch says; they count nowhere else.</summary>
    public int Doubled { get; init; }

    /// <summary>Gets whether there are lines, and all of them answer requests of other batches.</summary>
    public bool IsForeign { get; init; }

    /// <summary>Gets tokens used.</summary>
    public Requests.TokenUsage Usage { get; init; }

    /// <summary>Gets one of the errors, as an example.</summary>
    public string? FirstError { get; init; }

    /// <summary>Gets how often the cache's store had been away before the first answer was put.</summary>
    internal long Interruptions { get; init; }

    /// <summary>Gets the failure of every line, when all lines failed permanently in the same way; else null.</summary>
    public RequestError? OnlyFailure { get; init; }

    /// <summary>Gets what a line says about an account without credit; null when none does.</summary>
    public RequestError? Spent { get; init; }
}
