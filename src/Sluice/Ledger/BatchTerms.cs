namespace Sluice.Ledger;

/// <summary>What experiments ask for the batches that hold their requests. A batch keeps what all of its experiments ask together.</summary>
public sealed record BatchTerms
{
    /// <summary>Gets the terms of an experiment that asks for nothing.</summary>
    public static BatchTerms Default { get; } = new();

    /// <summary>Gets how long a batch may stay away from the provider's list, after its create call's answer was lost, before it is made again: the longest time asked for, or null when none is.</summary>
    public TimeSpan? LostAfter { get; init; }

    /// <summary>Gets whether an experiment leaves that to the provider's usual time, which then holds when it is longer.</summary>
    public bool HasUsualWait { get; init; } = true;

    /// <summary>Gets whether an experiment wants the files at the provider deleted once their answers are taken over.</summary>
    public bool DeletesFiles { get; init; }

    /// <summary>Gets the most tries of one request: the most that is asked for.</summary>
    public int MaxAttempts { get; init; } = 3;

    /// <summary>Makes the terms of one experiment.</summary>
    /// <param name="lostAfter">How long a lost batch is looked for; null for the provider's usual time.</param>
    /// <param name="deletesFiles">Whether files at the provider are deleted.</param>
    /// <param name="maxAttempts">The most tries of one request.</param>
    public static BatchTerms Of(TimeSpan? lostAfter, bool deletesFiles, int maxAttempts = 3) =>
        new() { LostAfter = lostAfter, HasUsualWait = lostAfter is null, DeletesFiles = deletesFiles, MaxAttempts = maxAttempts };

    /// <summary>Returns the terms that satisfy these and others: the longest wait, the most tries, and files deleted when one of both asks for it.</summary>
    public BatchTerms With(BatchTerms other)
    {
        ArgumentNullException.ThrowIfNull(other);
        return new()
        {
            LostAfter = LostAfter is null || other.LostAfter > LostAfter ? other.LostAfter : LostAfter,
            HasUsualWait = HasUsualWait || other.HasUsualWait,
            DeletesFiles = DeletesFiles || other.DeletesFiles,
            MaxAttempts = Math.Max(MaxAttempts, other.MaxAttempts),
        };
    }

    /// <summary>Returns how long a lost batch is looked for at a provider whose usual time is given.</summary>
    public TimeSpan Wait(TimeSpan usual) => LostAfter is { } asked && (!HasUsualWait || asked > usual) ? asked : usual;
}
