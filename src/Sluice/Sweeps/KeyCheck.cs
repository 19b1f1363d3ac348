using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Experiments;
using Sluice.Experiments.Replaying;
using Sluice.Ledger;
using Sluice.Providers;

namespace Sluice.Sweeps;

/// <summary>Finds out whether the keys of all accounts are at hand that a sweep still needs, before it sends anything.</summary>
internal static class KeyCheck
{
    /// <summary>Throws when an account has no key from which the sweep still needs answers. One whose answers are all there needs none.</summary>
    /// <param name="plans">The experiments.</param>
    /// <param name="cache">Where answers are.</param>
    /// <param name="ledger">The workspace's ledger.</param>
    /// <param name="options">What is done with the sweep: one that sends nothing only needs keys of what is in flight.</param>
    /// <param name="cancellationToken">Ends the look at the answers.</param>
    /// <returns>What to end with when a command that only collects has other accounts to collect from; null when no key is missing.</returns>
    /// <exception cref="SluiceException">The key is missing.</exception>
    public static async Task<SluiceException?> MakeAsync(IReadOnlyList<ExperimentPlan> plans, IResponseCache cache, LedgerStore ledger, SweepOptions options, CancellationToken cancellationToken)
    {
        var missing = plans.SelectMany(p => p.Steps).Select(s => s.Route.Provider).Distinct()
            .Select(p => (Provider: p, Problem: Problem(p))).Where(p => p.Problem is not null).ToDictionary(p => p.Provider, p => p.Problem!);
        var sends = options.Mode is SweepMode.Run or SweepMode.Submit;
        var none = new NoDispatcher(ledger);
        SluiceException? first = null;
        foreach (var plan in plans.Where(p => p.Steps.Any(s => missing.ContainsKey(s.Route.Provider))))
        {
            // Only where a key is missing: this look takes as long as a replay.
            var tally = new DispatchTally();
            var summary = await new Replay(plan, cache, none, tally).RunAsync(null, null, cancellationToken).ConfigureAwait(false);
            var inFlight = tally.WaitingFor().Select(ledger.Get).OfType<Intent>().Select(i => i.Provider).ToHashSet();
            foreach (var (step, route) in summary.Steps.Zip(plan.Steps.Select(s => s.Route)))
            {
                var lacks = options.RetryFailed ? step.Answered < summary.Samples : step.Answered - step.AnsweredThenFailed < summary.Samples - summary.Failed;
                if (missing.TryGetValue(route.Provider, out var problem) && lacks && (sends || inFlight.Contains(route.Provider.Reference)))
                {
                    first ??= problem;
                }
            }
        }

        var lacking = missing.Keys.Select(p => p.Reference).ToHashSet();
        return first is null || (!sends && ledger.Open().Any(i => i.State == IntentState.Submitted && !lacking.Contains(i.Provider)))
            ? first
            : throw new SluiceException(first.Kind, first.Message, $"{first.Hint}; {WhatIsOut(ledger)}", first);
    }

    /// <summary>Throws when all that the experiments wait for are batches of another key or address, or of refused accounts: nothing becomes of those in this command.</summary>
    /// <param name="runs">The experiments.</param>
    /// <param name="engine">What carries their batches.</param>
    /// <param name="missing">The key that is known to be missing, or null.</param>
    /// <exception cref="SluiceException">Nothing else is waited for.</exception>
    public static void RequireReachable(IReadOnlyList<ExperimentRun> runs, BatchEngine engine, SluiceException? missing)
    {
        var outOfReach = engine.OutOfReach();
        if (outOfReach.Count == 0)
        {
            return;
        }

        var waiting = runs.SelectMany(r => r.WaitsFor).ToList();
        if (waiting.Count > 0 && waiting.TrueForAll(outOfReach.ContainsKey))
        {
            RequireCollected(runs, engine, missing);
            if (engine.LeftAlone.FirstOrDefault(i => waiting.Contains(i.Row)) is not { } first)
            {
                // Another process has settled it meanwhile.
                return;
            }

            throw new SluiceException(
                ErrorKind.Credentials,
                $"batch {first.BatchId ?? first.Id} belongs to another key or address ({first.Account}), and nothing else is waited for",
                first.IsInDoubt ? $"set the key or address with which it was sent, and run the same command again; or, {Reconciler.Decide(first)}" : "set the key or address with which it was sent, and run the same command again");
        }
    }

    /// <summary>Throws when the experiments still wait for a batch whose account was refused, or has no key. Call it when the rest is collected.</summary>
    /// <exception cref="SluiceException">Why the batch cannot be collected.</exception>
    public static void RequireCollected(IReadOnlyList<ExperimentRun> runs, BatchEngine engine, SluiceException? missing)
    {
        var outOfReach = engine.OutOfReach();
        if (runs.SelectMany(r => r.WaitsFor).Select(row => outOfReach.GetValueOrDefault(row)).FirstOrDefault(e => e is not null) is { } refusal)
        {
            throw refusal;
        }

        if (missing is not null)
        {
            throw missing;
        }
    }

    private static SluiceException? Problem(IProvider provider)
    {
        try
        {
            provider.EnsureCredentials();
            return null;
        }
        catch (SluiceException problem)
        {
            return problem;
        }
    }

    private static string WhatIsOut(LedgerStore ledger)
    {
        var open = ledger.Open();
        var submitted = open.Count(i => i.State == IntentState.Submitted);
        var doubtful = open.Count(i => i.IsInDoubt);
        return submitted + doubtful == 0
            ? "nothing was sent"
            : $"this command has sent nothing; of earlier ones {submitted} batches are at their providers{(doubtful > 0 ? $" and {doubtful} in doubt" : "")}, and are collected once the key is there";
    }
}
