using Sluice.Simulator.Faults;

namespace Sluice.Simulator.Batches;

/// <summary>What is known of a batch only while the simulator runs: how often it was looked at, and whether it is to stop.</summary>
internal sealed class BatchRuntime(IReadOnlyList<string> rawFaults) : IDisposable
{
    private readonly CancellationTokenSource _cancel = new();
    private int _gets;
    private int _getsAfterEnd;

    public FaultSet Faults { get; } = rawFaults.Count == 0 ? FaultSet.None : new FaultSet([.. rawFaults.Select(FaultScriptReader.ReadFault)]);

    /// <summary>Gets a token that is cancelled when the client cancels the batch.</summary>
    public CancellationToken Cancelled => _cancel.Token;

    /// <summary>Gets how many reads there were, this one included.</summary>
    public int Gets => Volatile.Read(ref _gets);

    public int GetsAfterEnd => Volatile.Read(ref _getsAfterEnd);

    public void Cancel() => _cancel.Cancel();

    /// <summary>Counts a read of the batch.</summary>
    public void CountGet(bool hasEnded)
    {
        Interlocked.Increment(ref _gets);
        if (hasEnded)
        {
            Interlocked.Increment(ref _getsAfterEnd);
        }
    }

    public void Dispose() => _cancel.Dispose();
}
