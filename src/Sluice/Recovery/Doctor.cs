using Sluice.Caching;
using Sluice.Ledger;
using Sluice.Storage;
using Sluice.Sweeps;

namespace Sluice.Recovery;

/// <summary>Examines a workspace: is everything that was written still there and sound, and what is to be done where it is not.</summary>
/// <param name="workspace">The workspace.</param>
/// <param name="time">The clock.</param>
/// <param name="store">The store of the workspace's answers when it is not SQLite, else null.</param>
/// <param name="unopened">Why that store cannot be opened, or null: a finding like others, and no reason to examine nothing else.</param>
public sealed class Doctor(Workspace workspace, TimeProvider time, ICacheStore? store = null, SluiceException? unopened = null)
{
    /// <summary>Gets how many sound responses the last examination has found in the cache.</summary>
    public long Responses { get; private set; }

    /// <summary>Examines the workspace.</summary>
    /// <param name="repair">Whether what can be put right without losing anything is put right. No other process may work in the workspace then.</param>
    /// <param name="forget">Whether answers that are lost are no longer missed: what is asked for again is paid for again.</param>
    /// <param name="cancellationToken">Ends it between two steps.</param>
    /// <exception cref="SluiceException">Another process works in the workspace, and it is to be repaired.</exception>
    public async Task<IReadOnlyList<Finding>> ExamineAsync(bool repair, bool forget = false, CancellationToken cancellationToken = default)
    {
        var findings = new List<Finding>();
        var isAlone = (repair || forget) && IsAlone();
        (repair, forget) = (repair && isAlone, forget && isAlone);
        if (unopened is not null)
        {
            findings.Add(new Finding(Path.Combine(workspace.Root, ".sluice"), unopened.Message, unopened.Hint ?? "look again later"));
        }

        if (store is not null && await ExamineAsync(store, cancellationToken).ConfigureAwait(false) is { } trouble)
        {
            findings.Add(trouble);
        }
        else if (store is null && File.Exists(workspace.CachePath) && await ExamineCacheAsync(repair, cancellationToken).ConfigureAwait(false) is { } finding)
        {
            findings.Add(finding);
        }

        if (store is null && unopened is null && !findings.Exists(f => f.IsToDo))
        {
            findings.AddRange(await ExamineAsideAsync(repair, cancellationToken).ConfigureAwait(false));
        }

        var kept = Kept().ToList();
        findings.AddRange(kept);
        var cacheIsSound = !findings.Exists(f => f.IsToDo);
        findings.AddRange(new LedgerDoctor(workspace, time, repair, forget, cacheIsEmpty: findings.Count == 0 && Responses == 0, store?.Name ?? workspace.CachePath).Examine());
        // A ledger that is damaged cannot tell what is missed, and what waits for the cache is not lost.
        if (cacheIsSound && kept.Count == 0 && !findings.Exists(f => f.IsToDo && f.Subject == workspace.LedgerPath))
        {
            findings.AddRange(await ExamineResultsAsync(forget, cancellationToken).ConfigureAwait(false));
        }

        findings.AddRange(SweepManifest.Sweeps(workspace).Select(Examine).OfType<Finding>());
        foreach (var left in NewDatabase.LeftoversOf(workspace.CachePath, time).ToList())
        {
            findings.Add(Dropped(left, repair, "`sluice doctor --repair`"));
        }

        foreach (var folder in Folders())
        {
            findings.AddRange(AtomicFile.Leftovers(folder, time).Select(path => Dropped(path, repair, "the next run deletes it, or `sluice doctor --repair`")));
        }

        return findings;
    }

    private Finding? Examine(string sweep)
    {
        try
        {
            SweepManifest.Read(workspace, sweep).Dispose();
            return null;
        }
        catch (SluiceException error)
        {
            return new Finding(workspace.SweepFolder(sweep), error.Message, error.Hint ?? "run the sweep again");
        }
    }

    /// <summary>Reads every response of a store that mends itself where it can: what is damaged beyond that, people have to look at.</summary>
    private async Task<Finding?> ExamineAsync(ICacheStore cache, CancellationToken cancellationToken)
    {
        long damaged = 0;
        Responses = 0;
        try
        {
            await foreach (var entry in cache.ListAsync(CacheFilter.All, withBodies: true, cancellationToken).ConfigureAwait(false))
            {
                Responses += entry.Problem is null ? 1 : 0;
                damaged += entry.Problem is null ? 0 : 1;
            }
        }
        catch (SluiceException error)
        {
            return new Finding(cache.Name, error.Message, error.Hint ?? "look again later");
        }

        return damaged == 0 ? null : new Finding(cache.Name, $"{damaged} responses are not what was stored: their checksums differ", "`sluice cache verify` names them; `sluice cache prune --key=KEY` deletes one. Then `sluice adopt`, or `sluice adopt --results`, takes it in again where it can; else it is asked, and paid for, again");
    }

    private async Task<Finding?> ExamineCacheAsync(bool repair, CancellationToken cancellationToken)
    {
        try
        {
            var cache = new CacheDoctor(workspace.CachePath, time);
            (var problem, Responses) = await cache.ExamineAsync().ConfigureAwait(false);
            return problem is null ? null : repair ? await SaveAsync(cache, problem, cancellationToken).ConfigureAwait(false) : new Finding(
                workspace.CachePath, problem, "`sluice doctor --repair` saves what is sound; `sluice adopt` then fetches what is lost from the provider's result files");
        }
        catch (SluiceException error) when (!SqliteStore.IsDamage(error))
        {
            return Finding.CannotLook(workspace.CachePath, error);
        }
    }

    private async Task<Finding> SaveAsync(CacheDoctor cache, string problem, CancellationToken cancellationToken)
    {
        var (saved, kept) = await cache.SaveAsync(cancellationToken).ConfigureAwait(false);
        return new Finding(workspace.CachePath, problem, $"{saved} responses saved; the damaged file is {kept}. `sluice adopt` fetches what is lost from the provider's result files", IsRepaired: true);
    }

    /// <summary>Names the results, and the batches of manifests, of which cache and ledger know nothing any more.</summary>
    private async Task<List<Finding>> ExamineResultsAsync(bool forget, CancellationToken cancellationToken)
    {
        using var ledger = forget || File.Exists(workspace.LedgerPath) ? OpenLedger() : null;
        IResponseCache cache = store is not null ? store : File.Exists(workspace.CachePath) ? new SqliteResponseCache(workspace.CachePath, time) : new MemoryResponseCache(0, time);
        try
        {
            var losses = await LostResults.FindAsync(workspace, ledger, cache, isExact: true, cancellationToken).ConfigureAwait(false);
            if (forget && losses.Count > 0)
            {
                LostResults.Forget(workspace, ledger!);
                LostResults.ForgetBatches(workspace, ledger!);
            }

            return losses.Select(l => new Finding(workspace.SweepFolder(l.Sweep), l.Loss.Problem, forget ? "forgotten: what is asked for again is paid for again" : l.Loss.Remedy, IsRepaired: forget)).ToList();
        }
        finally
        {
            if (cache != store)
            {
                await cache.DisposeAsync().ConfigureAwait(false);
            }
        }
    }

    private LedgerStore OpenLedger()
    {
        var ledger = new LedgerStore(workspace.LedgerPath, time);
        LostResults.Remember(workspace, ledger);
        return ledger;
    }

    /// <summary>Looks into the damaged caches that were kept: what is sound in them, and not in the cache, was paid for.</summary>
    private async Task<List<Finding>> ExamineAsideAsync(bool repair, CancellationToken cancellationToken)
    {
        var findings = new List<Finding>();
        foreach (var kept in SqliteStore.Aside(workspace.CachePath))
        {
            IResponseCache cache = repair || File.Exists(workspace.CachePath) ? new SqliteResponseCache(workspace.CachePath, time) : new MemoryResponseCache(0, time);
            await using var _ = cache.ConfigureAwait(false);
            if (await CacheDoctor.TakeInAsync(kept, cache, repair, cancellationToken).ConfigureAwait(false) is var missing and > 0)
            {
                Responses += repair ? missing : 0;
                findings.Add(new Finding(
                    kept,
                    $"it holds {missing} {(missing == 1 ? "answer" : "answers")} that the cache does not have",
                    repair ? $"taken in; {kept} can be deleted" : "`sluice doctor --repair` takes them in; delete the file if they are not wanted",
                    IsRepaired: repair));
            }
        }

        return findings;
    }

    /// <summary>Names the places where answers wait for the cache.</summary>
    private IEnumerable<Finding> Kept() => ((string[])[workspace.CacheAwayFolder, workspace.SecondCacheAwayFolder]).Where(f => Directory.Exists(f) && Directory.EnumerateDirectories(f).Any())
        .Select(f => new Finding(f, "answers wait here that the cache could not take when they arrived", "the next `sluice run` or `sluice cache` command takes them in") { IsHarmless = true });

    private static Finding Dropped(string path, bool repair, string who)
    {
        const string Problem = "a killed process has left it unfinished";
        if (!repair)
        {
            return new Finding(path, Problem, $"it can go: {who}");
        }

        NewDatabase.Drop(path);
        return new Finding(path, Problem, "deleted", IsRepaired: true);
    }

    private IEnumerable<string> Folders() => Directory.Exists(workspace.RunsFolder)
        ? Directory.EnumerateDirectories(workspace.RunsFolder, "*", SearchOption.AllDirectories)
        : [];

    /// <summary>Makes sure that nobody else works here; false when the ledger, which knows, cannot be looked at.</summary>
    private bool IsAlone()
    {
        try
        {
            using var ledger = File.Exists(workspace.LedgerPath) ? new LedgerStore(workspace.LedgerPath, time) : null;
            return ledger?.OthersAtWork() is not { Count: > 0 } others
                ? true
                : throw new SluiceException(ErrorKind.Usage, $"other processes work in this workspace: {string.Join(", ", others)}", "wait for them or stop them, then repair");
        }
        catch (SluiceException error) when (error.Kind == ErrorKind.Environment)
        {
            // A damaged ledger is what is to be repaired.
            return SqliteStore.IsDamage(error);
        }
    }
}
