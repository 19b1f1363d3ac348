using Sluice.Simulator.Batches;
using Sluice.Simulator.Faults;
using Sluice.Simulator.Requests;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.OpenAI;

/// <summary>The life of one OpenAI batch, from <c>validating</c> to its end. It can be begun again after a restart in any state.</summary>
internal sealed class OpenAIBatchJob(SimulatorCore core, string id)
{
    private readonly OpenAIStore _store = core.OpenAI;
    private readonly TimeProvider _time = core.Options.TimeProvider;

    public async Task RunAsync(CancellationToken cancellationToken)
    {
        if (_store.Batches.Find(id) is not { } batch)
        {
            return;
        }

        try
        {
            await RunAsync(batch, cancellationToken).ConfigureAwait(false);
        }
        catch (IOException error)
        {
            core.Stats.InternalError(error);
            Fail(new BatchError("server_error", "The simulator could not read or write the batch's files: " + error.Message));
        }
    }

    private async Task RunAsync(OpenAIBatch batch, CancellationToken cancellationToken)
    {
        var runtime = core.Runner.RuntimeOf(id, batch.Faults);
        if (batch.Total == 0 || batch.Status == "validating")
        {
            var valid = await core.Runner.WorkAsync(() => ValidateAsync(batch, runtime, cancellationToken), cancellationToken).ConfigureAwait(false);
            if (!valid || _store.Batches.Find(id) is not { } validated)
            {
                return;
            }

            batch = validated;
        }

        if (batch is { Status: "in_progress", InProgressAt: { } begun })
        {
            var due = DateTimeOffset.FromUnixTimeSeconds(begun) + core.Options.BatchDelay;
            var wait = due - _time.GetUtcNow();
            await core.Runner.WaitAsync(wait < core.Options.BatchDelay ? wait : core.Options.BatchDelay, runtime, cancellationToken).ConfigureAwait(false);
        }

        await core.Runner.WorkAsync(() => ExecuteAsync(batch, runtime, cancellationToken), cancellationToken).ConfigureAwait(false);
    }

    private async Task<bool> ValidateAsync(OpenAIBatch batch, BatchRuntime runtime, CancellationToken cancellationToken)
    {
        BatchError? error = null;
        var check = new BatchInputCheck(batch, OpenAIEndpoints.Find(batch.Endpoint), core.Options);
        if (runtime.Faults.TryGet(FaultKind.Failed, out var fault))
        {
            error = await FaultErrorAsync(fault, check, cancellationToken).ConfigureAwait(false);
        }
        else if (_store.Files.Find(batch.InputFileId) is not { } file)
        {
            error = new BatchError("invalid_request", $"Cannot find file with ID '{batch.InputFileId}'.", "input_file_id");
        }
        else if (file.Purpose != "batch")
        {
            error = new BatchError("invalid_request", $"Invalid file purpose: '{file.Purpose}'. Must be 'batch'.", "input_file_id");
        }
        else
        {
            error = await check.RunAsync(_store.ContentPath(file.Id), cancellationToken).ConfigureAwait(false);
        }

        if (error is null)
        {
            error = Enqueue(check);
        }

        if (error is not null)
        {
            Fail(error);
        }

        return error is null;
    }

    private async Task<BatchError> FaultErrorAsync(Fault fault, BatchInputCheck check, CancellationToken cancellationToken)
    {
        var code = fault.Code ?? "invalid_request";
        if (_store.Batches.Find(id) is { } batch && _store.Files.Find(batch.InputFileId) is { } file)
        {
            // Read for the model's name, which the message of a full queue contains.
            _ = await check.RunAsync(_store.ContentPath(file.Id), cancellationToken).ConfigureAwait(false);
        }

        var message = code == "token_limit_exceeded"
            ? TokenLimitMessage(check.Model ?? "unknown", core.Options.Limits.OpenAIEnqueuedTokensPerModel ?? 90_000)
            : "The batch failed as the simulator's fault script says.";
        return new BatchError(code, fault.Message ?? message, fault.Param, fault.Line);
    }

    private static string TokenLimitMessage(string model, long limit) =>
        $"Enqueued token limit reached for {model} in organization org-simulator. Limit: {limit:N0} enqueued tokens. "
        + "Please try again once some in_progress batches have been completed.";

    /// <summary>Takes the batch out of validation, if the model's queue has room for it.</summary>
    private BatchError? Enqueue(BatchInputCheck check)
    {
        lock (core.EnqueueLock)
        {
            if (core.Options.Limits.OpenAIEnqueuedTokensPerModel is { } limit)
            {
                var queued = _store.Batches.List(null, int.MaxValue, true, other => other.Model == check.Model && !other.HasEnded)
                    .Items.Sum(other => other.EnqueuedTokens);
                if (queued + check.Tokens > limit)
                {
                    return new BatchError("token_limit_exceeded", TokenLimitMessage(check.Model ?? "unknown", limit));
                }
            }

            _store.Batches.Update(id, batch =>
            {
                var counted = batch with { Total = check.Lines, Model = check.Model, EnqueuedTokens = check.Tokens };
                return batch.Status == "validating" ? counted with { Status = "in_progress", InProgressAt = _time.UnixSeconds() } : counted;
            });
            return null;
        }
    }

    private async Task<bool> ExecuteAsync(OpenAIBatch batch, BatchRuntime runtime, CancellationToken cancellationToken)
    {
        var outputPath = _store.TemporaryPath(id + "_output");
        var errorPath = _store.TemporaryPath(id + "_error");
        var plan = new BatchPlan(Api.OpenAI, _store.ContentPath(batch.InputFileId), batch.Total, runtime.Faults);
        var output = new RowWriter(outputPath, runtime.Faults);
        var errors = new RowWriter(errorPath, runtime.Faults);
        var rows = new OpenAIRows(OpenAIEndpoints.Find(batch.Endpoint), output, errors, _time.UnixSeconds());
        BatchTally tally;
        await using (rows.ConfigureAwait(false))
        {
            var executor = new BatchExecutor(core.Answers, core.Options, core.Faults, core.Stats.OpenAI);
            tally = await executor.RunAsync(plan, rows, Progress, cancellationToken).ConfigureAwait(false);
            await output.CompleteAsync(cancellationToken).ConfigureAwait(false);
            await errors.CompleteAsync(cancellationToken).ConfigureAwait(false);
        }

        _store.Batches.Update(id, now => now.Status == "in_progress" ? now with { Status = "finalizing", FinalizingAt = _time.UnixSeconds() } : now);
        var shuffled = runtime.Faults.Has(FaultKind.RowsShuffled);
        var outputId = await PublishAsync(batch, outputPath, "output", output.Rows > 0, shuffled, cancellationToken).ConfigureAwait(false);
        var wantsErrorFile = errors.Rows > 0 || runtime.Faults.Has(FaultKind.ErrorFileEmpty);
        var errorId = await PublishAsync(batch, errorPath, "error", wantsErrorFile, shuffled, cancellationToken).ConfigureAwait(false);
        _store.Batches.Update(id, now => End(now, tally, outputId, errorId));
        core.Stats.OpenAI.BatchEnded();
        return true;
    }

    /// <returns>Whether the batch is to stop.</returns>
    private bool Progress(BatchTally tally)
    {
        var now = _store.Batches.Update(
            id, batch => batch with { Completed = tally.Succeeded, Failed = tally.Errored + tally.NotRun }, durable: false);
        return now is null or { Status: "cancelling" };
    }

    private async Task<string?> PublishAsync(
        OpenAIBatch batch, string path, string kind, bool wanted, bool shuffled, CancellationToken cancellationToken)
    {
        if (!wanted)
        {
            File.Delete(path);
            return null;
        }

        if (shuffled)
        {
            await RowShuffler.ShuffleAsync(path, cancellationToken).ConfigureAwait(false);
        }

        var fileId = Ids.Random("file-");
        var bytes = new FileInfo(path).Length;
        File.Move(path, _store.ContentPath(fileId));
        var now = _time.UnixSeconds();
        _store.Files.Add(sequence => new StoredFile(fileId, sequence)
        {
            Filename = $"{id}_{kind}.jsonl",
            Purpose = "batch_output",
            Bytes = bytes,
            CreatedAt = now,
            ExpiresAt = now + (batch.OutputExpiresAfter ?? OpenAIFiles.DefaultLifetimeSeconds),
        });
        core.Stats.OpenAI.FileStored(uploaded: false, bytes);
        return fileId;
    }

    private OpenAIBatch End(OpenAIBatch batch, BatchTally tally, string? outputId, string? errorId)
    {
        var now = _time.UnixSeconds();
        var ended = batch with
        {
            OutputFileId = outputId,
            ErrorFileId = errorId,
            Completed = tally.Succeeded,
            Failed = tally.Errored + tally.NotRun,
            InputTokens = tally.InputTokens,
            OutputTokens = tally.OutputTokens,
        };
        if (batch.Status == "cancelling" || tally.Stop == Stop.Cancelled)
        {
            return ended with { Status = "cancelled", CancellingAt = batch.CancellingAt ?? now, CancelledAt = now };
        }

        return tally.Stop == Stop.Expired
            ? ended with { Status = "expired", ExpiredAt = now }
            : ended with { Status = "completed", CompletedAt = now };
    }

    private void Fail(BatchError error)
    {
        _store.Batches.Update(id, batch => batch.Status == "cancelling"
            ? batch with { Status = "cancelled", CancelledAt = _time.UnixSeconds() }
            : batch with { Status = "failed", FailedAt = _time.UnixSeconds(), Error = error });
        core.Stats.OpenAI.BatchEnded();
    }
}
