namespace Sluice.Simulator.Http;

/// <summary>Lets so many requests per second pass, saving up at most one second's worth.</summary>
internal sealed class RateGate(double? perSecond, TimeProvider time)
{
    private readonly Lock _lock = new();
    private double _tokens = Math.Max(1, perSecond ?? 1);
    private long _filledAt = time.GetTimestamp();

    /// <param name="retryAfter">How long to wait before the next one passes.</param>
    public bool TryPass(out TimeSpan retryAfter)
    {
        retryAfter = TimeSpan.Zero;
        if (perSecond is not { } rate)
        {
            return true;
        }

        lock (_lock)
        {
            var now = time.GetTimestamp();
            _tokens = Math.Min(Math.Max(1, rate), _tokens + (time.GetElapsedTime(_filledAt, now).TotalSeconds * rate));
            _filledAt = now;
            if (_tokens < 1)
            {
                retryAfter = TimeSpan.FromSeconds((1 - _tokens) / rate);
                return false;
            }

            _tokens--;
            return true;
        }
    }
}
