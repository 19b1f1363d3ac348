using System.Globalization;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Storage;

namespace Sluice.Dispatch.Batch;

/// <summary>Sends an account's sealed spools, one after the other, and settles create calls whose outcome is not known.</summary>
internal sealed class Submitter(string account, BatchContext context, Reconciler reconciler, ModelHolds holds, Action<Intent, RequestError> refuse)
{
    // A provider that never finds its own files would otherwise be sent them for ever.
    private const int MostUploadsAgain = 2;
    private static readonly TimeSpan SlowAfter = TimeSpan.FromMinutes(5);

    private readonly LedgerStore _ledger = context.Ledger;
    private readonly SemaphoreSlim _work = new(0);
    // There are as many as batches whose file was gone.
    private readonly Dictionary<long, int> _uploadedAgain = [];
    private long _bytesSent;
    private volatile SluiceException? _trouble;

    /// <summary>Sees to it that nothing more is sent: the next spool ends the engine with this error instead.</summary>
    public void Stop(SluiceException trouble) => _trouble = trouble;

    /// <summary>Says that there may be something new to do.</summary>
    public void Notify() => _work.Release();

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
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
        var now = context.Time.SteadyNow();
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
        if (_trouble is { } trouble)
        {
            throw trouble;
        }

        if (context.Failures.IsStopped(intent))
        {
            // Nothing of it was sent: the next command meets its requests again, perhaps with another config.
            Spool.Drop(context.SpoolFolder, intent.Id);
            _ledger.Discard(intent);
            return true;
        }

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

            var spool = new BatchSpool(intent.Id, Spool.PathOf(context.SpoolFolder, intent.Id), intent.Count, intent.Bytes) { Sent = bytes => Interlocked.Exchange(ref _bytesSent, bytes) };
            if (intent.State == IntentState.Sealed)
            {
                CrashPoint.Hit("provider.upload.before");
                var file = await UploadAsync(intent, spool, api, cancellationToken).ConfigureAwait(false);
                CrashPoint.Hit("provider.upload.after");
                intent = _ledger.MarkUploaded(intent, file);
                context.Observe(new BatchChanged(intent, null));
            }

            if (intent.LostCreates > 0 && await TakeEarlierAsync(intent, provider, cancellationToken).ConfigureAwait(false))
            {
                return true;
            }

            // From here on nothing is broken off before it is known how it ended.
            cancellationToken.ThrowIfCancellationRequested();
            if (_ledger.MarkCreating(intent) is not { } creating)
            {
                return false;
            }

            intent = creating;
            context.Observe(new BatchChanged(intent, null));
            CrashPoint.Hit("provider.create.before");
            var info = await CreateAsync(intent, spool, api, cancellationToken).ConfigureAwait(false);
            CrashPoint.Hit("provider.create.after");
            await CreatedAsync(intent, info, provider).ConfigureAwait(false);
        }
        catch (ProviderException error)
        {
            if (!await IsFileGoneAsync(intent, provider, error).ConfigureAwait(false))
            {
                Refused(intent, provider, error);
            }
        }

        return true;
    }

    /// <summary>Looks once more for the batch of an earlier, lost create call, which may have turned up while the intent waited for room, and be the reason that there was none. Takes it over, or leaves it to people.</summary>
    private async Task<bool> TakeEarlierAsync(Intent intent, IProvider provider, CancellationToken cancellationToken)
    {
        BatchFinding finding;
        try
        {
            finding = await reconciler.FindAsync(intent, provider, cancellationToken).ConfigureAwait(false);
        }
        catch (ProviderException error) when (error.Error.Class is not (ErrorClass.Credentials or ErrorClass.Quota))
        {
            // It was looked for when its call was given up, or people have said that there is none.
            return false;
        }

        switch (finding)
        {
            case BatchFinding.Found found:
                context.Observe(new BatchChanged(_ledger.MarkSubmitted(intent, found.Batch.Id, found.IsProvisional), found.Batch));
                return true;
            case BatchFinding.Undecided { NeedsHuman: true } undecided:
                context.Observe(new BatchChanged(_ledger.MarkNeedsHuman(intent, undecided.Note), null));
                context.Observe(new Remark($"batch {intent.Id} of `{intent.Model}` needs a decision: {undecided.Note}"));
                return true;
            default:
                // It was looked for as long as it had to be when its call was given up.
                return false;
        }
    }

    /// <summary>Uploads a spool. Nothing is paid for yet: a command that is stopped breaks it off.</summary>
    private async Task<string?> UploadAsync(Intent intent, BatchSpool spool, IBatchApi api, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        return await FollowAsync(intent, api.UploadAsync(spool, stop.Token), stop).ConfigureAwait(false);
    }

    /// <summary>Makes the create call. A command that is stopped waits for its answer: without, nobody would know whether there is a batch, and the provider's list may be slow to tell.</summary>
    private async Task<BatchInfo> CreateAsync(Intent intent, BatchSpool spool, IBatchApi api, CancellationToken cancellationToken)
    {
        using var stop = new CancellationTokenSource();
        using var saying = cancellationToken.Register(() =>
            context.Observe(new Remark($"waiting for the answer to the create call of batch {intent.Id} (`{intent.Model}`, {intent.Count} requests): it may be paid for already")));
        return await FollowAsync(intent, api.CreateAsync(spool, intent.FileId, stop.Token), stop).ConfigureAwait(false);
    }

    /// <summary>Waits for a call about a spool, tells of a slow line, and breaks the call off when the intent is another process's by now: that one looks for the batch already.</summary>
    private async Task<T> FollowAsync<T>(Intent intent, Task<T> call, CancellationTokenSource stop)
    {
        var began = context.Time.GetTimestamp();
        var next = SlowAfter;
        while (true)
        {
            try
            {
                return await call.WaitAsync(LedgerStore.LeaseTime / 3, context.Time, CancellationToken.None).ConfigureAwait(false);
            }
            catch (TimeoutException) when (!call.IsCompleted)
            {
                if (IsTakenOver(intent))
                {
                    await stop.CancelAsync().ConfigureAwait(false);
                }

                var sent = Interlocked.Read(ref _bytesSent);
                if (context.Time.GetElapsedTime(began) is var time && time >= next && sent < intent.Bytes)
                {
                    next = time * 2;
                    context.Observe(new Remark($"batch {intent.Id} of `{intent.Model}`: {Megabytes(sent)} of {Megabytes(intent.Bytes)} MB sent in {time.TotalMinutes:0} minutes; on a slow line a smaller `batch.max_bytes` makes shorter uploads"));
                }
            }
            catch (OperationCanceledException) when (stop.IsCancellationRequested && IsTakenOver(intent))
            {
                throw new LostIntentException(intent.Id);
            }
        }
    }

    private static string Megabytes(long bytes) => (bytes / 1e6).ToString("0.0", CultureInfo.InvariantCulture);

    private bool IsTakenOver(Intent intent)
    {
        try
        {
            return _ledger.Get(intent.Row)?.Fence != intent.Fence;
        }
        catch (SluiceException)
        {
            // A ledger that cannot be read for a moment is no reason to give up a call that may be paid for: the write after it will tell.
            return false;
        }
    }

    /// <summary>Finds out whether an intent was refused because its uploaded file is gone: deleted by somebody, or older than the provider keeps it. Then the intent goes back to be uploaded again.</summary>
    /// <returns>Whether it does; false, and nothing changed, when the refusal counts as it is.</returns>
    public async Task<bool> TryUploadAgainAsync(Intent intent, IProvider provider)
    {
        if (intent.FileId is not { } file || !IsToUploadAgain(intent.Row, count: false))
        {
            return false;
        }

        try
        {
            // Not broken off with the command: that the batch was refused is known, and not yet written down.
            if (await provider.Batch!.HasFileAsync(file, CancellationToken.None).ConfigureAwait(false))
            {
                return false;
            }
        }
        catch (ProviderException)
        {
            // What cannot be looked up is no reason to upload again.
            return false;
        }

        IsToUploadAgain(intent.Row, count: true);
        context.Observe(new BatchChanged(_ledger.MarkFileGone(intent, $"file {file} is gone at the provider; uploading it again"), null));
        context.Observe(new Remark($"batch {intent.Id} of `{intent.Model}`: the uploaded file {file} is gone at the provider; it is uploaded again"));
        return true;
    }

    private bool IsToUploadAgain(long row, bool count)
    {
        lock (_uploadedAgain)
        {
            var times = _uploadedAgain.GetValueOrDefault(row);
            if (count)
            {
                _uploadedAgain[row] = times + 1;
            }

            return times < MostUploadsAgain;
        }
    }

    private Task<bool> IsFileGoneAsync(Intent intent, IProvider provider, ProviderException error) =>
        intent.State == IntentState.Creating && !error.OutcomeUnknown && error.Status is 400 or 404 or 410 ? TryUploadAgainAsync(intent, provider) : Task.FromResult(false);

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
    private async Task CreatedAsync(Intent intent, BatchInfo info, IProvider provider)
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
                await reconciler.CancelTwinAsync(intent, info, provider).ConfigureAwait(false);
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
            case ErrorClass.Credentials or ErrorClass.Quota or ErrorClass.Address:
                _ = !creating ? _ledger.Remark(intent, error.Error.ToString())
                    : IsOfAFilter(error) ? _ledger.MarkUnknown(intent, $"something else answered the create call ({error.Error}); looking for the batch")
                    : _ledger.MarkNotCreated(intent, error.Error.ToString());
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

    /// <summary>Tells whether an answer may be of a filter that reads what comes back: then the provider has made the batch. What a proxy says of a call that it does not pass on has other statuses.</summary>
    private static bool IsOfAFilter(ProviderException error) => error.Error.Class == ErrorClass.Address && error.Status is 403 or 451;

    /// <summary>Takes over the batch of a create call whose outcome is not known, or makes sure that there is none.</summary>
    private async Task SettleDoubtAsync(Intent intent, IProvider provider, CancellationToken cancellationToken)
    {
        var finding = await FindAsync(intent, provider, cancellationToken).ConfigureAwait(false);
        switch (finding)
        {
            case BatchFinding.Found found:
                holds.LetGo(intent);
                context.Observe(new BatchChanged(_ledger.MarkSubmitted(intent, found.Batch.Id, found.IsProvisional, isFound: true), found.Batch));
                break;
            case BatchFinding.None:
                holds.LetGo(intent);
                intent = _ledger.MarkNotCreated(intent, "the create call was lost and left no batch; sending again");
                context.Observe(new BatchChanged(intent, null));
                context.Observe(new Remark($"batch {intent.Id} of `{intent.Model}`: the answer to its create call was lost, and the provider lists no batch of it: it is made again"));
                if (intent.LostCreates is 3 or 10 || intent.LostCreates % 100 == 0)
                {
                    context.Observe(new Remark($"batch {intent.Id} of `{intent.Model}`: {intent.LostCreates} create calls were lost and left no batch; when the way to the provider cuts long uploads, a smaller `batch.max_bytes` helps (this batch: {Megabytes(intent.Bytes)} MB)"));
                }

                break;
            case BatchFinding.Undecided undecided:
                holds.Hold(intent, provider, undecided.RetryAfter);
                var isNew = undecided.NeedsHuman ? intent.State != IntentState.NeedsHuman : undecided.IsBlind && intent.Note != undecided.Note;
                intent = undecided.NeedsHuman ? _ledger.MarkNeedsHuman(intent, undecided.Note) : _ledger.MarkUnknown(intent, undecided.Note);
                context.Observe(new BatchChanged(intent, null));
                if (isNew)
                {
                    context.Observe(new Remark($"batch {intent.Id} of `{intent.Model}` {(undecided.NeedsHuman ? "needs a decision" : "is in doubt")}: {undecided.Note}"));
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
            if (error.Error.Class is ErrorClass.Credentials or ErrorClass.Quota && AccountTrouble.Of(provider, error.Error) is { } trouble)
            {
                _ledger.MarkUnknown(intent, $"the list of batches cannot be read ({error.Error})");
                throw trouble;
            }

            var hopeless = error.Error.Class is ErrorClass.Permanent or ErrorClass.Address;
            return new BatchFinding.Undecided(
                $"the list of batches cannot be read ({error.Error}){(hopeless ? "" : ", and is asked again")}; {Reconciler.Decide(intent)}", hopeless, error.RetryAfter, IsBlind: true);
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
