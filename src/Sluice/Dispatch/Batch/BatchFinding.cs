using Sluice.Providers;

namespace Sluice.Dispatch.Batch;

/// <summary>What a search for the batch of a lost create call has brought.</summary>
internal abstract record BatchFinding
{
    /// <summary>There it is.</summary>
    /// <param name="Batch">The batch.</param>
    /// <param name="IsProvisional">Whether only its size and time speak for it.</param>
    public sealed record Found(BatchInfo Batch, bool IsProvisional) : BatchFinding;

    /// <summary>The list has been quiet for long enough: there is no such batch.</summary>
    public sealed record None : BatchFinding;

    /// <summary>It cannot be told yet.</summary>
    /// <param name="Note">Why, for <c>status</c>.</param>
    /// <param name="NeedsHuman">Whether people can tell.</param>
    /// <param name="RetryAfter">What the provider asks for.</param>
    /// <param name="IsBlind">Whether the list could not be read, so that people may know more.</param>
    public sealed record Undecided(string Note, bool NeedsHuman, TimeSpan? RetryAfter = null, bool IsBlind = false) : BatchFinding;
}
