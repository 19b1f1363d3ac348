using System.Globalization;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Storage;

namespace Sluice.Dispatch.Batch;

/// <summary>Looks at an account's submitted batches, each by one process at a time, and takes over the results of ended ones.</summary>
internal sealed class Collector(
    string account, BatchContext context, BatchIngester ingester, Reconciler reconciler, ModelHolds holds,
    Action<Intent, IngestReport> settle, Action<Intent, RequestError> refuse, Action notify)
{
    private const int MaxRefusals = 5;
    private const int MaxReadings = 3;
    private static readonly TimeSpan Tick = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan Least = TimeSpan.FromMilliseconds(1);

    private readonly LedgerStore _ledger = context.Ledger;
    private readonly Dictionary<long, Watch> _watches = [];
    private readonly TaskCompletionSource _firstLook = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Gets a task that ends when every submitted batch has been looked at once.</summary>
    public Task FirstLook => _firstLook.Task;

    /// <summary>Runs until cancelled.</summary>
    public async Task RunAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            var now = context.Time.GetUtcNow();
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
                    now = context.Time.GetUtcNow();
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
            watch.Due = context.Time.GetUtcNow() + TimeSpan.FromSeconds(1);
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
            context.Observe(new BatchChanged(mine, info));
            if (info.State is not (BatchState.Validating or BatchState.Failed))
            {
                holds.LetGo(mine);
            }

            if (info.IsEnded)
            {
                await EndAsync(mine, info, provider, watch, cancellationToken).ConfigureAwait(false);
            }

            watch.Due = context.Time.GetUtcNow() + PollSchedule.Next(age, watch.Failures, info.RetryAfter, provider.IsSimulator);
        }
        catch (LostIntentException lost)
        {
            context.Observe(new Remark(lost.Message));
        }
        catch (ProviderException error) when (error.Error.Class is ErrorClass.Credentials)
        {
            throw AccountTrouble.Of(provider, error.Error)!;
        }
        catch (ProviderException error)
        {
            watch.Failures++;
            watch.Due = context.Time.GetUtcNow() + PollSchedule.Next(age, watch.Failures, error.RetryAfter, provider.IsSimulator);
            if (watch.Failures is 3 or 10 || watch.Failures % 100 == 0)
            {
                context.Observe(new Remark($"batch {mine.BatchId}: {error.Error} ({watch.Failures.ToString(CultureInfo.InvariantCulture)} times in a row); still trying"));
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

        var acceptMissing = watch.Readings >= MaxReadings;
        var report = await ingester.ReadAsync(intent, info, provider, acceptMissing, cancellationToken).ConfigureAwait(false);
        if (intent.IsProvisional && report.IsForeign)
        {
            _watches.Remove(intent.Row);
            context.Observe(new BatchChanged(_ledger.MarkForeign(intent, $"batch {info.Id} is another's; looking for the right one"), null));
            context.Observe(new Remark($"batch {info.Id} is not the one that was looked for: its results answer other requests"));
            notify();
            return;
        }

        if (report.Missing > 0 && !acceptMissing)
        {
            // File ids have been seen to come late, and downloads to be short: read again before lines are called missing.
            watch.Readings++;
            watch.Failures = watch.Readings;
            return;
        }

        if (intent.Attempt > 1)
        {
            // Before the batch is closed: nobody looks for twins of a closed one.
            await reconciler.DropTwinsAsync(intent, provider, cancellationToken).ConfigureAwait(false);
        }

        var settled = await ingester.CloseAsync(intent, report, provider.Dialect, cancellationToken).ConfigureAwait(false);
        _watches.Remove(intent.Row);
        holds.LetGo(intent);
        settle(settled, report);
    }

    private void RefusedWhole(Intent intent, RequestError error, IProvider provider, Watch watch)
    {
        switch (error.Class)
        {
            case ErrorClass.Quota or ErrorClass.Credentials:
                _ledger.MarkNotCreated(intent, error.ToString());
                throw AccountTrouble.Of(provider, error)!;
            case ErrorClass.RateLimited or ErrorClass.Transient when error.Class == ErrorClass.RateLimited || ++watch.Refusals < MaxRefusals:
                // The watch stays: it counts how often the batch was refused.
                (watch.Readings, watch.Failures) = (0, 0);
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

        public int Readings { get; set; }

        public int Refusals { get; set; }
    }
}
