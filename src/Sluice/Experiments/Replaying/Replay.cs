using Sluice.Caching;
using Sluice.Datasets;
using Sluice.Dispatch;
using Sluice.Results;

namespace Sluice.Experiments.Replaying;

/// <summary>
/// Streams an experiment's dataset and advances each sample as far as the cache's answers go; what is missing goes to the dispatcher.
/// Resume, retry and sharing between experiments are all this one operation, done again.
/// </summary>
/// <param name="plan">The experiment.</param>
/// <param name="cache">Where answers are looked for.</param>
/// <param name="dispatcher">What takes the requests that the cache cannot answer.</param>
/// <param name="tally">Counts on behalf of the experiment.</param>
/// <param name="trail">What the replay before has asked: other requests on the same answers and records are a mistake. Null to ask whatever comes.</param>
/// <param name="before">The results that the new ones replace, or null: what is finished there is not replaced by what is pending now.</param>
internal sealed class Replay(ExperimentPlan plan, IResponseCache cache, IDispatcher dispatcher, DispatchTally tally, ReplayTrail? trail = null, FinishedLines? before = null)
{
    private const int ChunkSize = 64;
    private const int ChunkBytes = 1024 * 1024;

    /// <summary>Runs through the whole dataset once.</summary>
    /// <param name="results">Where result lines go, in dataset order; null for none.</param>
    /// <param name="progress">Told the number of samples seen so far, now and then.</param>
    /// <param name="cancellationToken">Ends the replay; what has been handed to the dispatcher stays.</param>
    public async Task<ReplaySummary> RunAsync(Stream? results, Action<long>? progress, CancellationToken cancellationToken)
    {
        var summary = new ReplaySummary(plan);
        var stats = new DatasetReadStats();
        var chunks = new ChunkReplay(plan, cache, dispatcher, tally, trail);
        long started = 0;
        trail?.Begin();
        // A bounded window of chunks, finished in order: enough to keep every core, or every live connection, busy.
        var window = new Queue<Task<ChunkResult>>();
        var width = Math.Max(Environment.ProcessorCount + 1, (4 * dispatcher.SamplesInFlight(tally) / ChunkSize) + 1);
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            var chunk = new List<DatasetRecord>(ChunkSize);
            var bytes = 0;
            await foreach (var record in DatasetReader.ReadAsync(plan.Experiment.Dataset, stats, stop.Token).ConfigureAwait(false))
            {
                chunk.Add(record);
                bytes += record.Json.Length;
                if (chunk.Count * plan.Experiment.Epochs >= ChunkSize || bytes > ChunkBytes)
                {
                    await RoomAsync().ConfigureAwait(false);
                    Start(chunk);
                    chunk = new List<DatasetRecord>(ChunkSize);
                    bytes = 0;
                    if (window.Count >= width)
                    {
                        await TakeAsync().ConfigureAwait(false);
                    }
                }
            }

            if (chunk.Count > 0)
            {
                await RoomAsync().ConfigureAwait(false);
                Start(chunk);
            }

            while (window.Count > 0)
            {
                await TakeAsync().ConfigureAwait(false);
            }
        }
        catch
        {
            // The first error ends the replay; the chunks still under way are waited for, so that nothing runs on behind it.
            await stop.CancelAsync().ConfigureAwait(false);
            await ((Task)Task.WhenAll(window)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }

        summary.SkippedRecords = stats.Skipped;
        trail?.Complete(started);
        return summary;

        void Start(IReadOnlyList<DatasetRecord> records)
        {
            var first = started;
            window.Enqueue(Task.Run(() => chunks.RunAsync(records, first, stop.Token), stop.Token));
            started += (long)records.Count * plan.Experiment.Epochs;
        }

        // While memory is scarce the window is smaller, or nothing new begins; what is under way is finished.
        async ValueTask RoomAsync()
        {
            while (window.Count > 0 && window.Count >= dispatcher.Intake.Of(width))
            {
                await TakeAsync().ConfigureAwait(false);
            }

            await dispatcher.Intake.WaitAsync(stop.Token).ConfigureAwait(false);
        }

        async Task TakeAsync()
        {
            using var result = await window.Dequeue().ConfigureAwait(false);
            summary.Hits += result.Hits;
            foreach (var sample in result.Samples)
            {
                summary.Add(sample);
            }

            if (results is not null)
            {
                await WriteAsync(result, results).ConfigureAwait(false);
            }

            progress?.Invoke(summary.Samples);
        }

        async ValueTask WriteAsync(ChunkResult result, Stream lines)
        {
            var rest = result.Lines.WrittenMemory;
            if (before is null || result.Samples.All(s => s.Status != SampleStatus.Pending))
            {
                before?.Pass(result.Samples.Count);
                await lines.WriteAsync(rest, stop.Token).ConfigureAwait(false);
                return;
            }

            foreach (var sample in result.Samples)
            {
                var line = rest[..(rest.Span.IndexOf((byte)'\n') + 1)];
                rest = rest[line.Length..];
                if (sample.Status != SampleStatus.Pending)
                {
                    before.Pass(1);
                }
                else if (await before.FindAsync(sample, stop.Token).ConfigureAwait(false) is { } finished)
                {
                    line = finished;
                    summary.Kept++;
                }

                await lines.WriteAsync(line, stop.Token).ConfigureAwait(false);
            }
        }
    }
}
