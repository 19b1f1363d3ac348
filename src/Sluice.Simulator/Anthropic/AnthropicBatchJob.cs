using Sluice.Simulator.Batches;
using Sluice.Simulator.Faults;

namespace Sluice.Simulator.Anthropic;

/// <summary>The life of one Anthropic batch, from <c>in_progress</c> to <c>ended</c>. It can be begun again after a restart.</summary>
internal sealed class AnthropicBatchJob(SimulatorCore core, string id)
{
    private readonly AnthropicStore _store = core.Anthropic;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (_store.Batches.Find(id) is not { } batch)
        {
            return;
        }

        var runtime = core.Runner.RuntimeOf(id, batch.Faults);
        if (batch.Status == "in_progress")
        {
            var wait = batch.CreatedAt + core.Options.BatchDelay - core.Options.TimeProvider.GetUtcNow();
            await core.Runner.WaitAsync(wait, runtime, cancellationToken).ConfigureAwait(false);
        }

        await core.Runner.WorkAsync(() => ExecuteAsync(batch, runtime, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> ExecuteAsync(MessageBatch batch, BatchRuntime runtime, CancellationToken cancellationToken)
    {
        var path = _store.ResultsPath(id) + ".part";
        var results = new RowWriter(path, runtime.Faults);
        var rows = new AnthropicRows(results);
        BatchTally tally;
        await using (rows.ConfigureAwait(false))
        {
            var plan = new BatchPlan(Api.Anthropic, _store.RequestsPath(id), batch.Total, runtime.Faults);
            var executor = new BatchExecutor(core.Answers, core.Options, core.Faults, core.Stats.Anthropic);
            tally = await executor.RunAsync(plan, rows, Progress, cancellationToken).ConfigureAwait(false);
            await results.CompleteAsync(cancellationToken).ConfigureAwait(false);
        }

        if (runtime.Faults.Has(FaultKind.RowsShuffled))
        {
            await RowShuffler.ShuffleAsync(path, cancellationToken).ConfigureAwait(false);
        }

        File.Move(path, _store.ResultsPath(id), overwrite: true);
        var now = core.Options.TimeProvider.GetUtcNow();
        _store.Batches.Update(id, current => Count(current, tally) with
        {
            Status = "ended",
            EndedAt = now,
            CancelInitiatedAt = current.CancelInitiatedAt ?? (tally.Stop == Stop.Cancelled ? now : null),
        });
        core.Stats.Anthropic.BatchEnded();
        return true;
    }

    /// <returns>Whether the batch is to stop.</returns>
    private bool Progress(BatchTally tally)
    {
        var now = _store.Batches.Update(id, batch => Count(batch, tally), durable: false);
        return now is null or { Status: "canceling" };
    }

    private static MessageBatch Count(MessageBatch batch, BatchTally tally) => batch with
    {
        Succeeded = tally.Succeeded,
        Errored = tally.Errored,
        Expired = tally.Stop == Stop.Expired ? tally.NotRun : 0,
        Canceled = tally.Stop == Stop.Cancelled ? tally.NotRun : 0,
    };
}
