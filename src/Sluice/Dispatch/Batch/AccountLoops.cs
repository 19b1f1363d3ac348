using System.Globalization;
using Sluice.Ledger;
using Sluice.Providers;

namespace Sluice.Dispatch.Batch;

/// <summary>The two loops of one account.</summary>
internal sealed class AccountLoops(
    string account, LedgerStore ledger, ProviderRegistry providers, BatchIngester ingester, string spoolFolder, TimeProvider time, Action<DispatchEvent> observe, Action<BatchSettled> settle)
{
    private const int MaxRefusals = 5;
    private const int MaxReadings = 3;

    private readonly SemaphoreSlim _work = new(0);
    private readonly Dictionary<long, Watch> _watches = [];
    private readonly Dictionary<string, (DateTimeOffset Until, int Times)> _holds = [];

    private readonly TaskCompletionSource _firstLook = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Gets a task that ends when every submitted batch has been looked at once.</summary>
    public Task FirstLook => _firstLook.Task;

    /// <summary>Says that there may be something new to do.</summary>
    public void Notify() => _work.Release();

    /// <summary>Sends sealed spools, one after the other.</summary>
    public async Task SubmitAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var now = time.GetUtcNow();
            var open = ledger.Open().Where(i => i.Account == account && i.State is IntentState.Sealed or IntentState.Uploaded or IntentState.Creating).ToList();
            // While one create call's outcome is not known, nothing else is created: a batch found in the list can then only be that one.
            var inDoubt = open.Where(i => i.State == IntentState.Creating).ToList();
            open = inDoubt.Count > 0 ? inDoubt : open;
            var ready = open.FirstOrDefault(i => HeldUntil(i) <= now && ledger.TryOwn(i));
            if (ready is not null)
            {
                await SendAsync(ready, cancellationToken).ConfigureAwait(false);
                continue;
            }

            // What is not held is another process's: it is looked at every second, in case that one dies.
            var wait = open.Count == 0 ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(Math.Clamp(open.Min(i => HeldUntil(i) > now ? (HeldUntil(i) - now).TotalSeconds : 1), 0.05, 30));
            await WaitAsync(wait, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Looks at submitted batches and takes over the results of ended ones.</summary>
    public async Task CollectAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var now = time.GetUtcNow();
            var next = now + TimeSpan.FromSeconds(30);
            foreach (var intent in ledger.Open().Where(i => i.Account == account && i.State == IntentState.Submitted))
            {
                if (!_watches.TryGetValue(intent.Row, out var watch))
                {
                    watch = new Watch { Due = now };
                    _watches.Add(intent.Row, watch);
                }

                if (watch.Due <= now)
                {
                    await LookAsync(intent, watch, cancellationToken).ConfigureAwait(false);
                    now = time.GetUtcNow();
                }

                next = watch.Due < next ? watch.Due : next;
            }

            _firstLook.TrySetResult();
            // New batches of our own appear within the shortest poll anyway; those of other processes within half a minute.
            var wait = next - now;
            await Task.Delay(wait > Tick ? Tick : wait > TimeSpan.Zero ? wait : TimeSpan.FromMilliseconds(1), time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(200);

    private DateTimeOffset HeldUntil(Intent intent)
    {
        lock (_holds)
        {
            return _holds.TryGetValue(intent.Model, out var hold) ? hold.Until : DateTimeOffset.MinValue;
        }
    }

    /// <summary>Holds a model's submissions back for a while, longer each time.</summary>
    private TimeSpan Hold(Intent intent, IProvider provider, TimeSpan? asked)
    {
        lock (_holds)
        {
            var times = _holds.TryGetValue(intent.Model, out var hold) ? hold.Times + 1 : 1;
            var wait = PollSchedule.Next(TimeSpan.Zero, times, asked, provider.IsLocal);
            _holds[intent.Model] = (time.GetUtcNow() + wait, times);
            return wait;
        }
    }

    private void LetGo(Intent intent)
    {
        lock (_holds)
        {
            _holds.Remove(intent.Model);
        }
    }

    private async Task SendAsync(Intent intent, CancellationToken cancellationToken)
    {
        var provider = providers.Get(intent.Provider);
        var api = provider.Batch!;
        if (intent.State == IntentState.Creating)
        {
            await FindLostAsync(intent, provider, cancellationToken).ConfigureAwait(false);
            return;
        }

        try
        {
            var spool = new BatchSpool(intent.Id, Path.Combine(spoolFolder, intent.Id + ".jsonl"), intent.Count, intent.Bytes);
            if (intent.State == IntentState.Sealed)
            {
                intent = ledger.MarkUploaded(intent, await api.UploadAsync(spool, cancellationToken).ConfigureAwait(false));
                observe(new BatchChanged(intent, null));
            }

            intent = ledger.MarkCreating(intent);
            observe(new BatchChanged(intent, null));
            var info = await api.CreateAsync(spool, intent.FileId, cancellationToken).ConfigureAwait(false);
            Submitted(ledger.MarkSubmitted(intent, info.Id), info);
        }
        catch (ProviderException error)
        {
            Refused(intent, provider, error);
        }
        catch (FileNotFoundException error)
        {
            throw new SluiceException(ErrorKind.Environment, $"the spool {error.FileName} is gone", $"drop the batch with `sluice cancel {intent.Id}`; its requests are then planned again", error);
        }
    }

    // The hold stays until the batch runs: one that fails in validation must wait longer each time.
    private void Submitted(Intent intent, BatchInfo info) => observe(new BatchChanged(intent, info));

    private void Refused(Intent intent, IProvider provider, ProviderException error)
    {
        var creating = intent.State == IntentState.Creating;
        if (creating && error.OutcomeUnknown)
        {
            // Perhaps there is a batch: it is looked for before anything else is sent to this account.
            intent = ledger.Remark(intent, $"the answer to the create call was lost ({error.Error}); looking for the batch");
            observe(new BatchChanged(intent, null));
            Hold(intent, provider, error.RetryAfter);
            return;
        }

        if (error.Status == 404)
        {
            ledger.MarkNotCreated(intent, error.Error.ToString());
            throw new SluiceException(ErrorKind.Usage, $"provider `{provider.Reference.Provider}` answers 404 where batches are made: {error.Error}", "check `base_url`: it means what it means in the vendor's SDK; then run the same command again");
        }

        switch (error.Error.Class)
        {
            case ErrorClass.Credentials or ErrorClass.Quota:
                _ = creating ? ledger.MarkNotCreated(intent, error.Error.ToString()) : ledger.Remark(intent, error.Error.ToString());
                throw AccountTrouble.Of(provider, error.Error)!;
            case ErrorClass.Permanent:
                RefuseForGood(intent, error.Error);
                break;
            default:
                intent = creating ? ledger.MarkNotCreated(intent, error.Error.ToString()) : ledger.Remark(intent, error.Error.ToString());
                var wait = Hold(intent, provider, error.RetryAfter);
                observe(new BatchChanged(intent, null));
                observe(new Remark($"`{intent.Model}`: {error.Error}; trying again in {Seconds(wait)}"));
                break;
        }
    }

    /// <summary>Takes over the batch of a create call whose answer was lost. A list that cannot be read says nothing about it: it stays to be looked for.</summary>
    private async Task FindLostAsync(Intent intent, IProvider provider, CancellationToken cancellationToken)
    {
        try
        {
            if (await ReconcileAsync(intent, provider, cancellationToken).ConfigureAwait(false) is { } found)
            {
                Submitted(ledger.MarkSubmitted(intent, found.Id), found);
            }
        }
        catch (ProviderException error)
        {
            observe(new BatchChanged(ledger.Remark(intent, $"the list of batches cannot be read ({error.Error}); looking again later"), null));
            if (AccountTrouble.Of(provider, error.Error) is { } trouble)
            {
                throw trouble;
            }

            Hold(intent, provider, error.RetryAfter);
        }
    }

    /// <summary>Looks for the batch of a create call whose answer was lost. Null: not found yet; ask again later.</summary>
    private async Task<BatchInfo?> ReconcileAsync(Intent intent, IProvider provider, CancellationToken cancellationToken)
    {
        var started = intent.CreateStartedAt ?? intent.CreatedAt;
        var taken = ledger.Latest(10_000).Where(i => i.Account == account && i.BatchId is not null).Select(i => i.BatchId!).ToHashSet();
        var candidates = new List<BatchInfo>();
        await foreach (var batch in provider.Batch!.ListAsync(started - TimeSpan.FromMinutes(5), cancellationToken).ConfigureAwait(false))
        {
            if (batch.Intent == intent.Id || (intent.FileId is not null && batch.InputFile == intent.FileId && !taken.Contains(batch.Id)))
            {
                return batch;
            }

            if (batch.Intent is null && intent.FileId is null && batch.Total == intent.Count && !taken.Contains(batch.Id))
            {
                candidates.Add(batch);
            }
        }

        if (candidates.Count == 1)
        {
            return candidates[0];
        }

        var patience = provider.IsLocal ? TimeSpan.FromSeconds(3) : TimeSpan.FromMinutes(3);
        if (candidates.Count == 0 && time.GetUtcNow() - started > patience)
        {
            // The list has been quiet for long enough: there is no such batch.
            LetGo(intent);
            observe(new BatchChanged(ledger.MarkNotCreated(intent, "the create call was lost and left no batch; sending again"), null));
            return null;
        }

        if (candidates.Count > 1)
        {
            observe(new BatchChanged(ledger.Remark(intent, $"{candidates.Count.ToString(CultureInfo.InvariantCulture)} batches of the account might be this one; waiting for people to decide"), null));
        }

        Hold(intent, provider, null);
        return null;
    }

    private async Task LookAsync(Intent intent, Watch watch, CancellationToken cancellationToken)
    {
        var provider = providers.Get(intent.Provider);
        var age = time.GetUtcNow() - (intent.CreateStartedAt ?? intent.CreatedAt);
        try
        {
            var info = await provider.Batch!.GetAsync(intent.BatchId!, cancellationToken).ConfigureAwait(false);
            watch.Failures = 0;
            observe(new BatchChanged(intent, info));
            if (info.State is not (BatchState.Validating or BatchState.Failed))
            {
                LetGo(intent);
            }

            if (info.IsEnded)
            {
                await EndAsync(intent, info, provider, watch, cancellationToken).ConfigureAwait(false);
            }

            watch.Due = time.GetUtcNow() + PollSchedule.Next(age, watch.Failures, info.RetryAfter, provider.IsLocal);
        }
        catch (ProviderException error) when (error.Error.Class is ErrorClass.Credentials)
        {
            throw AccountTrouble.Of(provider, error.Error)!;
        }
        catch (ProviderException error)
        {
            watch.Failures++;
            watch.Due = time.GetUtcNow() + PollSchedule.Next(age, watch.Failures, error.RetryAfter, provider.IsLocal);
            if (watch.Failures is 3 or 10 || watch.Failures % 100 == 0)
            {
                observe(new Remark($"batch {intent.BatchId}: {error.Error} ({watch.Failures.ToString(CultureInfo.InvariantCulture)} times in a row); still trying"));
            }
        }
    }

    private async Task EndAsync(Intent intent, BatchInfo info, IProvider provider, Watch watch, CancellationToken cancellationToken)
    {
        if (info.State == BatchState.Failed && info.ResultFiles.Count == 0)
        {
            RefusedWhole(intent, info.Error ?? new RequestError(ErrorClass.Permanent, "failed", "the provider gave no reason"), provider, watch);
            return;
        }

        var (report, settled) = await ingester.IngestAsync(intent, info, provider, acceptMissing: watch.Readings >= MaxReadings, cancellationToken).ConfigureAwait(false);
        if (settled.State == IntentState.Ingested)
        {
            _watches.Remove(intent.Row);
            LetGo(intent);
            Settle(settled, report);
        }
        else
        {
            // File ids have been seen to come late, and downloads to be short: read again before lines are called missing.
            watch.Readings++;
            watch.Failures = watch.Readings;
        }
    }

    private void RefusedWhole(Intent intent, RequestError error, IProvider provider, Watch watch)
    {
        switch (error.Class)
        {
            case ErrorClass.Quota or ErrorClass.Credentials:
                ledger.MarkNotCreated(intent, error.ToString());
                throw AccountTrouble.Of(provider, error)!;
            case ErrorClass.RateLimited or ErrorClass.Transient when error.Class == ErrorClass.RateLimited || ++watch.Refusals < MaxRefusals:
                // The watch stays: it counts how often the batch was refused.
                (watch.Readings, watch.Failures) = (0, 0);
                var wait = Hold(intent, provider, null);
                observe(new BatchChanged(ledger.MarkNotCreated(intent, error.ToString()), null));
                observe(new Remark($"`{intent.Model}`: {error}; waiting {Seconds(wait)} for room, then going on"));
                Notify();
                break;
            default:
                _watches.Remove(intent.Row);
                RefuseForGood(intent, error);
                break;
        }
    }

    private void RefuseForGood(Intent intent, RequestError error)
    {
        var refused = ledger.MarkRefused(intent, $"the provider refused the batch: {error}");
        File.Delete(Path.Combine(spoolFolder, intent.Id + ".jsonl"));
        Settle(refused, new IngestReport { Failed = intent.Count, FirstError = error.ToString() });
    }

    private void Settle(Intent intent, IngestReport report)
    {
        settle(new BatchSettled(intent, report));
        Notify();
    }

    private async Task WaitAsync(TimeSpan wait, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(wait, time);
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

    private static string Seconds(TimeSpan wait) => wait.TotalSeconds.ToString(wait.TotalSeconds < 10 ? "0.#" : "0", CultureInfo.InvariantCulture) + " s";

    private sealed class Watch
    {
        public DateTimeOffset Due { get; set; }

        public int Failures { get; set; }

        public int Readings { get; set; }

        public int Refusals { get; set; }
    }
}
