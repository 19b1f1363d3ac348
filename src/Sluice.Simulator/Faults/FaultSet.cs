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

    private Fault? Find(FaultKind kind)
    {
        foreach (var fault in faults)
        {
            if (fault.Kind == kind)
            {
                return fault;
            }
        }

        return null;
    }
}
