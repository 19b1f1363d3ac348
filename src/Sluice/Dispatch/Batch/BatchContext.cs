using Sluice.Caching;
using Sluice.Ledger;
using Sluice.Providers;

namespace Sluice.Dispatch.Batch;

/// <summary>What carrying batches works with.</summary>
/// <param name="Ledger">The workspace's ledger.</param>
/// <param name="Cache">Where responses go.</param>
/// <param name="Providers">How accounts are reached.</param>
/// <param name="SpoolFolder">Where spools lie.</param>
/// <param name="Time">The clock.</param>
/// <param name="Observe">Told what happens; must not block.</param>
public sealed record BatchContext(
    LedgerStore Ledger, IResponseCache Cache, ProviderRegistry Providers, string SpoolFolder, TimeProvider Time, Action<DispatchEvent> Observe)
{
    /// <summary>Gets what says which batches are not created any more; by default none.</summary>
    public FailureStop Failures { get; init; } = new(Observe);
}
