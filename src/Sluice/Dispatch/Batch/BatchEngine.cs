using System.Threading.Channels;
using Sluice.Ledger;
using Sluice.Providers;

namespace Sluice.Dispatch.Batch;

/// <summary>Carries sealed spools to the providers and results back: for each account one loop that submits and one that collects.</summary>
/// <remarks>
/// Submission is serial within an account, so that at most one create call per account can have an unknown outcome.
/// All state is in the ledger: the engine can be stopped, or killed, at any point.
/// </remarks>
public sealed class BatchEngine
{
    private readonly BatchContext _context;
    private readonly FileCleaner _cleaner;
    private readonly Channel<BatchSettled> _settled = Channel.CreateUnbounded<BatchSettled>();
    private readonly Dictionary<string, AccountLoops> _accounts = [];
    private readonly HashSet<string> _standingStill = [];
    private readonly Dictionary<long, Intent> _leftAlone = [];
    private readonly Dictionary<string, SluiceException> _refused = [];
    private readonly TaskCompletionSource _started = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _gate = new();

    /// <summary>Creates an engine.</summary>
    /// <param name="context">What it works with.</param>
    public BatchEngine(BatchContext context)
    {
        _context = context;
        _cleaner = new FileCleaner(context);
    }

    /// <summary>Gets batches as they settle. There are as many as batches, so the queue needs no bound of its own.</summary>
    public ChannelReader<BatchSettled> Settled => _settled.Reader;

    /// <summary>Runs until cancelled, or until a problem that only people can solve (credentials, quota).</summary>
    /// <remarks>An engine that only collects goes on with the other accounts when one is refused: <see cref="OutOfReach"/> tells.</remarks>
    /// <param name="submit">Whether sealed spools are sent; without it the engine only collects.</param>
    /// <param name="cancellationToken">Ends the engine.</param>
    /// <exception cref="SluiceException">A provider refuses the account.</exception>
    public async Task RunAsync(bool submit, CancellationToken cancellationToken)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        var running = new List<Task> { KeepHouseAsync(stop.Token), _cleaner.RunAsync(stop.Token) };
        var changed = Wake();
        try
        {
            while (true)
            {
                foreach (var intent in _context.Ledger.OpenAccounts().Where(IsNew).SelectMany(_context.Ledger.Open))
                {
                    if (Adopt(intent, submit) is { } loops)
                    {
                        if (submit)
                        {
                            running.Add(loops.SubmitAsync(stop.Token));
                        }

                        running.Add(CollectAsync(loops, submit, stop.Token));
                    }
                }

                _started.TrySetResult();
                var first = await Task.WhenAny([changed, .. running]).WaitAsync(cancellationToken).ConfigureAwait(false);
                if (first == changed)
                {
                    changed = Wake();
                    continue;
                }

                // One that has ended without an error is of an account that was refused.
                running.Remove(first);
                await first.ConfigureAwait(false);
            }
        }
        catch (Exception error)
        {
            _settled.Writer.TryComplete(error is OperationCanceledException ? null : error);
            await stop.CancelAsync().ConfigureAwait(false);
            // A create call under way may take minutes: nobody may take its batch over meanwhile.
            await _context.Ledger.KeepLeaseWhileAsync(Task.WhenAll(running)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            throw;
        }
    }

    /// <summary>Clears up after processes that died: half-written spools, live calls whose answers are lost.</summary>
    public void ClearUp()
    {
        if (_context.Ledger.SweepDead(_context.SpoolFolder) is var lost and > 0)
        {
            _context.Observe(new Remark($"up to {lost} live {(lost == 1 ? "call was" : "calls were")} under way when a process was killed, or could not be stored: they may have been paid for, and are made again, since their answers are lost"));
        }
    }

    /// <summary>Waits until every batch that was submitted when the engine started has been looked at once.</summary>
    public async Task LookedAtAllAsync(CancellationToken cancellationToken)
    {
        await _started.Task.WaitAsync(cancellationToken).ConfigureAwait(false);
        Task[] looks;
        lock (_gate)
        {
            looks = [.. _accounts.Values.Select(a => a.FirstLook)];
        }

        await Task.WhenAll(looks).WaitAsync(cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Closes batches of dead processes whose requests are all settled by now: nobody waits for them any more. Call it when the engine has ended.</summary>
    public async Task CloseSettledAsync(CancellationToken cancellationToken)
    {
        foreach (var intent in _context.Ledger.Open())
        {
            if (!_accounts.TryGetValue(intent.Account, out var loops))
            {
                continue;
            }

            try
            {
                await loops.CloseAsync(intent, cancellationToken).ConfigureAwait(false);
            }
            catch (Exception error) when (error is SluiceException or OperationCanceledException or LostIntentException)
            {
                // Every answer is there: that the batch stays open until the next command harms nobody.
            }
        }
    }

    /// <summary>Deletes the files of closed batches at the provider, where experiments ask for it. Call it when the engine has ended: the last batches may have been closed a moment ago.</summary>
    public Task DeleteFilesAsync(CancellationToken cancellationToken) => _cleaner.CleanAsync(cancellationToken);

    /// <summary>Returns the rows of open batches of which nothing becomes in this command: those of another key or address, and, with the error, those of refused accounts.</summary>
    public IReadOnlyDictionary<long, SluiceException?> OutOfReach()
    {
        Dictionary<long, SluiceException?> rows;
        List<KeyValuePair<string, SluiceException>> refused;
        lock (_gate)
        {
            rows = _leftAlone.Keys.ToDictionary(row => row, _ => (SluiceException?)null);
            refused = [.. _refused];
        }

        foreach (var (account, error) in refused)
        {
            foreach (var intent in _context.Ledger.Open(account))
            {
                rows[intent.Row] = error;
            }
        }

        return rows;
    }

    /// <summary>Gets the open batches that belong to another key or address than the one that is set now: nothing becomes of them in this command.</summary>
    public IReadOnlyList<Intent> LeftAlone
    {
        get
        {
            lock (_gate)
            {
                return [.. _leftAlone.Values];
            }
        }
    }

    /// <summary>Says that the ledger has something new to send.</summary>
    public void Notify()
    {
        AccountLoops[] all;
        TaskCompletionSource wake;
        lock (_gate)
        {
            all = [.. _accounts.Values];
            wake = _wake;
        }

        wake.TrySetResult();
        foreach (var loops in all)
        {
            loops.Notify();
        }
    }

    /// <summary>Shows that this process lives, and looks whether others still do: what they had claimed is waited for here.</summary>
    private async Task KeepHouseAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            await Task.Delay(LedgerStore.LeaseTime / 3, _context.Time, cancellationToken).ConfigureAwait(false);
            _context.Ledger.RenewLease();
            ClearUp();
            foreach (var process in _context.Ledger.StandingStill().Where(_standingStill.Add))
            {
                _context.Observe(new Remark(
                    $"process {process} has given no sign of life for {Wait.Text(LedgerStore.LeaseTime)}, and has live calls under way: they are waited for; let it go on (`kill -CONT {process}`), or end it"));
            }

            // What a process that is gone now has left: perhaps in an account that nothing was sent to from here.
            Notify();
        }
    }

    private TaskCompletionSource _wake = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private Task Wake()
    {
        lock (_gate)
        {
            if (_wake.Task.IsCompleted)
            {
                _wake = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            }

            return _wake.Task;
        }
    }

    private bool IsNew(string account)
    {
        lock (_gate)
        {
            return !_accounts.ContainsKey(account);
        }
    }

    private AccountLoops? Adopt(Intent intent, bool submit)
    {
        lock (_gate)
        {
            if (_accounts.ContainsKey(intent.Account))
            {
                return null;
            }

            var provider = _context.Providers.Get(intent.Provider);
            if (provider.Account != intent.Account && !TryMove(intent, provider))
            {
                if (_leftAlone.TryAdd(intent.Row, intent))
                {
                    _context.Observe(new Remark($"batch {intent.BatchId ?? intent.Id} belongs to another key or address ({intent.Account}); it is left alone until that is set again"));
                }

                return null;
            }

            if (_accounts.TryGetValue(provider.Account, out var known))
            {
                known.Notify();
                return null;
            }

            provider.EnsureCredentials();
            var loops = new AccountLoops(provider.Account, _context, Settle);
            _accounts.Add(provider.Account, loops);
            return loops;
        }
    }

    /// <summary>Takes a batch over into the account that is set now: what was never sent belongs to nobody, and keys of one address are exchanged.</summary>
    /// <remarks>A create call with a lost answer stays where it was made: only there can its batch be found.</remarks>
    private bool TryMove(Intent intent, IProvider provider)
    {
        if (provider.Reference.Provider != intent.Provider.Provider)
        {
            // What was written for a provider is not rehearsed: its answers would be kept under real keys.
            return false;
        }

        var unsent = intent.State is IntentState.Sealed or IntentState.Uploaded;
        var sameAddress = intent.State == IntentState.Submitted && Address(intent.Account).SequenceEqual(Address(provider.Account));
        if (!unsent && !sameAddress)
        {
            return false;
        }

        try
        {
            provider.EnsureCredentials();
        }
        catch (SluiceException)
        {
            return false;
        }

        return _context.Ledger.TryMove(intent, provider.Account);

        static ReadOnlySpan<char> Address(string account) => account.AsSpan(0, Math.Max(0, account.LastIndexOf('#')));
    }

    /// <summary>Collects for an account until cancelled. When it is refused, an engine that only collects goes on with the others, as long as there are any.</summary>
    private async Task CollectAsync(AccountLoops loops, bool submit, CancellationToken cancellationToken)
    {
        try
        {
            await loops.CollectAsync(cancellationToken).ConfigureAwait(false);
        }
        catch (SluiceException error) when (!submit && error.Kind == ErrorKind.Credentials)
        {
            // Before anybody hears that all batches have been looked at.
            lock (_gate)
            {
                _refused.Add(loops.Account, error);
                if (_refused.Count == _accounts.Count)
                {
                    throw;
                }
            }

            _context.Observe(new Remark($"{error.Message}; batches of other accounts are collected all the same"));
        }
        finally
        {
            loops.EndLooks();
        }
    }

    private void Settle(BatchSettled settled)
    {
        _context.Observe(settled);
        _cleaner.Notify();
        _settled.Writer.TryWrite(settled);
    }
}
