using Sluice.Simulator.Faults;

namespace Sluice.Simulator.Batches;

/// <summary>How one batch is to be executed.</summary>
/// <param name="Total">The lines it has.</param>
internal sealed record BatchPlan(Api Api, string InputPath, long Total, FaultSet Faults)
{
    /// <summary>Gets the stop that a fault asks for.</summary>
    public Stop PlannedStop =>
        Faults.Has(FaultKind.Expired) ? Stop.Expired : Faults.Has(FaultKind.Cancelled) ? Stop.Cancelled : Stop.None;

    /// <summary>Gets the fault that stops the batch, or null.</summary>
    public Fault? StopFault =>
        Faults.TryGet(FaultKind.Expired, out var fault) || Faults.TryGet(FaultKind.Cancelled, out fault) ? fault : null;

    /// <summary>Gets how many lines are executed before the planned stop.</summary>
    public long LinesBeforeStop => StopFault is { } fault ? (long)(Total * Math.Clamp(fault.Fraction, 0, 1)) : long.MaxValue;
}
