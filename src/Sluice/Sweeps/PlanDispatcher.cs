using System.Collections.Concurrent;
using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Ledger;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Sweeps;

/// <summary>Sends nothing and counts what would be sent. Offline; needs no key.</summary>
/// <remarks>Requests that several experiments share are counted with the first one that asks, as a run would send them.</remarks>
internal sealed class PlanDispatcher(LedgerStore? ledger, bool retryFailed, IReadOnlySet<long>? unsent = null) : IDispatcher, IDisposable
{
    private readonly SeenKeys _seen = new();
    private readonly TokenEstimator _estimator = new(ledger);
    private readonly ConcurrentDictionary<DispatchTally, PlanCounts> _counts = new();
    private readonly Dictionary<(string Account, string Api, string Model, BatchDispatchOptions Size), (int Batches, int Count, long Bytes)> _lanes = [];
    private readonly Lock _gate = new();

    /// <summary>Returns what was counted for an experiment.</summary>
    public PlanCounts CountsOf(DispatchTally tally) => _counts.GetOrAdd(tally, _ => new PlanCounts());

    /// <summary>Returns into how many batches the new requests of batch experiments would go.</summary>
    public int Batches
    {
        get
        {
            lock (_gate)
            {
                return _lanes.Values.Sum(l => l.Batches + (l.Count > 0 ? 1 : 0));
            }
        }
    }

    /// <summary>Gets or sets whether requests are counted into batches.</summary>
    public bool PacksBatches { get; set; }

    /// <inheritdoc/>
    public ValueTask<DispatchResult> DispatchAsync(Request request, DispatchTally tally, CancellationToken cancellationToken = default)
    {
        var standing = ledger?.Find(request) ?? default;
        var counts = CountsOf(tally);
        if (standing.StaysFailed(retryFailed))
        {
            return ValueTask.FromResult(DispatchResult.Failed(standing.Error ?? "failed"));
        }

        var usage = _estimator.Estimate(request);
        if (standing.Standing == Standing.InFlight)
        {
            counts.AddInFlight(request.Route, usage);
            if (unsent?.Contains(standing.Holder) == true && _seen.Add(request.Key))
            {
                counts.AddUnsent(standing.Holder, request.Route.Cost(usage, PacksBatches));
            }
        }
        else if (_seen.Add(request.Key))
        {
            counts.AddNew(request.Route, usage);
            if (PacksBatches)
            {
                Pack(request, tally.BatchSize);
            }
        }
        else
        {
            counts.AddShared();
        }

        return ValueTask.FromResult(DispatchResult.Pending);
    }

    /// <inheritdoc/>
    public void Dispose() => _seen.Dispose();

    private void Pack(Request request, BatchDispatchOptions size)
    {
        var provider = request.Route.Provider;
        if (provider.Batch is not { } batch)
        {
            return;
        }

        var key = (provider.Account, provider.Reference.Api, request.Route.Model, size);
        Span<int> line = [request.Body.Length + 160];
        lock (_gate)
        {
            _lanes.TryGetValue(key, out var lane);
            var maxCount = Math.Min(size.MaxRequests ?? int.MaxValue, batch.Limits.MaxRequests);
            var maxBytes = Math.Min(size.MaxBytes ?? long.MaxValue, batch.Limits.MaxBytes);
            _lanes[key] = Packing.Fitting(lane.Count, lane.Bytes, line, maxCount, maxBytes) == 1
                ? (lane.Batches, lane.Count + 1, lane.Bytes + line[0])
                : (lane.Batches + 1, 1, line[0]);
        }
    }
}

/// <summary>What a plan counted for one experiment. Thread-safe.</summary>
internal sealed class PlanCounts
{
    private readonly Lock _gate = new();
    private readonly Dictionary<Route, TokenUsage> _new = [];
    private readonly Dictionary<Route, TokenUsage> _inFlight = [];
    private readonly Dictionary<long, (long Requests, double? Usd)> _unsent = [];

    /// <summary>Gets requests that would be sent.</summary>
    public long New { get; private set; }

    /// <summary>Gets requests that are on their way already.</summary>
    public long InFlight { get; private set; }

    /// <summary>Gets requests that an earlier experiment of the plan would send.</summary>
    public long Shared { get; private set; }

    /// <summary>Gets the estimated tokens of new requests.</summary>
    public TokenUsage NewTokens => Sum(_new);

    /// <summary>Counts a request on its way.</summary>
    public void AddInFlight(Route route, TokenUsage usage)
    {
        lock (_gate)
        {
            InFlight++;
            Add(_inFlight, route, usage);
        }
    }

    /// <summary>Counts a request of a batch that was written and not sent.</summary>
    public void AddUnsent(long intentRow, double? usd)
    {
        lock (_gate)
        {
            var sum = _unsent.GetValueOrDefault(intentRow, (0, 0));
            _unsent[intentRow] = (sum.Requests + 1, sum.Usd + usd);
        }
    }

    /// <summary>Returns the requests of batches that were written and not sent, by intent.</summary>
    public IReadOnlyDictionary<long, (long Requests, double? Usd)> Unsent()
    {
        lock (_gate)
        {
            return new Dictionary<long, (long, double?)>(_unsent);
        }
    }

    /// <summary>Counts a request that would be sent.</summary>
    public void AddNew(Route route, TokenUsage usage)
    {
        lock (_gate)
        {
            New++;
            Add(_new, route, usage);
        }
    }

    /// <summary>Counts a shared request.</summary>
    public void AddShared()
    {
        lock (_gate)
        {
            Shared++;
        }
    }

    /// <summary>Returns the estimated cost of new requests in US dollars; null when a price is not known.</summary>
    public double? NewCost(bool batch) => Cost(_new, batch);

    /// <summary>Returns the estimated cost of requests on their way in US dollars; null when a price is not known.</summary>
    public double? InFlightCost(bool batch) => Cost(_inFlight, batch);

    private static void Add(Dictionary<Route, TokenUsage> sums, Route route, TokenUsage usage)
    {
        var sum = sums.GetValueOrDefault(route);
        sums[route] = new TokenUsage(sum.Input + usage.Input, sum.Output + usage.Output);
    }

    private TokenUsage Sum(Dictionary<Route, TokenUsage> sums)
    {
        lock (_gate)
        {
            return new TokenUsage(sums.Values.Sum(u => u.Input), sums.Values.Sum(u => u.Output));
        }
    }

    private double? Cost(Dictionary<Route, TokenUsage> sums, bool batch)
    {
        lock (_gate)
        {
            double? cost = 0;
            foreach (var (route, usage) in sums)
            {
                cost += route.Cost(usage, batch);
            }

            return cost;
        }
    }
}
