using Sluice.Simulator.Statistics;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Faults;

/// <summary>Decides which rules of the script apply to what happens, and counts them down.</summary>
internal sealed class FaultEngine
{
    /// <summary>The most bodies whose attempts are counted; past it a <c>line-error</c> with attempts no longer applies.</summary>
    private const int MostCountedBodies = 1_000_000;

    private readonly Lock _lock = new();
    private readonly FaultRule[] _rules;
    private readonly int[] _seen;
    private readonly Dictionary<ulong, int> _attempts = [];
    private readonly StatsCounters _stats;

    public FaultEngine(FaultScript? script, StatsCounters stats)
    {
        _rules = script is null ? [] : [.. script.Rules];
        _seen = new int[_rules.Length];
        _stats = stats;
    }

    /// <summary>Says whether any line of the provider can be hit, so that the others cost nothing.</summary>
    public bool HasLineRules(Api api) => Array.Exists(_rules, rule => rule.Fits(api, Operations.Line));

    /// <param name="subject">The text that a rule's <c>match</c> is looked for in: a path, a body, a custom_id.</param>
    /// <param name="otherSubject">A second such text: a prompt.</param>
    /// <param name="hash">The hash of the request body, for rules with a share or attempts.</param>
    public FaultSet Take(
        Api api, string operation, ReadOnlySpan<byte> model, ReadOnlySpan<byte> subject, ReadOnlySpan<byte> otherSubject = default, ulong hash = 0) =>
        Take(beforeBody: false, api, operation, model, subject, otherSubject, hash);

    /// <summary>Takes the faults that come before the body of a request is read.</summary>
    public FaultSet TakeBeforeBody(Api api, string operation, ReadOnlySpan<byte> path) => Take(beforeBody: true, api, operation, [], path);

    private FaultSet Take(
        bool beforeBody, Api api, string operation, ReadOnlySpan<byte> model, ReadOnlySpan<byte> subject, ReadOnlySpan<byte> otherSubject = default, ulong hash = 0)
    {
        List<Fault>? taken = null;
        for (var index = 0; index < _rules.Length; index++)
        {
            var rule = _rules[index];
            if (rule.ComesBeforeBody == beforeBody && rule.Fits(api, operation) && rule.FitsText(model, subject, otherSubject) && IsInShare(rule, hash) && CountDown(index, rule, hash))
            {
                (taken ??= []).Add(rule.Fault);
                _stats.Of(api).FaultInjected();
            }
        }

        return taken is null ? FaultSet.None : new FaultSet([.. taken]);
    }

    private static bool IsInShare(FaultRule rule, ulong hash) =>
        rule.Share >= 1 || (StableHash.Mix(hash ^ 0x5ba7e) >> 11) * (1.0 / (1UL << 53)) < rule.Share;

    private bool CountDown(int index, FaultRule rule, ulong hash)
    {
        lock (_lock)
        {
            if (rule.Fault.Attempts is { } attempts && !IsEarlyAttempt(hash + (ulong)index, attempts))
            {
                return false;
            }

            var seen = _seen[index] - rule.Skip;
            if (rule.Times >= 0 && seen >= rule.Times)
            {
                return false;
            }

            _seen[index]++;
            return seen >= 0;
        }
    }

    private bool IsEarlyAttempt(ulong key, int attempts)
    {
        var made = _attempts.GetValueOrDefault(key);
        if (made >= attempts || (made == 0 && _attempts.Count >= MostCountedBodies))
        {
            return false;
        }

        _attempts[key] = made + 1;
        return true;
    }
}
