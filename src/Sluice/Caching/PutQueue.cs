using System.Threading.Channels;
using Sluice.Storage;

namespace Sluice.Caching;

/// <summary>Gathers the puts of many callers into groups that one writer stores together: a group costs little more than a single entry.</summary>
/// <typeparam name="TRow">What the writer stores.</typeparam>
internal sealed class PutQueue<TRow> : IAsyncDisposable
{
    private const int MaxGroupRows = 8192;
    private const long MaxGroupBytes = 16 * 1024 * 1024;

    private readonly Channel<Put> _puts = Channel.CreateBounded<Put>(new BoundedChannelOptions(64) { SingleReader = true });
    private readonly IGroupWriter<TRow> _writer;
    private readonly Task _loop;

    /// <summary>Starts the writer's loop.</summary>
    /// <param name="writer">Called from one thread at a time; disposed with the queue.</param>
    public PutQueue(IGroupWriter<TRow> writer)
    {
        _writer = writer;
        _loop = Task.Run(LoopAsync);
    }

    /// <summary>Stores rows and returns how many were new.</summary>
    /// <param name="rows">The rows; the writer reads them until this returns.</param>
    /// <param name="bytes">How large they are together.</param>
    /// <param name="cancellationToken">Ends the waiting for room, not a write.</param>
    public async ValueTask<int> PutAsync(IReadOnlyList<TRow> rows, long bytes, CancellationToken cancellationToken)
    {
        var put = new Put(rows, bytes);
        await _puts.Writer.WriteAsync(put, cancellationToken).ConfigureAwait(false);
        return await put.Done.Task.ConfigureAwait(false);
    }

    /// <summary>Syncs what has been stored so far to disk.</summary>
    public async ValueTask SyncAsync(CancellationToken cancellationToken) => await PutAsync([], 0, cancellationToken).ConfigureAwait(false);

    /// <summary>Stores what is waiting, then ends.</summary>
    public async ValueTask DisposeAsync()
    {
        _puts.Writer.TryComplete();
        await _loop.ConfigureAwait(false);
    }

    private async Task LoopAsync()
    {
        using var _ = _writer;
        var group = new List<Put>();
        var rows = new List<(TRow Row, int Put)>();
        while (await _puts.Reader.WaitToReadAsync().ConfigureAwait(false))
        {
            group.Clear();
            rows.Clear();
            long bytes = 0;
            while (rows.Count < MaxGroupRows && bytes < MaxGroupBytes && _puts.Reader.TryRead(out var put))
            {
                foreach (var row in put.Rows)
                {
                    rows.Add((row, group.Count));
                }

                bytes += put.Bytes;
                group.Add(put);
            }

            var added = new int[group.Count];
            CrashPoint.Hit("cache.put.before");
            try
            {
                _writer.Write(rows, added);
                if (group.Exists(static p => p.Rows.Count == 0))
                {
                    _writer.Sync();
                }
            }
            catch (Exception error)
            {
                // Whatever it is, it belongs to those who wait; the next group is tried again.
                foreach (var put in group)
                {
                    put.Done.SetException(error);
                }

                continue;
            }

            CrashPoint.Hit("cache.put.after");
            for (var i = 0; i < group.Count; i++)
            {
                group[i].Done.SetResult(added[i]);
            }
        }
    }

    private sealed record Put(IReadOnlyList<TRow> Rows, long Bytes)
    {
        public TaskCompletionSource<int> Done { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);
    }
}

/// <summary>Stores groups of rows; for one thread at a time.</summary>
/// <typeparam name="TRow">What is stored.</typeparam>
internal interface IGroupWriter<TRow> : IDisposable
{
    /// <summary>Stores what is new of a group, all or nothing, and counts it for each put.</summary>
    /// <param name="rows">The rows, each with the number of its put. May be empty.</param>
    /// <param name="added">Where the counts go, by number of the put.</param>
    /// <exception cref="SluiceException">Nothing was stored.</exception>
    void Write(List<(TRow Row, int Put)> rows, int[] added);

    /// <summary>Syncs what has been stored to disk.</summary>
    void Sync();
}
