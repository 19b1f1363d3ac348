using Sluice.Caching;
using Sluice.Experiments;
using Sluice.Dispatch.Batch;
using Sluice.Ledger;
using Sluice.Memory;
using Sluice.Requests;

namespace Sluice.Dispatch;

/// <summary>Takes the requests that the cache cannot answer.</summary>
/// <remarks>Thread-safe. A dispatcher that is full makes its caller wait.</remarks>
public interface IDispatcher
{
    /// <summary>Returns how many samples of an experiment should be on their way at once: more than a few only where samples wait for answers.</summary>
    int SamplesInFlight(DispatchTally tally) => 1;

    /// <summary>Gets how much new work may begin, by how much memory is left; one that sends nothing begins none.</summary>
    Intake Intake => Intake.Open;

    /// <summary>Sends a request, or sees to it that it will be sent, or finds that it need not be.</summary>
    /// <param name="request">The request; the dispatcher may keep it.</param>
    /// <param name="tally">Counts on behalf of the experiment that asks.</param>
    /// <param name="cancellationToken">Ends the waiting; what has been sent goes on.</param>
    ValueTask<DispatchResult> DispatchAsync(Request request, DispatchTally tally, CancellationToken cancellationToken = default);
}

/// <summary>What became of a request: an answer, a failure for good, or, when both are null, an answer that will come later.</summary>
/// <param name="Response">The answer.</param>
/// <param name="Failure">Why there will be none.</param>
public readonly record struct DispatchResult(CachedResponse? Response, string? Failure)
{
    /// <summary>The answer will come later; replay again then.</summary>
    public static DispatchResult Pending => default;

    /// <summary>Makes the result of an answered request.</summary>
    public static DispatchResult Answered(CachedResponse response) => new(response, null);

    /// <summary>Makes the result of a request that failed for good.</summary>
    public static DispatchResult Failed(string message) => new(null, message);
}

/// <summary>What a dispatcher did for one experiment during one command. Thread-safe.</summary>
public sealed class DispatchTally
{
    private readonly Lock _gate = new();
    private readonly HashSet<long> _waitsFor = [];
    private long _sent;
    private long _answered;
    private long _held;
    private long _stopped;
    private double _lostUsd;
    private double _budgetLeft = double.PositiveInfinity;

    /// <summary>Gets what the experiment asks for the batches that hold its requests.</summary>
    public BatchTerms Terms { get; init; } = BatchTerms.Default;

    /// <summary>Gets how large the experiment lets batches grow.</summary>
    public BatchDispatchOptions BatchSize { get; init; } = new(null, null);

    /// <summary>Gets the limits of the experiment's live calls, and after how many equal failures no more of a step is sent, live or in batches.</summary>
    public LiveOptions Live { get; init; } = new();

    /// <summary>Gets or sets whether requests that failed for good are sent again in this replay.</summary>
    public bool RetryFailed { get; internal set; }

    /// <summary>Gets or sets whether new requests are held back, because sending them would pass the budget.</summary>
    public bool HoldsBack { get; set; }

    /// <summary>Gets how many replays have begun.</summary>
    public int Replays { get; private set; }

    /// <summary>Gets how many requests were sent, or put into a batch, because this experiment asked first.</summary>
    public long Sent => Interlocked.Read(ref _sent);

    /// <summary>Gets how many of them were answered at once, by live calls.</summary>
    public long Answered => Interlocked.Read(ref _answered);

    /// <summary>Gets how many requests were held back, e.g. by a budget.</summary>
    public long Held => Interlocked.Read(ref _held);

    /// <summary>Gets how many requests were not sent, because the first ones of their step all failed in the same way.</summary>
    public long Stopped => Interlocked.Read(ref _stopped);

    /// <summary>Begins another replay: what the last one held back is counted anew.</summary>
    /// <param name="retryFailed">Whether requests that failed for good are sent again.</param>
    /// <param name="budgetLeft">What new requests may cost in US dollars; null for no limit.</param>
    public void BeginReplay(bool retryFailed, double? budgetLeft)
    {
        lock (_gate)
        {
            Replays++;
            RetryFailed = retryFailed;
            HoldsBack = false;
            _held = 0;
            _stopped = 0;
            _budgetLeft = (budgetLeft ?? double.PositiveInfinity) - _lostUsd;
        }
    }

    /// <summary>Takes what a request will cost out of the budget; false when it is not in there, or when there is a budget and the cost is not known.</summary>
    public bool TryReserve(double? usd)
    {
        lock (_gate)
        {
            if (double.IsPositiveInfinity(_budgetLeft))
            {
                return true;
            }

            if (usd is not { } cost || cost > _budgetLeft)
            {
                return false;
            }

            _budgetLeft -= cost;
            return true;
        }
    }

    /// <summary>Puts the difference between what was reserved and what was paid back into the budget.</summary>
    public void Adjust(double? reserved, double? paid)
    {
        lock (_gate)
        {
            _budgetLeft += (reserved ?? 0) - (paid ?? 0);
        }
    }

    /// <summary>Keeps out of the budget, for the whole command, what calls without a known outcome may have cost.</summary>
    public void Lose(double? usd)
    {
        lock (_gate)
        {
            _lostUsd += usd ?? 0;
        }
    }

    /// <summary>Counts a request that is sent.</summary>
    public void AddSent() => Interlocked.Increment(ref _sent);

    /// <summary>Counts a live request that is answered.</summary>
    public void AddAnswered() => Interlocked.Increment(ref _answered);

    /// <summary>Counts requests that are held back.</summary>
    public void AddHeld(long requests = 1) => Interlocked.Add(ref _held, requests);

    /// <summary>Counts a request that is not sent, because the first ones of its step all failed in the same way.</summary>
    public void AddStopped() => Interlocked.Increment(ref _stopped);

    /// <summary>Notes that an answer will come with an intent (0: that it is there already). Their number is that of batches, not of requests.</summary>
    public void WaitFor(long intentRow)
    {
        lock (_gate)
        {
            _waitsFor.Add(intentRow);
        }
    }

    /// <summary>Forgets a settled intent; true when this experiment waited for it.</summary>
    public bool Settle(long intentRow)
    {
        lock (_gate)
        {
            return _waitsFor.Remove(intentRow);
        }
    }

    /// <summary>Returns the intents that are waited for.</summary>
    public IReadOnlyList<long> WaitingFor()
    {
        lock (_gate)
        {
            return [.. _waitsFor];
        }
    }
}
