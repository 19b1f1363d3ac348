namespace Sluice.Simulator.Storage;

/// <summary>A thing the API has an id for and lists in the order of its creation.</summary>
internal interface IStored
{
    string Id { get; }

    /// <summary>Gets the place in the order of creation; seconds are too coarse to sort by.</summary>
    long Sequence { get; }
}
