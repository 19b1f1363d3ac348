using Sluice.Providers;

namespace Sluice.Ledger;

/// <summary>How far a batch has come, from our side. Each step is on disk before the next one begins.</summary>
public enum IntentState
{
    /// <summary>Requests are being claimed and written to the spool; nothing has been sent.</summary>
    Spooling = 0,

    /// <summary>The spool is complete and synced; nothing has been sent, or the provider asked to wait.</summary>
    Sealed = 1,

    /// <summary>The provider has the file, but no batch.</summary>
    Uploaded = 2,

    /// <summary>A create call is under way: there may be a paid batch.</summary>
    Creating = 3,

    /// <summary>The provider's batch id is known.</summary>
    Submitted = 4,

    /// <summary>Every result there is has been taken over.</summary>
    Ingested = 5,

    /// <summary>The provider refused the batch as a whole.</summary>
    Refused = 6,

    /// <summary>A create call's outcome is not known (its answer was lost, or its process died): the provider's list is searched.</summary>
    Unknown = 7,

    /// <summary>The provider's list does not settle it: <c>sluice adopt</c> or <c>sluice resend</c> does.</summary>
    NeedsHuman = 8,
}

/// <summary>The durable record of one batch that was or may have been sent.</summary>
public sealed record Intent
{
    /// <summary>Gets the row number in the ledger.</summary>
    public required long Row { get; init; }

    /// <summary>Gets the id: 20 characters of <c>[a-z2-7]</c>; it begins every custom id of the batch.</summary>
    public required string Id { get; init; }

    /// <summary>Gets how the account is reached.</summary>
    public required ProviderReference Provider { get; init; }

    /// <summary>Gets the account, as <see cref="IProvider.Account"/> tells it.</summary>
    public required string Account { get; init; }

    /// <summary>Gets the account that has made or last shown the batch, when <see cref="Account"/> is another since and has not shown it yet; else null.</summary>
    public string? HomeAccount { get; init; }

    /// <summary>Gets the model of all lines.</summary>
    public required string Model { get; init; }

    /// <summary>Gets the state.</summary>
    public required IntentState State { get; init; }

    /// <summary>Gets the number of lines; 0 while spooling.</summary>
    public int Count { get; init; }

    /// <summary>Gets the spool's size in bytes; 0 while spooling.</summary>
    public long Bytes { get; init; }

    /// <summary>Gets when it was begun.</summary>
    public DateTimeOffset CreatedAt { get; init; }

    /// <summary>Gets when the create call was begun.</summary>
    public DateTimeOffset? CreateStartedAt { get; init; }

    /// <summary>Gets when the answer to the create call was given up, or its process last gave a sign of life.</summary>
    public DateTimeOffset? LostAt { get; init; }

    /// <summary>Gets the uploaded file's id.</summary>
    public string? FileId { get; init; }

    /// <summary>Gets the provider's batch id.</summary>
    public string? BatchId { get; init; }

    /// <summary>Gets the last thing the provider complained about, or null.</summary>
    public string? Note { get; init; }

    /// <summary>Gets tokens used by its responses, once ingested.</summary>
    public Requests.TokenUsage Usage { get; init; }

    /// <summary>Gets the process that works on it.</summary>
    public required string Owner { get; init; }

    /// <summary>Gets the fencing token: each taking over makes it one larger, and a write with an older one changes nothing.</summary>
    public long Fence { get; init; }

    /// <summary>Gets how many create calls were begun.</summary>
    public int Attempt { get; init; }

    /// <summary>Gets whether <see cref="BatchId"/> was found by size and time alone: its results must prove that it is ours.</summary>
    public bool IsProvisional { get; init; }

    /// <summary>Gets whether the batch was taken from the provider's list: another workspace of the same account may have made it.</summary>
    public bool IsAdopted { get; init; }

    /// <summary>Gets whether a lost ledger was made again from its spool: its batch is looked for, and may be any that a manifest names.</summary>
    public bool IsRestored { get; init; }

    /// <summary>Gets how many create calls had a lost answer: each may have left a batch beside this one, also when one was found.</summary>
    public int LostCreates { get; init; }

    /// <summary>Gets how often the results of the ended batch were read and lacked lines.</summary>
    public int Readings { get; init; }

    /// <summary>Gets when the results were first read and lacked lines.</summary>
    public DateTimeOffset? IncompleteSince { get; init; }

    /// <summary>Gets since when what <see cref="Note"/> says has kept the batch from its end; null when nothing does.</summary>
    public DateTimeOffset? TroubleSince { get; init; }

    /// <summary>Gets what the experiments of its requests ask for it; known once it is sealed.</summary>
    public BatchTerms Terms { get; init; } = BatchTerms.Default;

    /// <summary>Gets whether there may be a batch whose id we do not have.</summary>
    public bool IsInDoubt => State is IntentState.Creating or IntentState.Unknown or IntentState.NeedsHuman;

    /// <summary>Gets whether there is still something to do for it.</summary>
    public bool IsOpen => State is not (IntentState.Ingested or IntentState.Refused);
}
