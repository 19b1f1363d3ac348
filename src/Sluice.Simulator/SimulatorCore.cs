using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Anthropic;
using Sluice.Simulator.Batches;
using Sluice.Simulator.Faults;
using Sluice.Simulator.Http;
using Sluice.Simulator.OpenAI;
using Sluice.Simulator.Statistics;

namespace Sluice.Simulator;

/// <summary>What the handlers and the background work share.</summary>
internal sealed class SimulatorCore : IAsyncDisposable
{
    private readonly Recordings? _recordings;

    private SimulatorCore(SimulatorOptions options, Recordings? recordings)
    {
        _recordings = recordings;
        Options = options;
        Stats = new StatsCounters(options.Limits.DistinctBodies);
        Faults = new FaultEngine(options.Faults, Stats);
        Answers = new AnswerText(recordings, options.OnMissing);
        Runner = new BatchRunner(Math.Max(1, options.ConcurrentBatches), options.TimeProvider, Stats);
        OpenAI = new OpenAIStore(options.Folder);
        Anthropic = new AnthropicStore(options.Folder);
        OpenAIRate = new RateGate(options.RequestsPerSecond, options.TimeProvider);
        AnthropicRate = new RateGate(options.RequestsPerSecond, options.TimeProvider);
    }

    public SimulatorOptions Options { get; }

    public StatsCounters Stats { get; }

    public FaultEngine Faults { get; }

    public AnswerText Answers { get; }

    public BatchRunner Runner { get; }

    public OpenAIStore OpenAI { get; }

    public AnthropicStore Anthropic { get; }

    public RateGate OpenAIRate { get; }

    public RateGate AnthropicRate { get; }

    /// <summary>Held while a batch is let into a model's queue, so that two cannot take the same room.</summary>
    public Lock EnqueueLock { get; } = new();

    public static async Task<SimulatorCore> OpenAsync(SimulatorOptions options, CancellationToken cancellationToken)
    {
        var recordings = options.RecordingsPath is { } path
            ? await Recordings.OpenAsync(path, cancellationToken).ConfigureAwait(false)
            : null;
        return new SimulatorCore(options, recordings);
    }

    /// <summary>Goes on with the batches that had not ended when the simulator last stopped.</summary>
    public void Resume()
    {
        foreach (var batch in OpenAI.Batches.List(null, int.MaxValue, newestFirst: false, batch => !batch.HasEnded).Items)
        {
            Start(batch);
        }

        foreach (var batch in Anthropic.Batches.List(null, int.MaxValue, newestFirst: false, batch => !batch.HasEnded).Items)
        {
            Start(batch);
        }
    }

    /// <summary>Returns all batches of both providers, oldest first.</summary>
    public List<SimulatedBatch> Batches() =>
    [
        .. OpenAI.Batches.List(null, int.MaxValue, newestFirst: false).Items.Select(b => new SimulatedBatch(b.Id, FirstCustomId(OpenAI.ContentPath(b.InputFileId)), b.Status == "failed")),
        .. Anthropic.Batches.List(null, int.MaxValue, newestFirst: false).Items.Select(b => new SimulatedBatch(b.Id, FirstCustomId(Anthropic.RequestsPath(b.Id)), HasFailed: false)),
    ];

    public void Start(OpenAIBatch batch) => Runner.Start(batch.Id, new OpenAIBatchJob(this, batch.Id).RunAsync);

    public void Start(MessageBatch batch) => Runner.Start(batch.Id, new AnthropicBatchJob(this, batch.Id).RunAsync);

    private static string? FirstCustomId(string path)
    {
        try
        {
            using var line = JsonDocument.Parse(File.ReadLines(path).First());
            return line.RootElement.GetProperty("custom_id").GetString();
        }
        catch (Exception error) when (error is IOException or JsonException or InvalidOperationException or KeyNotFoundException)
        {
            return null;
        }
    }

    public async ValueTask DisposeAsync()
    {
        await Runner.DisposeAsync().ConfigureAwait(false);
        _recordings?.Dispose();
    }
}
