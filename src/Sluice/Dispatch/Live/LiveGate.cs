using Sluice.Memory;
using Sluice.Providers;

namespace Sluice.Dispatch.Live;

/// <summary>How many calls to one account may be under way, and when none may start: concurrency, <c>retry-after</c>, rate-limit headers, memory.</summary>
internal sealed class LiveGate(int concurrency, TimeProvider time, Intake intake) : IDisposable
{
    private readonly SemaphoreSlim _slots = new(concurrency);
    private readonly Lock _lock = new();
    private DateTimeOffset _closedUntil = DateTimeOffset.MinValue;
    private TaskCompletionSource? _left;
    private int _underWay;

    /// <summary>Waits for a slot, for the gate to be open, and for memory.</summary>
    public async Task EnterAsync(CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        try
        {
            while (true)
            {
                for (var wait = Closed(); wait > TimeSpan.Zero; wait = Closed())
                {
                    // Upwards: a delay of less than a millisecond is none, and the loop would spin.
                    await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), time, cancellationToken).ConfigureAwait(false);
                }

                if (TryBegin() is not { } mayBegin)
                {
                    return;
                }

                await mayBegin.WaitAsync(cancellationToken).ConfigureAwait(false);
            }
        }
        catch
        {
            _slots.Release();
            throw;
        }
    }

    /// <summary>Gives the slot back.</summary>
    public void Leave()
    {
        TaskCompletionSource? left;
        lock (_lock)
        {
            _underWay--;
            left = _left;
            _left = null;
        }

        left?.SetResult();
        _slots.Release();
    }

    /// <summary>Closes the gate for a while for everybody: the provider said that the account, not one request, is too fast.</summary>
    public void Close(TimeSpan wait)
    {
        lock (_lock)
        {
            var until = time.GetUtcNow() + wait;
            _closedUntil = until > _closedUntil ? until : _closedUntil;
        }
    }

    /// <summary>Closes the gate when the headers say that nothing is left in the window.</summary>
    public void Observe(RateLimits limits)
    {
        if (limits is { RemainingRequests: 0, RequestsReset: { } requests })
        {
            Close(requests);
        }

        if (limits is { RemainingTokens: 0, TokensReset: { } tokens })
        {
            Close(tokens);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => _slots.Dispose();

    /// <summary>Counts a call as begun; where memory is too scarce for it, returns what to wait for before trying again.</summary>
    private Task? TryBegin()
    {
        // Fetched before the level is looked at, so that no change is missed.
        var changed = intake.Changed;
        lock (_lock)
        {
            if (_underWay < intake.Of(concurrency))
            {
                _underWay++;
                return null;
            }

            _left ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return Task.WhenAny(changed, _left.Task);
        }
    }

    private TimeSpan Closed()
    {
        lock (_lock)
        {
            return _closedUntil - time.GetUtcNow();
        }
    }
}
