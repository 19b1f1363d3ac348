using System.Runtime.ExceptionServices;

namespace Sluice.Dispatch;

/// <summary>Runs pieces of work side by side and waits for all of them, however one of them ends: what was started may be paid for.</summary>
/// <remarks>The first error cancels the other pieces, and is thrown when all of them have ended.</remarks>
internal static class TaskGroup
{
    /// <summary>Runs until every piece has ended.</summary>
    /// <param name="works">The pieces; each is given a token that is cancelled with the group.</param>
    /// <param name="cancellationToken">Cancels the group.</param>
    public static Task RunAsync(IReadOnlyList<Func<CancellationToken, Task>> works, CancellationToken cancellationToken) => RunAsync(null, works, cancellationToken);

    /// <summary>Runs until the main piece has ended; then the others are cancelled and waited for.</summary>
    /// <param name="main">What the others are for; null when the group ends with the last of them.</param>
    /// <param name="others">Pieces that serve it.</param>
    /// <param name="cancellationToken">Cancels the group.</param>
    public static async Task RunAsync(Func<CancellationToken, Task>? main, IReadOnlyList<Func<CancellationToken, Task>> others, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Exception? first = null;
        var isDone = false;
        List<Task> running = [.. others.Select(work => WatchAsync(work, isMain: false))];
        if (main is not null)
        {
            running.Add(WatchAsync(main, isMain: true));
        }

        await Task.WhenAll(running).ConfigureAwait(false);
        if (first is not null)
        {
            ExceptionDispatchInfo.Throw(first);
        }

        if (!isDone)
        {
            cancellationToken.ThrowIfCancellationRequested();
        }

        async Task WatchAsync(Func<CancellationToken, Task> work, bool isMain)
        {
            try
            {
                await work(stop.Token).ConfigureAwait(false);
                if (isMain)
                {
                    isDone = true;
                    await stop.CancelAsync().ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested)
            {
                // As asked; whoever asked knows why.
            }
            catch (Exception error)
            {
                Interlocked.CompareExchange(ref first, error, null);
                await stop.CancelAsync().ConfigureAwait(false);
            }
        }
    }
}
