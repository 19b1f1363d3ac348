using System.Diagnostics.CodeAnalysis;

namespace Sluice.Simulator.Faults;

/// <summary>The faults that hit one exchange, one batch or one line.</summary>
internal sealed class FaultSet(Fault[] faults)
{
    public static FaultSet None { get; } = new([]);

    public IReadOnlyList<Fault> All => faults;

    public bool Has(FaultKind kind) => Find(kind) is not null;

    public bool TryGet(FaultKind kind, [NotNullWhen(true)] out Fault? fault)
    {
        fault = Find(kind);
        return fault is not null;
    }

    /// <summary>Finds a fault that may come before or after its operation.</summary>
    public bool TryGet(FaultKind kind, bool after, [NotNullWhen(true)] out Fault? fault)
    {
        fault = Find(kind, after);
        return fault is not null;
    }

    private Fault? Find(FaultKind kind, bool? after = null)
    {
        foreach (var fault in faults)
        {
            if (fault.Kind == kind && (after is null || fault.After == after))
            {
                return fault;
            }
        }

        return null;
    }
}
