using Sluice.Caching;
using Sluice.Configuration;
using Sluice.Dispatch;
using Sluice.Experiments;
using Sluice.Ledger;
using Sluice.Recovery;

namespace Sluice.Sweeps;

/// <summary>Sends nothing of a sweep where the workspace has lost answers that were paid for: they would be paid for again.</summary>
/// <param name="workspace">The workspace.</param>
/// <param name="ledger">Its ledger.</param>
/// <param name="cache">Where answers are.</param>
/// <param name="sweep">The sweep.</param>
/// <param name="sends">Whether the command sends requests.</param>
/// <param name="observe">Told what other sweeps have lost.</param>
internal sealed class LossGuard(Workspace workspace, LedgerStore ledger, IResponseCache cache, string sweep, bool sends, Action<DispatchEvent> observe)
{
    // When the sweep's first command began; null when that is not known.
    private DateTimeOffset? _begun;

    /// <summary>Looks at the whole workspace before a command writes, sends or collects anything.</summary>
    /// <exception cref="SluiceException">Something is lost, and people have to decide.</exception>
    public async Task RequireAsync(IReadOnlyList<ExperimentPlan> plans, CancellationToken cancellationToken)
    {
        if (sends && await Loss.FindAsync(ledger, cache, workspace.SpoolFolder, plans.Min(p => p.Caching.NotBefore), cancellationToken).ConfigureAwait(false) is [var loss, ..])
        {
            throw Error(loss);
        }

        var folder = workspace.SweepFolder(sweep);
        _begun = SweepManifest.NowIn(folder, null);
        LostResults.Remember(workspace, ledger, sweep);
        if (cache is MemoryResponseCache)
        {
            return;
        }

        // Their configs are about to be written anew, and would not tell any more.
        ledger.ForgetResults([.. plans.Select(p => p.Experiment.Name).Where(name => Directory.Exists(Path.Combine(folder, name)) && !LostResults.IsKept(Path.Combine(folder, name))).Select(name => (sweep, name))]);
        await RequireResultsAsync(plans, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Guards what an experiment sends: its first request goes on its way only when the cache has the answers that its finished results rest on.</summary>
    public IDispatcher Over(ExperimentRun run, IDispatcher dispatcher) =>
        dispatcher is not NoDispatcher && !run.IsWhole && run.Files.HasResults && IsMissed(run.Plan) ? new ResultsGuard(dispatcher, token => RequireWholeAsync(run, token)) : dispatcher;

    /// <summary>Notes that the answers of an experiment are all there: from now on they are missed, also where people had deleted earlier ones.</summary>
    public void Replayed(ExperimentRun run)
    {
        if (run.Summary is { Kept: 0, Pending: 0 } && run.Plan.Caching.Write && cache is not MemoryResponseCache)
        {
            ledger.TrustResults(sweep, run.Plan.Experiment.Name);
        }
    }

    private async Task RequireResultsAsync(IReadOnlyList<ExperimentPlan> plans, CancellationToken cancellationToken)
    {
        var isAllGone = ledger.IsBlank() && await cache.IsEmptyAsync(cancellationToken).ConfigureAwait(false);
        // Who collects what is paid for goes on, unless nothing tells of it.
        if ((sends || isAllGone)
            && await LostResults.FindAsync(workspace, sweep, plans.Where(IsMissed).Select(p => p.Experiment.Name), ledger, cache, cancellationToken: cancellationToken).ConfigureAwait(false) is { } own)
        {
            throw Error(own);
        }

        foreach (var (other, loss) in isAllGone ? await LostResults.FindAsync(workspace, ledger, cache, cancellationToken: cancellationToken).ConfigureAwait(false) : [])
        {
            if (sends && plans.Any(p => p.Caching.NotBefore == default))
            {
                // Which requests those results rest on is not known here: this sweep may ask the same ones.
                throw Error(loss);
            }

            if (other != sweep)
            {
                observe(new Remark($"{loss.Problem}. {loss.Remedy}"));
            }
        }
    }

    /// <summary>Tells whether the answers of an experiment's results are missed when the cache does not have them.</summary>
    /// <remarks>Where only answers from some time on count, as after <c>--refresh</c>, older ones would be asked for again anyway: a sweep that began before that time may rest on such.</remarks>
    private bool IsMissed(ExperimentPlan plan) =>
        plan.Caching.Write && cache is not MemoryResponseCache && !ledger.AreForgotten(sweep, plan.Experiment.Name)
        && (plan.Caching.NotBefore == default || (_begun >= plan.Caching.NotBefore && !(plan.Experiment.Cache is { Expiry: not null, Stores.Backend: CacheSettings.Redis })));

    private async Task RequireWholeAsync(ExperimentRun run, CancellationToken cancellationToken)
    {
        if (await FinishedKeys.CountLostAsync(run.Files.ResultsPath, cache, ledger, isExact: true, cancellationToken).ConfigureAwait(false) is var lost and > 0)
        {
            throw Error(LostResults.OfResults(sweep, lost));
        }

        run.IsWhole = true;
    }

    private static SluiceException Error(Loss loss) => new(ErrorKind.Environment, loss.Problem, loss.Remedy);
}
