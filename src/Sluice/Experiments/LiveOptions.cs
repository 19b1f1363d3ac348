namespace Sluice.Experiments;

/// <summary>Limits for live calls.</summary>
public sealed record LiveOptions
{
    /// <summary>Gets the most calls under way at once per provider account.</summary>
    public int Concurrency { get; init; } = 32;

    /// <summary>Gets the most tries of one request before it counts as failed.</summary>
    public int MaxAttempts { get; init; } = 6;

    /// <summary>Gets how long one call may take, in seconds.</summary>
    public double TimeoutSeconds { get; init; } = 600;

    /// <summary>Gets how often a call whose outcome is not known is made again: after a time-out, a lost connection, an answer that cannot be read.</summary>
    public int ResendUnknown { get; init; } = 1;

    /// <summary>Gets after how many first answers of a step and model that are all the same permanent failure no more of it is sent; 0 for never.</summary>
    public int StopAfter { get; init; } = 20;

    /// <summary>Gets how long calls wait, in seconds, for an address where nobody answers, before the command ends.</summary>
    public double UnreachableSeconds { get; init; } = 600;
}

/// <summary>Limits for batches.</summary>
public sealed record BatchOptions
{
    /// <summary>Gets the most requests in one batch, or null for the provider's own limit.</summary>
    public int? MaxRequests { get; init; }

    /// <summary>Gets the most bytes in one batch, or null for the provider's own limit.</summary>
    public long? MaxBytes { get; init; }

    /// <summary>Gets the most tries of one request before it counts as failed.</summary>
    public int MaxAttempts { get; init; } = 3;

    /// <summary>Gets after how many seconds a batch whose create call's answer was lost, and which the provider does not list, is made again; null for three minutes (three seconds at the simulator).</summary>
    public double? LostAfterSeconds { get; init; }

    /// <summary>Gets whether the uploaded and the result files of a batch are deleted at the provider once its answers are taken over.</summary>
    public bool DeleteFiles { get; init; }
}
