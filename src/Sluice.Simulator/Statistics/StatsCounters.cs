namespace Sluice.Simulator.Statistics;

/// <summary>The counters of both providers.</summary>
internal sealed class StatsCounters(int mostDistinctBodies)
{
    private readonly Lock _lock = new();
    private readonly List<string> _internalErrors = [];

    public ProviderCounters OpenAI { get; } = new(mostDistinctBodies);

    public ProviderCounters Anthropic { get; } = new(mostDistinctBodies);

    public ProviderCounters Of(Api api) => api == Api.OpenAI ? OpenAI : Anthropic;

    /// <summary>Keeps the message of something that should not happen; the first ten are kept.</summary>
    public void InternalError(Exception error)
    {
        lock (_lock)
        {
            if (_internalErrors.Count < 10)
            {
                _internalErrors.Add($"{error.GetType().Name}: {error.Message}");
            }
        }
    }

    public void Reset()
    {
        OpenAI.Reset();
        Anthropic.Reset();
        lock (_lock)
        {
            _internalErrors.Clear();
        }
    }

    public SimulatorStats Read()
    {
        lock (_lock)
        {
            return new SimulatorStats { OpenAI = OpenAI.Read(), Anthropic = Anthropic.Read(), InternalErrors = [.. _internalErrors] };
        }
    }
}
