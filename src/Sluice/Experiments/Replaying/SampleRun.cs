using System.Text.Json;
using Sluice.Datasets;
using Sluice.Requests;

namespace Sluice.Experiments.Replaying;

/// <summary>Where a sample stands at the end of a replay.</summary>
internal enum SampleStatus
{
    /// <summary>An answer is still missing.</summary>
    Pending,

    /// <summary>Every step is answered and scored.</summary>
    Done,

    /// <summary>A step failed for good.</summary>
    Failed,
}

/// <summary>One sample and epoch on its way through the steps. Lives only while its chunk is replayed.</summary>
internal sealed class SampleRun(DatasetRecord record, JsonDocument sample, int epoch, int steps, int scores)
{
    public DatasetRecord Record => record;

    public JsonElement Sample => sample.RootElement;

    public int Epoch => epoch;

    /// <summary>Gets the answers so far, by step.</summary>
    public Response?[] Answers { get; } = new Response?[steps];

    /// <summary>Gets the keys so far, by step.</summary>
    public RequestKey[] Keys { get; } = new RequestKey[steps];

    /// <summary>Gets whether each answer was made at batch price.</summary>
    public bool[] IsBatch { get; } = new bool[steps];

    /// <summary>Gets or sets its entry in the trail of replays; empty when none is kept.</summary>
    public Memory<byte> Trail { get; set; }

    /// <summary>Gets or sets its entry of the replay before; empty when there is none.</summary>
    public ReadOnlyMemory<byte> TrailBefore { get; set; }

    /// <summary>Gets the scores, once done.</summary>
    public double[] Scores { get; } = new double[scores];

    /// <summary>Gets or sets how many steps are answered.</summary>
    public int Answered { get; set; }

    /// <summary>Gets or sets where it stands.</summary>
    public SampleStatus Status { get; set; }

    /// <summary>Gets or sets why it failed.</summary>
    public string? Error { get; set; }
}
