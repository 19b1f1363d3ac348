using Sluice.Ledger;
using Sluice.Providers;

namespace Sluice.Dispatch.Batch;

/// <summary>Which models of an account must wait before more is sent, each time for longer. Thread-safe.</summary>
internal sealed class ModelHolds(TimeProvider time)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<string, (DateTimeOffset Until, int Times, DateTimeOffset Since)> _holds = [];

    /// <summary>Returns until when a model is held back, as <see cref="SteadyTime"/> tells the time.</summary>
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
            _holds[intent.Model] = (time.SteadyNow() + wait, times, time.GetUtcNow());
            return wait;
        }
    }

    /// <summary>Lets a model go because a batch of it has got past its validation. One that was created before the hold began says nothing: there was room then.</summary>
    public void LetGoAfter(Intent running)
    {
        lock (_gate)
        {
            if (_holds.TryGetValue(running.Model, out var hold) && running.CreateStartedAt > hold.Since)
            {
                _holds.Remove(running.Model);
            }
        }
    }

    /// <summary>Lets the next batch of a model be tried at once, because one has ended and left room; should there be none, the wait grows on.</summary>
    public void TryAgain(Intent ended)
    {
        lock (_gate)
        {
            if (_holds.TryGetValue(ended.Model, out var hold))
            {
                _holds[ended.Model] = hold with { Until = DateTimeOffset.MinValue };
            }
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
