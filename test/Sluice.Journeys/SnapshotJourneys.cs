using Sluice.Caching;
using Sluice.Requests;
using Sluice.Simulator;
using Sluice.Sweeps;

namespace Sluice.Journeys;

/// <summary>What is shown of a live experiment before its end never replaces what is there at the end.</summary>
public sealed class SnapshotJourneys : Journey
{
    [Fact]
    public async Task A_snapshot_that_is_under_way_at_the_end_does_not_replace_the_finished_results()
    {
        const int Samples = 3;
        await ProviderAsync(options: new SimulatorOptions { Folder = Path.Combine(Folder, "provider"), LiveLatency = TimeSpan.FromSeconds(2) });
        LateReader? reader = null;
        InProcessSweep? sweep = null;
        sweep = new InProcessSweep(Path.Combine(Folder, "workspace"), Simulator.Address, new HastyClock(60))
        {
            // Whoever reads while all calls are under way reads for a snapshot.
            Before = cache => reader = new LateReader(cache, () => OpenAI.LiveCalls == Samples, () => Done(sweep!)),
            Watch = seen =>
            {
                if (seen is ExperimentReplayed && !reader!.HasEnded)
                {
                    // The finished results are there, and the snapshot has still to be written.
                    reader.LetGo();
                    SpinWait.SpinUntil(() => sweep!.Results.Contains("pending", StringComparison.Ordinal), TimeSpan.FromSeconds(10));
                }
            },
        };
        Dataset(Samples, "workspace/data.jsonl");
        Config(more: "batch_mode: false");
        sweep.Write("configs/one.yaml", await File.ReadAllTextAsync(Path.Combine(Folder, "configs/one.yaml"), Cancel));

        var result = await sweep.RunAsync(Cancel);

        Assert.Equal(SweepState.Done, result.State);
        Assert.True(reader!.HasRead, "there was no snapshot");
        Assert.Equal(Samples, Done(sweep));
        // One that is on its way to the disk cannot be ended any more: the finished results must come after it.
        Assert.Equal(0, reader.DoneAtEnd);
    }

    private static int Done(InProcessSweep sweep) => File.Exists(sweep.ResultsPath) ? sweep.Results.Split("\"done\"").Length - 1 : 0;

    /// <summary>Gives one reader its answers only when it is let go.</summary>
    private sealed class LateReader(IResponseCache inner, Func<bool> isLate, Func<int> done) : CacheInFront(inner)
    {
        private readonly TaskCompletionSource _go = new(TaskCreationOptions.RunContinuationsAsynchronously);
        private int _readers;

        public bool HasRead => _readers > 0;

        public bool HasEnded { get; private set; }

        /// <summary>Gets how many results were done when it was asked to end.</summary>
        public int DoneAtEnd { get; private set; }

        public void LetGo() => _go.TrySetResult();

        public override async ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default)
        {
            var isOurs = isLate() && Interlocked.Increment(ref _readers) == 1;
            await base.GetAsync(keys, responses, notBefore, cancellationToken);
            if (isOurs)
            {
                try
                {
                    await _go.Task.WaitAsync(cancellationToken);
                }
                catch (OperationCanceledException)
                {
                    DoneAtEnd = done();
                    HasEnded = true;
                    throw;
                }
            }
        }
    }
}
