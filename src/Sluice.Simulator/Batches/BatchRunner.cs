using System.Collections.Concurrent;
using Sluice.Simulator.Statistics;

namespace Sluice.Simulator.Batches;

/// <summary>Runs batches in the background: any number may wait, only a few work at the same time, none has a thread.</summary>
internal sealed class BatchRunner(int concurrency, TimeProvider time, StatsCounters stats) : IAsyncDisposable
{
    private readonly CancellationTokenSource _shutdown = new();
    private readonly SemaphoreSlim _gate = new(concurrency);
    private readonly ConcurrentDictionary<string, Task> _running = [];
    private readonly ConcurrentDictionary<string, BatchRuntime> _runtimes = [];

    public BatchRuntime RuntimeOf(string id, IReadOnlyList<string> faults) =>
        _runtimes.GetOrAdd(id, static (_, raw) => new BatchRuntime(raw), faults);

    /// <summary>Starts a batch's life; it must end by itself or when the token is cancelled.</summary>
    public void Start(string id, Func<CancellationToken, Task> live)
    {
        var task = WatchAsync(id, live);
        _running.TryAdd(id, task);
        if (task.IsCompleted)
        {
            _running.TryRemove(id, out _);
        }
    }

    /// <summary>Does one piece of a batch's work when there is room for it.</summary>
    public async Task<T> WorkAsync<T>(Func<Task<T>> work, CancellationToken cancellationToken)
    {
        await _gate.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            // Leave the caller's thread, which may be the one that answers the create.
            return await Task.Run(work, cancellationToken).ConfigureAwait(false);
        }
        finally
        {
            _gate.Release();
        }
    }

    /// <summary>Waits until a time, or until the client cancels the batch.</summary>
    public async Task WaitAsync(TimeSpan duration, BatchRuntime runtime, CancellationToken cancellationToken)
    {
        if (duration <= TimeSpan.Zero)
        {
            return;
        }

        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, runtime.Cancelled);
        try
        {
            await Task.Delay(duration, time, either.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The client cancelled: go on at once, the caller looks at the batch's status.
        }
    }

    public async ValueTask DisposeAsync()
    {
        await _shutdown.CancelAsync().ConfigureAwait(false);
        await Task.WhenAll(_running.Values).ConfigureAwait(false);
        foreach (var runtime in _runtimes.Values)
        {
            runtime.Dispose();
        }

        _gate.Dispose();
        _shutdown.Dispose();
    }

    private async Task WatchAsync(string id, Func<CancellationToken, Task> live)
    {
        try
        {
            await live(_shutdown.Token).ConfigureAwait(false);
        }
        catch (OperationCanceledException) when (_shutdown.IsCancellationRequested)
        {
            // The server stops; the batch goes on when it is started again on the same folder.
        }
#pragma warning disable CA1031 // Nobody awaits a batch: its error must show in the statistics or nowhere.
        catch (Exception error)
#pragma warning restore CA1031
        {
            stats.InternalError(error);
        }
        finally
        {
            _running.TryRemove(id, out _);
        }
    }
}
