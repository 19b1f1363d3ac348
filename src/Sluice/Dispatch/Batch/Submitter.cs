using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Storage;

namespace Sluice.Dispatch.Batch;

/// <summary>Sends an account's sealed spools, one after the other, and settles create calls whose outcome is not known.</summary>
internal sealed class Submitter(string account, BatchContext context, Reconciler reconciler, ModelHolds holds, Action<Intent, RequestError> refuse)
{
    private readonly LedgerStore _ledger = context.Ledger;
    private readonly SemaphoreSlim _work = new(0);

    /// <summary>Says that there may be something new to do.</summary>
    public void Notify() => _work.Release();

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            if (await TryNextAsync(cancellationToken).ConfigureAwait(false) is not { } wait)
            {
                continue;
            }

            await WaitAsync(wait, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Does the next step that can be done; returns how long to wait when there is none.</summary>
    private async Task<TimeSpan?> TryNextAsync(CancellationToken cancellationToken)
    {
        var now = context.Time.GetUtcNow();
        // While one create call's outcome is not known, nothing else is created: a batch found in the list can then only be that one.
        var inDoubt = _ledger.InDoubt(account);
        var models = inDoubt.Count > 0 ? [.. inDoubt.Select(i => i.Model).Distinct()] : _ledger.ModelsToSend(account);
        var ready = models.Where(m => holds.Until(m) <= now).ToHashSet();
        var next = inDoubt.Count > 0 ? inDoubt.Where(i => ready.Contains(i.Model)).Select(_ledger.TryOwn).FirstOrDefault(i => i is not null) : _ledger.TryOwnUnsent(account, ready);
        if (next is not null && await TryAsync(next, cancellationToken).ConfigureAwait(false))
        {
            return null;
        }

        // What is not held is another process's: it is looked at again soon, in case that one is done or dies.
        return models.Count == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(Math.Clamp(models.Min(m => holds.Until(m) > now ? (holds.Until(m) - now).TotalSeconds : 0.2), 0.05, 30));
    }

    /// <summary>Does the next step for an intent; false when another process's create call has to end first.</summary>
    private async Task<bool> TryAsync(Intent intent, CancellationToken cancellationToken)
    {
        try
        {
            var provider = context.Providers.Get(intent.Provider);
            if (intent.IsInDoubt)
            {
                await SettleDoubtAsync(intent, provider, cancellationToken).ConfigureAwait(false);
                return true;
            }

            return await SendAsync(intent, provider, cancellationToken).ConfigureAwait(false);
        }
        catch (LostIntentException lost)
        {
            context.Observe(new Remark(lost.Message));
            return true;
        }
        catch (Exception error) when (Collector.IsOfOneBatch(error))
        {
            NoteTrouble(intent, $"what the provider says of it cannot be used: {error.Message}");
            return true;
        }
    }

    /// <summary>Notes on a batch what has gone wrong with it alone; it is tried again later, and the others go on. After a create call has begun, nobody knows whether there is a batch.</summary>
    private void NoteTrouble(Intent intent, string trouble)
    {
        try
        {
            if (_ledger.TryOwn(intent) is { } mine)
            {
                holds.Hold(mine, context.Providers.Get(mine.Provider), null);
                _ = mine.State == IntentState.Creating ? _ledger.MarkUnknown(mine, trouble) : _ledger.Remark(mine, trouble);
            }
        }
        catch (LostIntentException)
        {
            // It is another process's now, which finds the same.
        }

        context.Observe(new Remark($"batch {intent.Id} of `{intent.Model}`: {trouble}"));
    }

    private async Task<bool> SendAsync(Intent intent, IProvider provider, CancellationToken cancellationToken)
    {
        var api = provider.Batch!;
        try
        {
            if (SpoolProblem(intent) is { } problem)
            {
                // Nothing of it was sent: what it asks is planned again, and the other batches go on.
                _ledger.Drop(intent, context.SpoolFolder);
                context.Observe(new Remark($"batch {intent.Id}: {problem}; it is not sent, and its requests are planned again"));
                return true;
            }

            var spool = new BatchSpool(intent.Id, Spool.PathOf(context.SpoolFolder, intent.Id), intent.Count, intent.Bytes);
            if (intent.State == IntentState.Sealed)
            {
                CrashPoint.Hit("provider.upload.before");
                var file = await api.UploadAsync(spool, cancellationToken).ConfigureAwait(false);
                CrashPoint.Hit("provider.upload.after");
                intent = _ledger.MarkUploaded(intent, file);
                context.Observe(new BatchChanged(intent, null));
            }

            if (_ledger.MarkCreating(intent) is not { } creating)
            {
                return false;
            }

            intent = creating;
            context.Observe(new BatchChanged(intent, null));
            CrashPoint.Hit("provider.create.before");
            var info = await CreateAsync(intent, spool, api, cancellationToken).ConfigureAwait(false);
            CrashPoint.Hit("provider.create.after");
            await CreatedAsync(intent, info, provider, cancellationToken).ConfigureAwait(false);
        }
        catch (ProviderException error)
        {
            Refused(intent, provider, error);
        }

        return true;
    }

    /// <summary>Makes the create call, and breaks it off when the intent is another process's by now: that one looks for the batch already.</summary>
    private async Task<BatchInfo> CreateAsync(Intent intent, BatchSpool spool, IBatchApi api, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var call = api.CreateAsync(spool, intent.FileId, stop.Token);
        while (true)
        {
            try
            {
                return await call.WaitAsync(LedgerStore.LeaseTime / 3, context.Time, CancellationToken.None).ConfigureAwait(false);
            }
            catch (TimeoutException) when (!call.IsCompleted)
            {
                if (_ledger.Get(intent.Row)?.Fence != intent.Fence)
                {
                    await stop.CancelAsync().ConfigureAwait(false);
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
            {
                throw new LostIntentException(intent.Id);
            }
        }
    }

    /// <summary>Says what is wrong with a spool that is to be sent, or null: an answer to other words would be kept under the key of these.</summary>
    private string? SpoolProblem(Intent intent)
    {
        try
        {
            return intent.FileId is null ? Spool.Check(context.SpoolFolder, intent) : null;
        }
        catch (FormatException error)
        {
            return error.Message;
        }
    }

    // The hold stays until the batch runs: one that fails in validation must wait longer each time.
    private async Task CreatedAsync(Intent intent, BatchInfo info, IProvider provider, CancellationToken cancellationToken)
    {
        try
        {
            context.Observe(new BatchChanged(_ledger.MarkSubmitted(intent, info.Id), info));
        }
        catch (LostIntentException) when (_ledger.Get(intent.Row)?.BatchId != info.Id)
        {
            // This process stood still around its call, and another one has taken over. Has that made a batch too, ours is one too many.
            if (!_ledger.TryHandIn(intent, info.Id))
            {
                await reconciler.CancelTwinAsync(intent, info, provider, cancellationToken).ConfigureAwait(false);
            }
        }
    }

    private void Refused(Intent intent, IProvider provider, ProviderException error)
    {
        var creating = intent.State == IntentState.Creating;
        if (creating && error.OutcomeUnknown)
        {
            // Perhaps there is a batch: it is looked for before anything else is sent to this account.
            intent = _ledger.MarkUnknown(intent, $"the answer to the create call was lost ({error.Error}); looking for the batch");
            context.Observe(new BatchChanged(intent, null));
            holds.Hold(intent, provider, error.RetryAfter);
            return;
        }

        if (error.Status == 404)
        {
            _ledger.MarkNotCreated(intent, error.Error.ToString());
            throw new SluiceException(ErrorKind.Usage, $"provider `{provider.Reference.Provider}` answers 404 where batches are made: {error.Error}", "check `base_url`: it means what it means in the vendor's SDK; then run the same command again");
        }

        switch (error.Error.Class)
        {
            case ErrorClass.Credentials or ErrorClass.Quota:
                _ = creating ? _ledger.MarkNotCreated(intent, error.Error.ToString()) : _ledger.Remark(intent, error.Error.ToString());
                throw AccountTrouble.Of(provider, error.Error)!;
            case ErrorClass.Permanent:
                refuse(intent, error.Error);
                break;
            default:
                intent = creating ? _ledger.MarkNotCreated(intent, error.Error.ToString()) : _ledger.Remark(intent, error.Error.ToString());
                var wait = holds.Hold(intent, provider, error.RetryAfter);
                context.Observe(new BatchChanged(intent, null));
                context.Observe(new Remark($"`{intent.Model}`: {error.Error}; trying again in {Wait.Text(wait)}"));
                break;
        }
    }

    /// <summary>Takes over the batch of a create call whose outcome is not known, or makes sure that there is none.</summary>
    private async Task SettleDoubtAsync(Intent intent, IProvider provider, CancellationToken cancellationToken)
    {
        var finding = await FindAsync(intent, provider, cancellationToken).ConfigureAwait(false);
        switch (finding)
        {
            case BatchFinding.Found found:
                holds.LetGo(intent);
                context.Observe(new BatchChanged(_ledger.MarkSubmitted(intent, found.Batch.Id, found.IsProvisional), found.Batch));
                break;
            case BatchFinding.None:
                holds.LetGo(intent);
                context.Observe(new BatchChanged(_ledger.MarkNotCreated(intent, "the create call was lost and left no batch; sending again"), null));
                break;
            case BatchFinding.Undecided undecided:
                holds.Hold(intent, provider, undecided.RetryAfter);
                var isNew = intent.State != IntentState.NeedsHuman && undecided.NeedsHuman;
                intent = undecided.NeedsHuman ? _ledger.MarkNeedsHuman(intent, undecided.Note) : _ledger.MarkUnknown(intent, undecided.Note);
                context.Observe(new BatchChanged(intent, null));
                if (isNew)
                {
                    context.Observe(new Remark($"batch {intent.Id} of `{intent.Model}` needs a decision: {undecided.Note}"));
                }

                break;
        }
    }

    /// <summary>Searches the provider. A list that cannot be read says nothing about the batch: it stays to be looked for.</summary>
    private async Task<BatchFinding> FindAsync(Intent intent, IProvider provider, CancellationToken cancellationToken)
    {
        try
        {
            return await reconciler.FindAsync(intent, provider, cancellationToken).ConfigureAwait(false);
        }
        catch (ProviderException error)
        {
            if (AccountTrouble.Of(provider, error.Error) is { } trouble)
            {
                _ledger.MarkUnknown(intent, $"the list of batches cannot be read ({error.Error})");
                throw trouble;
            }

            var hopeless = error.Error.Class == ErrorClass.Permanent;
            return new BatchFinding.Undecided(
                $"the list of batches cannot be read ({error.Error}); " + (hopeless ? Reconciler.Decide(intent) : "looking again later"), hopeless, error.RetryAfter);
        }
    }

    private async Task WaitAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(wait, context.Time);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, timeout.Token);
        try
        {
            await _work.WaitAsync(either.Token).ConfigureAwait(false);
            while (_work.Wait(0, CancellationToken.None))
            {
                // Many signals are one: the ledger is read anew anyway.
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // Time is up: the caller looks again.
        }
    }
}
