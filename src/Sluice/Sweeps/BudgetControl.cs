using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Experiments;
using Sluice.Ledger;

namespace Sluice.Sweeps;

/// <summary>Holds the experiments of a command to their budgets: what they would send now, and what an earlier command has written and not sent.</summary>
/// <remarks>Of that, only what an experiment of this command asks for is sent: the command that wrote it may have been stopped because its prompt was wrong.</remarks>
/// <param name="cache">Where answers are.</param>
/// <param name="ledger">What knows what is in flight, and is told which batches are not sent.</param>
/// <param name="observe">Told what is held back.</param>
internal sealed class BudgetControl(IResponseCache cache, LedgerStore ledger, Action<DispatchEvent> observe)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, Intent> _unsent = [];
    private readonly Dictionary<ExperimentRun, HashSet<long>> _heldBy = [];
    private readonly HashSet<long> _told = [];
    // These under the lock: the ledger asks for them. They grow with the batches of the command.
    private readonly HashSet<long> _asked = [];
    private HashSet<long> _held = [];

    /// <summary>Keeps batches back that others have made until it is known who asks for them, and whether the budgets have room; before anything is sent.</summary>
    public void Begin()
    {
        foreach (var intent in ledger.Open().Where(i => i.State is IntentState.Sealed or IntentState.Uploaded && !ledger.IsOthers(i)))
        {
            _unsent.Add(intent.Row, intent);
        }

        _held = [.. _unsent.Keys];
        ledger.HoldBack(row =>
        {
            lock (_gate)
            {
                return _held.Contains(row) || !_asked.Contains(row);
            }
        });
    }

    /// <summary>Notes that a batch is this command's own: it was made because an experiment asks.</summary>
    public void Made(long row)
    {
        lock (_gate)
        {
            _asked.Add(row);
        }
    }

    /// <summary>Notes what a replay has found on its way: should its process die, or have died, the batch is sent from here.</summary>
    public void Replayed(ExperimentRun run)
    {
        // What budgets have to have room for is weighed before a replay.
        var rows = run.Plan.Experiment.BudgetUsd is null ? run.WaitsFor : run.WaitsFor.Where(row => !_unsent.ContainsKey(row));
        lock (_gate)
        {
            _asked.UnionWith(rows);
        }
    }

    /// <summary>Looks at what a replay would cost before it begins; more than the budget holds all of it back.</summary>
    /// <exception cref="SluiceException">The price of a model is not known.</exception>
    public async Task BeginReplayAsync(ExperimentRun run, bool retryFailed, CancellationToken cancellationToken)
    {
        run.Tally.BeginReplay(retryFailed, null);
        if (run.Plan.Experiment.BudgetUsd is not { } budget)
        {
            return;
        }

        var forecast = await SweepPlan.MakeOneAsync(run.Plan, cache, ledger, retryFailed, run.Trail, _unsent.Keys, cancellationToken).ConfigureAwait(false);
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

    /// <summary>Lets those batches of earlier commands go that an experiment with a budget asks for and every budget has room for.</summary>
    public void Decide()
    {
        lock (_gate)
        {
            _held = [.. _heldBy.Values.SelectMany(rows => rows)];
        }
    }

    /// <summary>Says which batches of earlier commands are not sent, since no experiment asks for them. Call it when all experiments were replayed.</summary>
    public void Tell()
    {
        List<long> unasked;
        lock (_gate)
        {
            unasked = [.. _unsent.Keys.Where(row => !_asked.Contains(row))];
        }

        if (unasked.FindAll(_told.Add) is { Count: > 0 } news)
        {
            observe(new Remark($"{Count(news)} held back: no experiment of this command asks for {(news.Count == 1 ? "it" : "them")}. Run the sweep that wrote {(news.Count == 1 ? "it" : "them")}, or {Drop(news)}"));
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

        lock (_gate)
        {
            _heldBy[run] = held;
            _asked.UnionWith(forecast.Unsent.Keys);
        }

        if (held.Where(_told.Add).ToList() is { Count: > 0 } news)
        {
            observe(new Remark($"`{run.Plan.Experiment.Name}`: {Count(news)} held back: in all it would cost about ${total:0.######}, and the budget is ${budget:0.######}. Raise `budget.usd`, or {Drop(news)}"));
        }
    }

    private string Count(List<long> rows) =>
        $"{(rows.Count == 1 ? "1 batch that an earlier command has written" : $"{rows.Count} batches that an earlier command has written")} ({rows.Sum(r => _unsent[r].Count)} requests) {(rows.Count == 1 ? "is" : "are")}";

    private string Drop(List<long> rows) => $"drop {(rows.Count == 1 ? "it" : "them")} with `sluice cancel {string.Join(' ', rows.Take(10).Select(r => _unsent[r].Id))}{(rows.Count > 10 ? " ..." : "")}`";
}
