namespace Sluice.Simulator;

/// <summary>The sizes at which a simulator refuses a file or a batch; the defaults are the providers' own.</summary>
public sealed record SimulatorLimits
{
    /// <summary>Gets the most lines in one OpenAI batch.</summary>
    public int OpenAIRequestsPerBatch { get; init; } = 50_000;

    /// <summary>Gets the most bytes in one OpenAI batch input file.</summary>
    public long OpenAIBytesPerBatch { get; init; } = 200L * 1024 * 1024;

    /// <summary>Gets the most bytes in any OpenAI file.</summary>
    public long OpenAIBytesPerFile { get; init; } = 512L * 1024 * 1024;

    /// <summary>Gets how many prompt tokens of unfinished OpenAI batches one model may have, or null for no limit.</summary>
    public long? OpenAIEnqueuedTokensPerModel { get; init; }

    /// <summary>Gets the most requests in one Anthropic batch.</summary>
    public int AnthropicRequestsPerBatch { get; init; } = 100_000;

    /// <summary>Gets the most bytes in one Anthropic create call.</summary>
    public long AnthropicBytesPerBatch { get; init; } = 256L * 1024 * 1024;

    /// <summary>Gets the most bytes in the body of a live call.</summary>
    public int LiveBytes { get; init; } = 32 * 1024 * 1024;

    /// <summary>Gets how many different request bodies the statistics tell apart, about 12 bytes of memory each.</summary>
    /// <remarks>Past it, distinct and repeated bodies are reported as null.</remarks>
    public int DistinctBodies { get; init; } = 3_000_000;
}
