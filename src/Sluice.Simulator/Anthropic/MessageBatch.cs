using System.Text.Json.Serialization;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Anthropic;

/// <summary>An Anthropic batch as it is kept on disk.</summary>
internal sealed record MessageBatch(string Id, long Sequence) : IStored
{
    public string Status { get; init; } = "in_progress";

    public DateTimeOffset CreatedAt { get; init; }

    public DateTimeOffset? EndedAt { get; init; }

    public DateTimeOffset? CancelInitiatedAt { get; init; }

    public long Total { get; init; }

    public long Succeeded { get; init; }

    public long Errored { get; init; }

    public long Canceled { get; init; }

    public long Expired { get; init; }

    /// <summary>Gets when lists begin to have the batch, or null when they always do.</summary>
    public DateTimeOffset? ListedFrom { get; init; }

    /// <summary>Gets the faults chosen at the create, as JSON.</summary>
    public IReadOnlyList<string> Faults { get; init; } = [];

    [JsonIgnore]
    public bool HasEnded => Status == "ended";
}
