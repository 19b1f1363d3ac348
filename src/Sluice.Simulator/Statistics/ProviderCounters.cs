using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Statistics;

/// <summary>The counters of one provider. Lines are counted in groups, so that the lock is not felt.</summary>
internal sealed class ProviderCounters(int mostDistinctBodies)
{
    private readonly Lock _lock = new();
    private readonly SortedDictionary<string, long> _requests = new(StringComparer.Ordinal);
    private HashSet64? _bodies = new();
    private long _repeated;
    private ProviderStats _counts = new();

    public void Request(string operation)
    {
        lock (_lock)
        {
            _requests[operation] = _requests.GetValueOrDefault(operation) + 1;
        }
    }

    public void FileStored(bool uploaded, long bytes) =>
        Change(counts => counts with { Files = counts.Files + 1, BytesUploaded = counts.BytesUploaded + (uploaded ? bytes : 0) });

    public void Uploaded(long bytes) => Change(counts => counts with { BytesUploaded = counts.BytesUploaded + bytes });

    public void Downloaded(long bytes) => Change(counts => counts with { BytesDownloaded = counts.BytesDownloaded + bytes });

    public void BatchCreated() => Change(counts => counts with { BatchesCreated = counts.BatchesCreated + 1 });

    public void BatchEnded() => Change(counts => counts with { BatchesEnded = counts.BatchesEnded + 1 });

    public void LiveCall() => Change(counts => counts with { LiveCalls = counts.LiveCalls + 1 });

    public void FaultInjected() => Change(counts => counts with { FaultsInjected = counts.FaultsInjected + 1 });

    /// <summary>Counts executed lines.</summary>
    public void Lines(long executed) => Change(counts => counts with { LinesExecuted = counts.LinesExecuted + executed });

    /// <summary>Counts bodies that were answered, which is what a provider would bill.</summary>
    public void Answered(ReadOnlySpan<ulong> hashes)
    {
        lock (_lock)
        {
            foreach (var hash in hashes)
            {
                if (_bodies is null)
                {
                    return;
                }

                if (!_bodies.Add(hash))
                {
                    _repeated++;
                }
                else if (_bodies.Count > mostDistinctBodies)
                {
                    _bodies = null;
                }
            }
        }
    }

    public void Reset()
    {
        lock (_lock)
        {
            _requests.Clear();
            _bodies = new HashSet64();
            _repeated = 0;
            _counts = new ProviderStats();
        }
    }

    public ProviderStats Read()
    {
        lock (_lock)
        {
            return _counts with
            {
                DistinctBodies = _bodies?.Count,
                RepeatedBodies = _bodies is null ? null : _repeated,
                HttpRequests = new Dictionary<string, long>(_requests),
            };
        }
    }

    private void Change(Func<ProviderStats, ProviderStats> change)
    {
        lock (_lock)
        {
            _counts = change(_counts);
        }
    }
}
