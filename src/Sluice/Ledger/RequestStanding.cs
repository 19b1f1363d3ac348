namespace Sluice.Ledger;

/// <summary>What the ledger knows about a request that the cache cannot answer.</summary>
public enum Standing
{
    /// <summary>It has never been sent, or was released.</summary>
    New,

    /// <summary>It is claimed by an intent: being spooled, sent, or waited for.</summary>
    InFlight,

    /// <summary>A try failed in a way that another try may cure.</summary>
    Retryable,

    /// <summary>It failed for good.</summary>
    Failed,
}

/// <summary>A request's standing.</summary>
/// <param name="Standing">The standing.</param>
/// <param name="Holder">What it waits for, when in flight: the row of an intent, or a live call; else 0.</param>
/// <param name="Attempts">How many tries have failed.</param>
/// <param name="Error">The last error, or null.</param>
public readonly record struct RequestStanding(Standing Standing, long Holder, int Attempts, string? Error)
{
    /// <summary>Gets whether this is known of the key that an earlier version gave the request.</summary>
    public bool IsLegacy { get; init; }

    /// <summary>Gets whether it failed since this command began (<see cref="LedgerStore.BeginCommand"/>): a retry of failed requests is meant for earlier ones.</summary>
    public bool IsOfThisCommand { get; init; }

    /// <summary>Tells whether the request counts as failed and is not sent.</summary>
    /// <param name="retryFailed">Whether requests that failed in earlier commands are sent again.</param>
    public bool StaysFailed(bool retryFailed) => Standing == Standing.Failed && (!retryFailed || IsOfThisCommand);

    /// <summary>Stands for "it failed for good" where a holder is told.</summary>
    public const long FailedForGood = -1;

    /// <summary>Tells whether a holder is a process that makes a live call, rather than an intent.</summary>
    public static bool IsLive(long holder) => holder < FailedForGood;
}

/// <summary>How a try of a request ended when it gave no response.</summary>
/// <param name="Key">The request.</param>
/// <param name="Error">What went wrong.</param>
/// <param name="IsFinal">Whether no further try is to be made.</param>
/// <param name="Counts">Whether it counts as one of the request's tries; not when the account was to blame.</param>
public readonly record struct FailedTry(Requests.RequestKey Key, string Error, bool IsFinal, bool Counts = true);
