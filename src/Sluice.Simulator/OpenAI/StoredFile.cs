using Sluice.Simulator.Storage;

namespace Sluice.Simulator.OpenAI;

/// <summary>What is kept of a file besides its bytes.</summary>
internal sealed record StoredFile(string Id, long Sequence) : IStored
{
    public required string Filename { get; init; }

    public required string Purpose { get; init; }

    public long Bytes { get; init; }

    public long CreatedAt { get; init; }

    public long? ExpiresAt { get; init; }
}
