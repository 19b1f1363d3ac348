using Sluice.Ledger;
using Sluice.Providers;

namespace Sluice.Dispatch.Batch;

/// <summary>Which models of an account must wait before more is sent, each time for longer. Thread-safe.</summary>
internal sealed class ModelHolds(TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (DateTimeOffset Until, int Times)> _holds = [];

    /// <summary>Returns until when a model is held back.</summary>
    public DateTimeOffset Until(string model)
    {
        lock (_gate)
        {
            return _holds.TryGetValue(model, out var hold) ? hold.Until : DateTimeOffset.MinValue;
        }
    }

    /// <summary>Holds an intent's model back and returns for how long.</summary>
    public TimeSpan Hold(Intent intent, IProvider provider, TimeSpan? asked)
    {
        lock (_gate)
        {
            var times = _holds.TryGetValue(intent.Model, out var hold) ? hold.Times + 1 : 1;
            var wait = PollSchedule.Next(TimeSpan.Zero, times, asked, provider.IsSimulator);
            _holds[intent.Model] = (time.GetUtcNow() + wait, times);
            return wait;
        }
    }

    /// <summary>Lets an intent's model go.</summary>
    public void LetGo(Intent intent)
    {
        lock (_gate)
        {
            _holds.Remove(intent.Model);
        }
    }
}
