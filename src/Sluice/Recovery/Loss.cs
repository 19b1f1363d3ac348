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
    /// <param name="cancellationToken">Ends the look.</param>
    public static async Task<IReadOnlyList<Loss>> FindAsync(LedgerStore? ledger, IResponseCache cache, string spoolFolder, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(cache);
        var losses = new List<Loss>();
        var spools = ledger is not null ? ledger.UnknownSpools(spoolFolder) : [.. Spool.In(spoolFolder).Where(id => Spool.IsComplete(spoolFolder, id))];
        if (spools.Count > 0)
        {
            losses.Add(OfLedger(spools, spoolFolder));
        }

        // The ledger first: another process stores its answers before it closes their batch.
        if (ledger?.AnsweredBatches() is { } batches and > 0 && await cache.IsEmptyAsync(cancellationToken).ConfigureAwait(false))
        {
            losses.Add(OfCache(batches));
        }

        return losses;
    }

    /// <summary>The answers of batches that were taken over are gone.</summary>
    internal static Loss OfCache(int batches) => new(
        $"the cache is empty, but the ledger has {batches} {(batches == 1 ? "batch" : "batches")} whose answers were paid for",
        "`sluice adopt` fetches them from the provider for nothing; `sluice doctor --repair` forgets them, then they are paid for again");

    private static Loss OfLedger(IReadOnlyList<string> spools, string folder) => new(
        $"the ledger does not know {spools.Count} of the spools in {folder}, which may have been sent (e.g. {spools[0]})",
        "`sluice doctor --repair` takes them in, so that nothing is paid for twice");
}
