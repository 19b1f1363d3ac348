using Sluice.Dispatch;
using Sluice.Ledger;

namespace Sluice.Sweeps;

/// <summary>Holds back the batches that earlier commands have written and not sent, except those that an experiment of this command asks for.</summary>
/// <remarks>The command that wrote one may have been stopped because its prompt was wrong.</remarks>
/// <param name="ledger">Told which batches are not sent.</param>
/// <param name="observe">Told what is held back.</param>
internal sealed class UnsentBatches(LedgerStore ledger, Action<DispatchEvent> observe)
{
    private readonly Lock _gate = new();
    private readonly Dictionary<long, Intent> _unsent = [];
    private readonly Dictionary<ExperimentRun, HashSet<long>> _heldBy = [];
    private readonly HashSet<long> _told = [];
    private readonly HashSet<(ExperimentRun Run, long Row)> _met = [];
    // What another process has in its hands, and experiments with a budget wait for.
    private readonly Dictionary<long, List<ExperimentRun>> _others = [];
    // These under the lock: the ledger asks for them. They grow with the batches of the command.
    private readonly HashSet<long> _asked = [];
    private HashSet<long> _held = [];

    /// <summary>Gets them.</summary>
    public IReadOnlyCollection<long> Rows => _unsent.Keys;

    /// <summary>Keeps all of them back until it is known who asks for them, and whether the budgets have room; before anything is sent.</summary>
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

    /// <summary>Notes what a replay has found in flight: should its process die, or have died, the batch is sent from here. Under a budget that is weighed before.</summary>
    public void Replayed(ExperimentRun run)
    {
        lock (_gate)
        {
            foreach (var row in run.WaitsFor.Where(row => !_asked.Contains(row)))
            {
                if (run.Plan.Experiment.BudgetUsd is null)
                {
                    _asked.Add(row);
                }
                else if (_unsent.ContainsKey(row))
                {
                    // Answers that came meanwhile have led to it. Once: a forecast that passes it over would have the run replayed for ever.
                    run.IsRipe |= _met.Add((run, row));
                }
                else if (!_others.TryAdd(row, [run]) && !_others[row].Contains(run))
                {
                    _others[row].Add(run);
                }
            }
        }
    }

    /// <summary>Looks at what was in another process's hands: a batch that it has left unsent is weighed by the budgets of those who wait for it. Call it from time to time.</summary>
    public void LookAtOthers()
    {
        List<long> rows;
        lock (_gate)
        {
            rows = [.. _others.Keys];
        }

        foreach (var row in rows)
        {
            // Not under the lock: the ledger asks for it while it is locked itself.
            var intent = ledger.Get(row);
            var isUnsent = intent is { State: IntentState.Sealed or IntentState.Uploaded };
            var isInHands = isUnsent ? ledger.IsOthers(intent!) : intent is { State: IntentState.Spooling } or { IsInDoubt: true };
            lock (_gate)
            {
                if (isInHands && !_asked.Contains(row))
                {
                    continue;
                }

                _others.Remove(row, out var runs);
                if (isUnsent && !_asked.Contains(row))
                {
                    _unsent[row] = intent!;
                    runs!.ForEach(run => run.IsRipe = true);
                }
                else
                {
                    _asked.Add(row);
                }
            }
        }
    }

    /// <summary>Tells whether nobody sends a batch before this command has ended: it is held back here, and no other process has it.</summary>
    public bool IsStuck(long row)
    {
        lock (_gate)
        {
            return !_others.ContainsKey(row) && ledger.IsHeldBack(row);
        }
    }

    /// <summary>Takes what the budget of an experiment says to those that it asks for.</summary>
    /// <param name="run">The experiment.</param>
    /// <param name="asked">What it asks for.</param>
    /// <param name="held">What its budget has no room for.</param>
    /// <param name="why">Why not, for people.</param>
    public void Weighed(ExperimentRun run, IEnumerable<long> asked, HashSet<long> held, string why)
    {
        lock (_gate)
        {
            _heldBy[run] = held;
            _asked.UnionWith(asked);
        }

        if (held.Where(_told.Add).ToList() is { Count: > 0 } news)
        {
            observe(new Remark($"`{run.Plan.Experiment.Name}`: {Count(news)} held back: {why}, or {Drop(news)}"));
        }
    }

    /// <summary>Lets those go that an experiment with a budget asks for and every budget has room for.</summary>
    public void Decide()
    {
        lock (_gate)
        {
            _held = [.. _heldBy.Values.SelectMany(rows => rows)];
        }
    }

    /// <summary>Says which are not sent, since no experiment asks for them. Call it when all experiments were replayed.</summary>
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

    private string Count(List<long> rows) =>
        $"{(rows.Count == 1 ? "1 batch that an earlier command has written" : $"{rows.Count} batches that an earlier command has written")} ({rows.Sum(r => _unsent[r].Count)} requests) {(rows.Count == 1 ? "is" : "are")}";

    private string Drop(List<long> rows) => $"drop {(rows.Count == 1 ? "it" : "them")} with `sluice cancel {string.Join(' ', rows.Take(10).Select(r => _unsent[r].Id))}{(rows.Count > 10 ? " ..." : "")}`";
}
