using Sluice.Caching;
using Sluice.Ledger;

namespace Sluice.Recovery;

/// <summary>A file of the workspace that is gone while others still tell of what was in it: who goes on regardless pays twice.</summary>
/// <param name="Problem">What is missing.</param>
/// <param name="Remedy">What to do about it.</param>
public sealed record Loss(string Problem, string Remedy)
{
    /// <summary>Finds what was lost.</summary>
    /// <param name="ledger">The ledger, or null when there is none.</param>
    /// <param name="cache">The cache; an empty one when there is none.</param>
    /// <param name="spoolFolder">Where spools lie.</param>
    /// <param name="since">Live answers from before that are not missed: they would not be taken any more.</param>
    /// <param name="cancellationToken">Ends the look.</param>
    public static async Task<IReadOnlyList<Loss>> FindAsync(
        LedgerStore? ledger, IResponseCache cache, string spoolFolder, DateTimeOffset since = default, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cache);
        var losses = new List<Loss>();
        var spools = ledger is not null ? ledger.UnknownSpools(spoolFolder) : [.. Spool.In(spoolFolder).Where(id => Spool.IsComplete(spoolFolder, id))];
        if (spools.Count > 0)
        {
            losses.Add(OfLedger(spools, spoolFolder));
        }

        // The ledger first: another process stores its answers before it closes their batch, or ends their call. A cache in memory always begins empty.
        if (cache is not MemoryResponseCache && OfCache(ledger, since) is { } loss && await cache.IsEmptyAsync(cancellationToken).ConfigureAwait(false))
        {
            losses.Add(loss);
        }

        return losses;
    }

    /// <summary>What an empty cache has lost, by what the ledger has; null when that is nothing.</summary>
    internal static Loss? OfCache(LedgerStore? ledger, DateTimeOffset since = default)
    {
        if (ledger is null)
        {
            return null;
        }

        var (batches, live) = (ledger.AnsweredBatches(), ledger.KeptLiveAnswers(since));
        const string Fetch = "`sluice adopt` fetches the answers of batches from the provider for nothing";
        const string TakeIn = "`sluice adopt --results` takes in what results hold";
        const string Forget = "`sluice doctor --forget` forgets what is gone, then it is paid for again";
        var ofBatches = $"{batches} {(batches == 1 ? "batch" : "batches")} whose answers were paid for";
        var ofCalls = live == 1 ? "1 live answer that was paid for" : $"{live} live answers that were paid for";
        return (batches, live) switch
        {
            (0, 0) => null,
            (_, 0) => new Loss($"the cache is empty, but the ledger has {ofBatches}", $"{Fetch}; {TakeIn}; {Forget}"),
            (0, _) => new Loss($"the cache is empty, but the ledger has {ofCalls}", $"{TakeIn}; {Forget}"),
            _ => new Loss($"the cache is empty, but the ledger has {ofBatches}, and {ofCalls}", $"{Fetch}; {TakeIn}; {Forget}"),
        };
    }

    private static Loss OfLedger(IReadOnlyList<string> spools, string folder) => new(
        $"the ledger does not know {spools.Count} of the spools in {folder}, which may have been sent (e.g. {spools[0]})",
        "`sluice doctor --repair` takes them in, so that nothing is paid for twice");
}
