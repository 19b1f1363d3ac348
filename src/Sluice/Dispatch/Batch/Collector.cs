using System.Globalization;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Storage;

namespace Sluice.Dispatch.Batch;

/// <summary>Looks at an account's submitted batches, each by one process at a time, and takes over the results of ended ones.</summary>
internal sealed class Collector(
    string account, BatchContext context, BatchIngester ingester, Reconciler reconciler, ModelHolds holds,
    Action<Intent, IngestReport> settle, Action<Intent, RequestError> refuse, Func<Intent, IProvider, Task<bool>> uploadAgain, Action notify)
{
    private const int MaxRefusals = 5;
    private const int MaxReadings = 3;
    private static readonly TimeSpan CountedPatience = TimeSpan.FromHours(1);
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(1);

    private readonly LedgerStore _ledger = context.Ledger;
    private readonly Dictionary<long, Watch> _watches = [];
    private readonly TaskCompletionSource _firstLook = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Gets a task that ends when every submitted batch has been looked at once, or no look is to come any more.</summary>
    public Task FirstLook => _firstLook.Task;

    /// <summary>Says that no look is to come any more.</summary>
    public void EndLooks() => _firstLook.TrySetResult();

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var now = context.Time.SteadyNow();
            var next = now + TimeSpan.FromSeconds(30);
            foreach (var row in _ledger.Submitted(account))
            {
                if (!_watches.TryGetValue(row, out var watch))
                {
                    watch = new Watch { Due = now };
                    _watches.Add(row, watch);
                }

                if (watch.Due <= now)
                {
                    await LookAsync(row, watch, cancellationToken).ConfigureAwait(false);
                    now = context.Time.SteadyNow();
                }

                next = watch.Due < next ? watch.Due : next;
            }

            _firstLook.TrySetResult();
            // New batches of our own appear within the shortest poll anyway; those of other processes within half a minute.
            // A delay of less than a millisecond is none: the loop would spin.
            var wait = next - now;
            await Task.Delay(wait > Tick ? Tick : wait > Least ? wait : Least, context.Time, cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Closes a batch whose requests are all settled; not while <see cref="RunAsync"/> runs.</summary>
    public async Task CloseAsync(Intent intent, CancellationToken cancellationToken)
    {
        if (_ledger.TryOwn(intent) is not { } mine || !await ingester.IsSettledAsync(mine, cancellationToken).ConfigureAwait(false))
        {
            return;
        }

        if (mine.State == IntentState.Submitted)
        {
            await LookAsync(mine.Row, new Watch(), cancellationToken).ConfigureAwait(false);
        }
        else if (mine.State is IntentState.Sealed or IntentState.Uploaded)
        {
            // Others have answered what it was to ask: it is not sent any more.
            await ingester.CloseAsync(mine, new IngestReport(), context.Providers.Get(mine.Provider).Dialect, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task LookAsync(long row, Watch watch, CancellationToken cancellationToken)
    {
        if (_ledger.TryOwn(row) is not { State: IntentState.Submitted } mine)
        {
            // Another process looks at it. Should that one end or die, it is found here.
            watch.Due = context.Time.SteadyNow() + TimeSpan.FromSeconds(1);
            return;
        }

        var provider = context.Providers.Get(mine.Provider);
        var age = context.Time.GetUtcNow() - (mine.CreateStartedAt ?? mine.CreatedAt);
        try
        {
            CrashPoint.Hit("provider.get.before");
            var info = await provider.Batch!.GetAsync(mine.BatchId!, cancellationToken).ConfigureAwait(false);
            CrashPoint.Hit("provider.get.after");
            watch.Failures = 0;
            mine = mine.HomeAccount is null ? mine : _ledger.MarkAtHome(mine);
            context.Observe(new BatchChanged(mine, info));
            if (info.State is not (BatchState.Validating or BatchState.Failed))
            {
                holds.LetGoAfter(mine);
            }

            if (info.IsEnded)
            {
                await EndAsync(mine, info, provider, watch, cancellationToken).ConfigureAwait(false);
            }
            else
            {
                _ledger.MarkTrouble(mine, info.State == BatchState.Cancelling ? "the provider is cancelling it" : null);
            }

            watch.Due = context.Time.SteadyNow() + PollSchedule.Next(age, watch.Failures, info.RetryAfter, provider.IsSimulator);
        }
        catch (LostIntentException lost)
        {
            context.Observe(new Remark(lost.Message));
        }
        catch (ProviderException error)
        {
            // One batch may be out of the key's reach while others are not: that is trouble of this one alone.
            if (error.Error.Class is ErrorClass.Credentials && await IsKeyRefusedAsync(provider, cancellationToken).ConfigureAwait(false))
            {
                throw AccountTrouble.Of(provider, error.Error)!;
            }

            var stranger = error.IsGone ? AccountTrouble.StrangerTo(mine, provider) : null;
            FailedLook(mine, watch, WhatCame(error) + (stranger is null ? "" : $"; {stranger}"), PollSchedule.Next(age, watch.Failures + 1, error.RetryAfter, provider.IsSimulator));
        }
        catch (Exception error) when (IsOfOneBatch(error))
        {
            FailedLook(mine, watch, $"what the provider says of it cannot be used: {error.Message}", PollSchedule.Next(age, watch.Failures + 1, null, provider.IsSimulator));
        }
    }

    private static string WhatCame(ProviderException error) => error.Status is not { } status ? error.Error.ToString()
        : $"{(error.Error.Class == ErrorClass.Address ? "something else answers in place of the provider, with" : "the provider answers")} {status.ToString(CultureInfo.InvariantCulture)}: {error.Error}";

    /// <summary>Tells whether the list of batches is refused as well, or cannot be asked.</summary>
    private static async Task<bool> IsKeyRefusedAsync(IProvider provider, CancellationToken cancellationToken)
    {
        try
        {
            await foreach (var _ in provider.Batch!.ListAsync(DateTimeOffset.MinValue, cancellationToken).ConfigureAwait(false))
            {
                break;
            }

            return false;
        }
        catch (ProviderException)
        {
            return true;
        }
    }

    /// <summary>Tells whether an error says something about one batch only. The disk's errors, and those that people have to solve, concern all of them.</summary>
    internal static bool IsOfOneBatch(Exception error) => error is not (SluiceException or OperationCanceledException or IOException or UnauthorizedAccessException or OutOfMemoryException);

    /// <summary>Notes on a batch why a look at it has failed; the others go on.</summary>
    private void FailedLook(Intent intent, Watch watch, string error, TimeSpan wait)
    {
        watch.Failures++;
        watch.Due = context.Time.SteadyNow() + wait;
        try
        {
            intent = _ledger.MarkTrouble(intent, error);
        }
        catch (LostIntentException)
        {
            // It is another process's now, which finds the same.
        }

        if (watch.Failures is 3 or 10 || watch.Failures % 100 == 0)
        {
            context.Observe(new Remark($"batch {intent.BatchId}: {error} ({watch.Failures.ToString(CultureInfo.InvariantCulture)} times in a row); still trying. `sluice resend {intent.BatchId}` gives it up"));
        }
    }

    private async Task EndAsync(Intent intent, BatchInfo info, IProvider provider, Watch watch, CancellationToken cancellationToken)
    {
        if (info.State == BatchState.Failed && info.ResultFiles.Count == 0)
        {
            // The file may have been deleted between the create call and the provider's check of it.
            if (info.Error?.Class is not (ErrorClass.RateLimited or ErrorClass.Quota or ErrorClass.Credentials) && await uploadAgain(intent, provider).ConfigureAwait(false))
            {
                _watches.Remove(intent.Row);
                notify();
                return;
            }

            RefusedWhole(intent, info.Error ?? new RequestError(ErrorClass.Permanent, "failed", "the provider gave no reason"), provider, watch);
            return;
        }

        var isLastReading = intent.Readings >= MaxReadings;
        var report = watch.Stored ?? await ingester.ReadAsync(intent, info, provider, cancellationToken).ConfigureAwait(false);
        if (intent.IsProvisional && report.IsForeign)
        {
            _watches.Remove(intent.Row);
            context.Observe(new BatchChanged(_ledger.MarkForeign(intent, $"batch {info.Id} is another's; looking for the right one"), null));
            context.Observe(new Remark($"batch {info.Id} is not the one that was looked for: its results answer other requests"));
            notify();
            return;
        }

        if (report.Missing > 0 && watch.Stored is null)
        {
            // File ids have been seen to come late, and downloads to be short: read again before lines are called missing.
            // What the provider counts as answered is paid for, and may still turn up.
            var isCounted = !provider.IsSimulator && info.Answered > report.Responses;
            if (!isLastReading || (isCounted && !(context.Time.GetUtcNow() - intent.IncompleteSince >= CountedPatience)))
            {
                ReadAgain(isCounted ? _ledger.MarkTrouble(intent, $"the provider counts {info.Answered} answers, and its results have {report.Responses}; read again until {Wait.Text(CountedPatience)} are over") : intent, provider, watch);
                return;
            }

            report = report with { Missing = await ingester.FailMissingAsync(intent, cancellationToken).ConfigureAwait(false) };
        }

        // What is stored need not be read again should the next step fail.
        watch.Stored = report;
        if (_ledger.MayHaveTwin(intent))
        {
            try
            {
                // Before the batch is closed: nobody looks for twins of a closed one.
                foreach (var twin in await reconciler.DropTwinsAsync(intent, provider, cancellationToken).ConfigureAwait(false))
                {
                    var filled = await ingester.ReadTwinAsync(intent, twin, provider, cancellationToken).ConfigureAwait(false);
                    report = report with { Responses = report.Responses + filled.Responses, Usage = new(report.Usage.Input + filled.Usage.Input, report.Usage.Output + filled.Usage.Output) };
                }
            }
            catch (ProviderException) when (!isLastReading)
            {
                ReadAgain(intent, provider, watch);
                return;
            }
            catch (ProviderException error)
            {
                // All answers are there: a list that stays unreadable keeps the doubt, not the batch.
                var doubt = $"whether it was made twice cannot be told: {error.Error}";
                intent = _ledger.Remark(intent, doubt);
                context.Observe(new Remark($"batch {intent.BatchId}: {doubt}"));
            }
        }

        if (intent.Terms.DeletesFiles && !report.HasEveryLine)
        {
            intent = _ledger.KeepFiles(intent);
            context.Observe(new Remark($"batch {info.Id}: its results lack lines, or have strange ones; its files are not deleted at the provider"));
        }

        if (await ingester.CloseAsync(intent, report, provider.Dialect, cancellationToken).ConfigureAwait(false) is not { } settled)
        {
            watch.Stored = null;
            context.Observe(new Remark($"the cache was away and has lost answers of batch {info.Id}: its results are read again"));
            return;
        }

        _watches.Remove(intent.Row);
        holds.TryAgain(intent);
        settle(settled, report);
    }

    /// <summary>Has the results looked at again, a little later each time. The count is in the ledger, since a command may look once and end.</summary>
    private void ReadAgain(Intent intent, IProvider provider, Watch watch) =>
        watch.Failures = Math.Max(1, _ledger.CountReading(intent, PollSchedule.Next(TimeSpan.Zero, intent.Readings, null, provider.IsSimulator)).Readings);

    private void RefusedWhole(Intent intent, RequestError error, IProvider provider, Watch watch)
    {
        switch (error.Class)
        {
            case ErrorClass.Quota or ErrorClass.Credentials:
                _ledger.MarkNotCreated(intent, error.ToString());
                throw AccountTrouble.Of(provider, error)!;
            case ErrorClass.RateLimited or ErrorClass.Transient when error.Class == ErrorClass.RateLimited || ++watch.Refusals < MaxRefusals:
                // The watch stays: it counts how often the batch was refused.
                (watch.Stored, watch.Failures) = (null, 0);
                var wait = holds.Hold(intent, provider, null);
                context.Observe(new BatchChanged(_ledger.MarkNotCreated(intent, error.ToString()), null));
                context.Observe(new Remark($"`{intent.Model}`: {error}; waiting {Wait.Text(wait)} for room, then going on"));
                notify();
                break;
            default:
                _watches.Remove(intent.Row);
                refuse(intent, error);
                break;
        }
    }

    private sealed class Watch
    {
        public DateTimeOffset Due { get; set; }

        public int Failures { get; set; }

        /// <summary>Gets or sets what was found in the results, once all of them are stored; null before.</summary>
        public IngestReport? Stored { get; set; }

        public int Refusals { get; set; }
    }
}
