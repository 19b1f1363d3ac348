using Sluice.Ledger;
using Sluice.Providers;

namespace Sluice.Dispatch.Batch;

/// <summary>What carries the batches of one account: one loop that submits, one that collects.</summary>
internal sealed class AccountLoops
{
    private readonly BatchContext _context;
    private readonly Submitter _submitter;
    private readonly Collector _collector;
    private readonly Action<BatchSettled> _settle;

    /// <summary>Creates the loops of an account.</summary>
    public AccountLoops(string account, BatchContext context, Action<BatchSettled> settle)
    {
        Account = account;
        _context = context;
        _settle = settle;
        var holds = new ModelHolds(context.Time);
        var reconciler = new Reconciler(context);
        _submitter = new Submitter(account, context, reconciler, holds, Refuse);
        _collector = new Collector(account, context, new BatchIngester(context.Ledger, context.Cache, context.SpoolFolder), reconciler, holds, Settle, Refuse, _submitter.TryUploadAgainAsync, Notify);
    }

    /// <summary>Gets the account.</summary>
    public string Account { get; }

    /// <summary>Gets a task that ends when every submitted batch has been looked at once.</summary>
    public Task FirstLook => _collector.FirstLook;

    /// <summary>Says that no look is to come any more.</summary>
    public void EndLooks() => _collector.EndLooks();

    /// <summary>Says that there may be something new to do.</summary>
    public void Notify() => _submitter.Notify();

    /// <summary>Sends sealed spools, one after the other.</summary>
    public Task SubmitAsync(CancellationToken cancellationToken) => _submitter.RunAsync(cancellationToken);

    /// <summary>Looks at submitted batches and takes over the results of ended ones.</summary>
    public Task CollectAsync(CancellationToken cancellationToken) => _collector.RunAsync(cancellationToken);

    /// <summary>Closes a batch whose requests are all settled; not while it is collected.</summary>
    public Task CloseAsync(Intent intent, CancellationToken cancellationToken) => _collector.CloseAsync(intent, cancellationToken);

    private void Refuse(Intent intent, RequestError error)
    {
        var refused = _context.Ledger.MarkRefused(intent, $"the provider refused the batch: {error}");
        Spool.Delete(_context.SpoolFolder, intent.Id);
        Settle(refused, new IngestReport { Failed = intent.Count, FirstError = error.ToString(), OnlyFailure = error.Class == ErrorClass.Permanent ? error : null });
    }

    private void Settle(Intent intent, IngestReport report)
    {
        if (report.Spent is { } spent)
        {
            _submitter.Stop(AccountTrouble.Of(_context.Providers.Get(intent.Provider), spent)!);
        }

        _context.Failures.Ended(intent, report);
        _settle(new BatchSettled(intent, report));
        Notify();
    }
}
