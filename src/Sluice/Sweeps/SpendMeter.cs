using Sluice.Dispatch;
using Sluice.Experiments;
using Sluice.Requests;

namespace Sluice.Sweeps;

/// <summary>Adds up what the answers cost that come in during a command. Thread-safe.</summary>
internal sealed class SpendMeter
{
    private readonly Lock _gate = new();
    private readonly Dictionary<(string Provider, string Model), Route> _routes = [];
    private TokenUsage _tokens;
    private double? _usd = 0;
    private long _unknownCalls;
    private double? _unknownUsd = 0;

    /// <summary>Gets the tokens so far.</summary>
    public TokenUsage Tokens
    {
        get
        {
            lock (_gate)
            {
                return _tokens;
            }
        }
    }

    /// <summary>Gets the cost so far; null when a price is not known.</summary>
    public double? Usd
    {
        get
        {
            lock (_gate)
            {
                return _usd;
            }
        }
    }

    /// <summary>Gets how many live calls ended without a known outcome, and what they may have cost; null when a price is not known.</summary>
    public (long Calls, double? Usd) Unknown
    {
        get
        {
            lock (_gate)
            {
                return (_unknownCalls, _unknownUsd);
            }
        }
    }

    /// <summary>Learns the prices of a sweep's models.</summary>
    public void Use(IReadOnlyList<ExperimentPlan> plans)
    {
        foreach (var route in plans.SelectMany(p => p.Steps).Select(s => s.Route))
        {
            _routes.TryAdd((route.Provider.Reference.Provider, route.Model), route);
        }
    }

    /// <summary>Counts an event.</summary>
    public void Observe(DispatchEvent e)
    {
        switch (e)
        {
            case BatchSettled { Report: var report, Intent: var intent }:
                Add(report.Usage, _routes.TryGetValue((intent.Provider.Provider, intent.Model), out var route) ? route.Cost(report.Usage, batch: true) : null);
                break;
            case LiveSettled liveCall:
                Add(liveCall.Usage, liveCall.Route.Cost(liveCall.Usage, batch: false));
                break;
            case LiveUnknown unknown:
                lock (_gate)
                {
                    _unknownCalls++;
                    _unknownUsd += unknown.Route.Cost(unknown.Estimate, batch: false);
                }

                break;
            default:
                break;
        }
    }

    private void Add(TokenUsage usage, double? usd)
    {
        lock (_gate)
        {
            _tokens = new TokenUsage(_tokens.Input + usage.Input, _tokens.Output + usage.Output);
            _usd += usage is { Input: 0, Output: 0 } ? 0 : usd;
        }
    }
}
