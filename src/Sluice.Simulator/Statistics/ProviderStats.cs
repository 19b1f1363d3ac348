namespace Sluice.Simulator;

/// <summary>What a simulator has done in the name of one provider.</summary>
public sealed record ProviderStats
{
    /// <summary>Gets the files stored: uploads and result files.</summary>
    public long Files { get; init; }

    /// <summary>Gets the bytes of uploaded files and of batches created inline.</summary>
    public long BytesUploaded { get; init; }

    /// <summary>Gets the bytes of files and results sent.</summary>
    public long BytesDownloaded { get; init; }

    /// <summary>Gets the batches created.</summary>
    public long BatchesCreated { get; init; }

    /// <summary>Gets the batches that came to an end of any kind.</summary>
    public long BatchesEnded { get; init; }

    /// <summary>Gets the batch lines executed, answered or not.</summary>
    public long LinesExecuted { get; init; }

    /// <summary>Gets how many different bodies were answered, live or in a batch, or null past the limit.</summary>
    public long? DistinctBodies { get; init; }

    /// <summary>Gets how many answers were given to a body already answered before, or null past the limit.</summary>
    public long? RepeatedBodies { get; init; }

    /// <summary>Gets the live model calls.</summary>
    public long LiveCalls { get; init; }

    /// <summary>Gets the HTTP requests by operation, refused ones too.</summary>
    public IReadOnlyDictionary<string, long> HttpRequests { get; init; } = new Dictionary<string, long>();

    /// <summary>Gets the faults injected.</summary>
    public long FaultsInjected { get; init; }
}
