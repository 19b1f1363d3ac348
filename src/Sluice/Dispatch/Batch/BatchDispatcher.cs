using System.Collections.Concurrent;
using Sluice.Caching;
using Sluice.Ledger;
using Sluice.Memory;
using Sluice.Requests;

namespace Sluice.Dispatch.Batch;

/// <summary>How large batches may grow, beside the provider's own limits. Experiments that differ in it have batches of their own.</summary>
/// <param name="MaxRequests">The most requests in one batch, or null.</param>
/// <param name="MaxBytes">The most bytes in one batch, or null.</param>
public sealed record BatchDispatchOptions(int? MaxRequests, long? MaxBytes);

/// <summary>Puts requests into batches, one model each: claimed once over all experiments and processes, spooled to disk, forgotten.</summary>
public sealed class BatchDispatcher : IDispatcher, IDisposable
{
    private readonly LedgerStore _ledger;
    private readonly IResponseCache _cache;
    private readonly string _spoolFolder;
    private readonly Action<Intent> _onSealed;
    private readonly FailureStop? _failures;
    private readonly ConcurrentDictionary<(string Account, string Api, string Model, BatchDispatchOptions Size), Lazy<BatchLane>> _lanes = new();

    /// <summary>Creates a dispatcher.</summary>
    /// <param name="ledger">Where claims are kept.</param>
    /// <param name="cache">Where answers may have appeared in the meantime.</param>
    /// <param name="spoolFolder">Where spools are written.</param>
    /// <param name="onSealed">Called when a spool is ready to be sent.</param>
    /// <param name="intake">How much new work may begin; null for no bound.</param>
    /// <param name="failures">Says what is not sent any more; null for none.</param>
    public BatchDispatcher(
        LedgerStore ledger, IResponseCache cache, string spoolFolder, Action<Intent> onSealed, Intake? intake = null, FailureStop? failures = null)
    {
        _failures = failures;
        Intake = intake ?? Intake.Open;
        _ledger = ledger;
        _cache = cache;
        _spoolFolder = spoolFolder;
        _onSealed = onSealed;
    }

    /// <inheritdoc/>
    public Intake Intake { get; }

    /// <inheritdoc/>
    public ValueTask<DispatchResult> DispatchAsync(Request request, DispatchTally tally, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(tally);
        // In a sweep that is new the claims tell the same, later and in groups.
        if (_ledger.HasHistory || tally.HoldsBack)
        {
            var standing = _ledger.Find(request);
            // A live call's process may be gone: the claim finds out, but not under a legacy key, which is never claimed.
            if (standing.Standing == Standing.InFlight && (standing.IsLegacy || !RequestStanding.IsLive(standing.Holder)))
            {
                tally.WaitFor(standing.Holder);
                _failures?.Asks(standing.Holder, request.Step, request.Route.Model, tally);
                return ValueTask.FromResult(DispatchResult.Pending);
            }

            if (standing.StaysFailed(tally.RetryFailed))
            {
                return ValueTask.FromResult(DispatchResult.Failed(standing.Error ?? "failed"));
            }
        }

        if (_failures?.IsStopped(request, tally) == true)
        {
            tally.AddStopped();
            return ValueTask.FromResult(DispatchResult.Pending);
        }

        if (tally.HoldsBack)
        {
            tally.AddHeld();
            return ValueTask.FromResult(DispatchResult.Pending);
        }

        var adding = Lane(request.Route, tally.BatchSize).AddAsync(request, tally, cancellationToken);
        return adding.IsCompletedSuccessfully ? ValueTask.FromResult(DispatchResult.Pending) : AwaitAsync(adding);

        static async ValueTask<DispatchResult> AwaitAsync(ValueTask adding)
        {
            await adding.ConfigureAwait(false);
            return DispatchResult.Pending;
        }
    }

    /// <summary>Seals the open spools of one model, because nothing more will come for it soon.</summary>
    public async Task FlushAsync(Route route, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(route);
        foreach (var (key, lane) in _lanes)
        {
            if (key == LaneOf(route, key.Size))
            {
                await lane.Value.FlushAsync(cancellationToken).ConfigureAwait(false);
            }
        }
    }

    /// <summary>Seals every open spool, so that all that was dispatched is on its way.</summary>
    public async Task FlushAsync(CancellationToken cancellationToken = default)
    {
        foreach (var lane in _lanes.Values)
        {
            await lane.Value.FlushAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var lane in _lanes.Values)
        {
            lane.Value.Dispose();
        }

        _lanes.Clear();
    }

    private static (string Account, string Api, string Model, BatchDispatchOptions Size) LaneOf(Route route, BatchDispatchOptions size) => (route.Provider.Account, route.Provider.Reference.Api, route.Model, size);

    private BatchLane Lane(Route route, BatchDispatchOptions size)
    {
        var provider = route.Provider;
        if (provider.Batch is null)
        {
            throw new SluiceException(ErrorKind.Usage, $"provider `{provider.Reference.Provider}` has no Batch API", "set `batch_mode: false`");
        }

        if (!_lanes.TryGetValue(LaneOf(route, size), out var lane))
        {
            // Here, at the first request that has to be sent: a sweep that is all answered needs no key. Before the lane: one that cannot be made would stay.
            provider.EnsureCredentials();
            lane = _lanes.GetOrAdd(LaneOf(route, size), _ => new Lazy<BatchLane>(() => new BatchLane(route, size, _ledger, _cache, _spoolFolder, _onSealed, _failures)));
        }

        return lane.Value;
    }
}
