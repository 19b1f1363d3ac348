using Sluice.Dispatch;
using Sluice.Ledger;
using Sluice.Storage;

namespace Sluice.Sweeps;

/// <summary>Writes the manifest of a running sweep whenever it does not name a batch that was created: it is what tells of them should the ledger be lost.</summary>
/// <param name="folder">The sweep's folder.</param>
/// <param name="sweep">The sweep's name.</param>
/// <param name="ledger">What knows the batches.</param>
/// <param name="time">The clock.</param>
internal sealed class ManifestKeeper(string folder, string sweep, LedgerStore ledger, TimeProvider time)
{
    private static readonly TimeSpan LeastBetweenWrites = TimeSpan.FromSeconds(1);

    // One for each batch of the command. Whoever creates batches does so beside whoever writes.
    private readonly Lock _gate = new();
    private readonly HashSet<string> _seen = [];
    private bool _hasNew;
    private long _written;
    private TimeSpan _took;

    /// <summary>Takes note of a batch that has been created, or was met for the first time.</summary>
    public void Observe(DispatchEvent e)
    {
        if (e is BatchChanged { Intent.BatchId: { } batch })
        {
            lock (_gate)
            {
                _hasNew |= _seen.Add(batch);
            }
        }
    }

    /// <summary>Writes the manifest when there are batches that it does not name, in a tenth of the time at most.</summary>
    public void WriteIfNew(IReadOnlyList<ExperimentRun> runs)
    {
        var wait = _took * 10 > LeastBetweenWrites ? _took * 10 : LeastBetweenWrites;
        if (time.GetElapsedTime(_written) >= wait && HasNew())
        {
            Write(runs);
        }
    }

    /// <summary>Writes the manifest.</summary>
    /// <param name="runs">The experiments of this command.</param>
    /// <param name="state">Where the sweep stands; null while the command runs.</param>
    /// <param name="aside">Experiments that have lost their folders to those of this command.</param>
    /// <returns>What <c>now</c> is in the sweep's templates; null when that is lost.</returns>
    public DateTimeOffset? Write(IReadOnlyList<ExperimentRun> runs, SweepState? state = null, IReadOnlyList<ManifestEntry>? aside = null)
    {
        lock (_gate)
        {
            // One that comes while the file is written may not be in it.
            _hasNew = false;
        }

        var began = time.GetTimestamp();
        var now = SweepManifest.Write(folder, sweep, runs, ledger, state, aside);
        _written = time.GetTimestamp();
        _took = time.GetElapsedTime(began, _written);
        return now;
    }

    /// <summary>Writes the manifest unless what has ended the command is in the way here, too.</summary>
    public void TryWrite(IReadOnlyList<ExperimentRun> runs)
    {
        try
        {
            Write(runs);
        }
        catch (Exception second) when (second is SluiceException or IOException or UnauthorizedAccessException)
        {
            // The first error is told.
        }
    }

    private bool HasNew()
    {
        lock (_gate)
        {
            return _hasNew;
        }
    }
}
