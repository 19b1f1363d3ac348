using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Experiments;
using Sluice.Ledger;

namespace Sluice.Sweeps;

/// <summary>Holds the experiments of a command to their budgets: what they would send now, and what an earlier command has written and not sent.</summary>
/// <param name="cache">Where answers are.</param>
/// <param name="ledger">What knows what is in flight.</param>
/// <param name="unsent">What an earlier command has written and not sent.</param>
/// <param name="observe">Told what is held back.</param>
internal sealed class BudgetControl(IResponseCache cache, LedgerStore ledger, UnsentBatches unsent, Action<DispatchEvent> observe)
{
    /// <summary>Looks at what a replay would cost before it begins; more than the budget holds all of it back.</summary>
    /// <exception cref="SluiceException">The price of a model is not known.</exception>
    public async Task BeginReplayAsync(ExperimentRun run, bool retryFailed, CancellationToken cancellationToken)
    {
        run.Tally.BeginReplay(retryFailed, null);
        if (run.Plan.Experiment.BudgetUsd is not { } budget)
        {
            return;
        }

        var forecast = await SweepPlan.MakeOneAsync(run.Plan, cache, ledger, retryFailed, run.Trail, unsent.Rows, cancellationToken).ConfigureAwait(false);
        if (forecast.ToSend == 0 && forecast.Unsent.Count == 0)
        {
            return;
        }

        // What was sent and is no longer asked for, because the dataset has changed meanwhile, is paid for all the same.
        run.FirstUsd ??= forecast.AnsweredUsd + forecast.InFlightUsd;
        var unasked = run.Trail.HasOtherRecords ? Math.Max(0, (run.FirstUsd + run.SentUsd - forecast.AnsweredUsd - forecast.InFlightUsd) ?? 0) : 0;
        // Later steps are not in the forecast: live ones draw on what the budget leaves, batch ones meet this check in the next replay.
        run.Tally.BeginReplay(retryFailed, budget - unasked - forecast.AnsweredUsd - forecast.InFlightUsd);

        if (forecast.TotalUsd + unasked is not { } total)
        {
            throw new SluiceException(
                ErrorKind.Usage,
                $"experiment `{run.Plan.Experiment.Name}` has a budget of ${budget:0.######}, but the price of a model is not known",
                "give it with `model.price: {input: ..., output: ..., batch_input: ..., batch_output: ...}` (USD per million tokens), or remove the budget");
        }

        WeighUnsent(run, forecast, budget - unasked, total);
        if (forecast.ToSend == 0)
        {
            return;
        }

        if (total > budget)
        {
            run.Tally.HoldsBack = true;
            observe(new Remark($"`{run.Plan.Experiment.Name}`: {forecast.ToSend} requests are held back: they would cost about ${forecast.ToSendUsd:0.######}, in all ${total:0.######}, and the budget is ${budget:0.######}"));
        }
        else
        {
            run.SentUsd += forecast.ToSendUsd ?? 0;
        }
    }

    /// <summary>Finds room in the budget for what is written and not sent, oldest first.</summary>
    private void WeighUnsent(ExperimentRun run, ExperimentForecast forecast, double budget, double total)
    {
        var spent = (forecast.AnsweredUsd + forecast.InFlightUsd - forecast.Unsent.Values.Sum(u => u.Usd)) ?? 0;
        var held = new HashSet<long>();
        foreach (var (row, (requests, usd)) in forecast.Unsent.OrderBy(u => u.Key))
        {
            if (spent + usd > budget)
            {
                held.Add(row);
                run.Tally.AddHeld(requests);
            }
            else
            {
                spent += usd ?? 0;
            }
        }

        unsent.Weighed(run, forecast.Unsent.Keys, held, $"in all it would cost about ${total:0.######}, and the budget is ${budget:0.######}. Raise `budget.usd`");
    }
}
