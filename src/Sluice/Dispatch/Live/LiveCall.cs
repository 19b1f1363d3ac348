using Sluice.Experiments;
using Sluice.Ledger;
using Sluice.Requests;

namespace Sluice.Dispatch.Live;

/// <summary>A request on its way to an answer: its tries, and what they may have cost. One caller makes it; others may join it, from any thread.</summary>
/// <param name="request">The request.</param>
/// <param name="standing">What the ledger knew of it.</param>
/// <param name="tally">Counts on behalf of the experiment that asks.</param>
/// <param name="tokens">The tokens that one call is expected to take.</param>
/// <param name="estimate">What that costs, already taken out of the budget; null when the price is not known.</param>
internal sealed class LiveCall(Request request, RequestStanding standing, DispatchTally tally, TokenUsage tokens, double? estimate)
{
    private readonly TaskCompletionSource<(DispatchResult Result, long? Holder)> _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();
    private LiveOptions _limits = tally.Live;
    private bool _isSent;
    private int _paidFor = 1;
    private long? _answers;
    private bool _failsAlone;

    public Request Request => request;

    public RequestStanding Standing => standing;

    public DispatchTally Tally => tally;

    /// <summary>Gets what became of it, and what it waits for, if it does.</summary>
    public Task<(DispatchResult Result, long? Holder)> Ended => _ended.Task;

    /// <summary>Gets its limits: the loosest of all who ask. They hold from the next try on.</summary>
    public LiveOptions Limits
    {
        get
        {
            lock (_gate)
            {
                return _limits;
            }
        }
    }

    public TokenUsage Tokens => tokens;

    /// <summary>Gets or sets how many tries have failed by an error that another try may cure.</summary>
    public int Tries { get; set; }

    /// <summary>Gets how many calls ended without a known outcome.</summary>
    public int Unknown { get; private set; }

    /// <summary>Gets what was taken out of the budget for it.</summary>
    public double? Reserved => estimate * _paidFor;

    /// <summary>Gets what calls without a known outcome may have cost.</summary>
    public double? Lost => estimate * Unknown ?? 0;

    /// <summary>Lets another experiment wait for the same call: what it allows is allowed.</summary>
    public void Join(LiveOptions limits)
    {
        lock (_gate)
        {
            _limits = _limits with
            {
                MaxAttempts = Math.Max(_limits.MaxAttempts, limits.MaxAttempts),
                TimeoutSeconds = Math.Max(_limits.TimeoutSeconds, limits.TimeoutSeconds),
                ResendUnknown = Math.Max(_limits.ResendUnknown, limits.ResendUnknown),
            };
        }
    }

    /// <summary>Tells all who wait what became of it.</summary>
    public void End(DispatchResult result, long? holder) => _ended.SetResult((result, holder));

    /// <summary>Tells all who wait of an error.</summary>
    public void End(Exception error)
    {
        _ended.SetException(error);
        // It is thrown by the call itself: nobody else need be there.
        _ = _ended.Task.Exception;
    }

    /// <summary>Notes that a gateway has no server for it; true once others were answered between two such failures: from then on the trouble is its own.</summary>
    /// <param name="answers">How many calls of the account were answered so far.</param>
    public bool FailsAlone(long answers)
    {
        _failsAlone |= answers > _answers;
        _answers = answers;
        return _failsAlone;
    }

    /// <summary>Counts a call that is about to be made; false when the budget has no room for one more that may be paid for.</summary>
    public bool TryBegin()
    {
        if (_isSent && _paidFor > Unknown)
        {
            return true;
        }

        if (_isSent)
        {
            if (!tally.TryReserve(estimate))
            {
                return false;
            }

            _paidFor++;
        }

        _isSent = true;
        tally.AddSent();
        return true;
    }

    /// <summary>Notes that a call ended without a known outcome: what it may have cost stays out of the budget.</summary>
    public void Lose()
    {
        Unknown++;
        tally.Lose(estimate);
    }
}
