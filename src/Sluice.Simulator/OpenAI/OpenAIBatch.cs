using System.Text.Json.Serialization;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.OpenAI;

/// <summary>An OpenAI batch as it is kept on disk.</summary>
internal sealed record OpenAIBatch(string Id, long Sequence) : IStored
{
    public required string InputFileId { get; init; }

    public required string Endpoint { get; init; }

    public string CompletionWindow { get; init; } = "24h";

    public string Status { get; init; } = "validating";

    public string? Model { get; init; }

    public string? OutputFileId { get; init; }

    public string? ErrorFileId { get; init; }

    public long CreatedAt { get; init; }

    public long? InProgressAt { get; init; }

    public long? FinalizingAt { get; init; }

    public long? CompletedAt { get; init; }

    public long? FailedAt { get; init; }

    public long? ExpiredAt { get; init; }

    public long? CancellingAt { get; init; }

    public long? CancelledAt { get; init; }

    public long Total { get; init; }

    public long Completed { get; init; }

    public long Failed { get; init; }

    public long InputTokens { get; init; }

    public long OutputTokens { get; init; }

    /// <summary>Gets the prompt tokens that count against the model's queue until the batch ends.</summary>
    public long EnqueuedTokens { get; init; }

    public long? OutputExpiresAfter { get; init; }

    /// <summary>Gets the client's metadata as the JSON it sent, or null.</summary>
    public string? Metadata { get; init; }

    public BatchError? Error { get; init; }

    /// <summary>Gets when lists begin to have the batch, or null when they always do.</summary>
    public DateTimeOffset? ListedFrom { get; init; }

    /// <summary>Gets the faults chosen at the create, as JSON.</summary>
    public IReadOnlyList<string> Faults { get; init; } = [];

    [JsonIgnore]
    public bool HasEnded => Status is "completed" or "failed" or "expired" or "cancelled";
}
