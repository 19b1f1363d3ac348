namespace Sluice.Simulator;

/// <summary>A batch that a simulator has.</summary>
/// <param name="Id">Its id.</param>
/// <param name="FirstCustomId">The custom id of its first line, or null when the file is gone or no batch input.</param>
/// <param name="HasFailed">Whether it was refused as a whole.</param>
public sealed record SimulatedBatch(string Id, string? FirstCustomId, bool HasFailed);
