namespace Sluice.Simulator.Batches;

/// <summary>Why the rest of a batch's lines is not executed.</summary>
internal enum Stop
{
    None,
    Expired,
    Cancelled,
}
