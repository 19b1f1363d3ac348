namespace Sluice.Simulator.Storage;

/// <summary>One page of a list, and whether more follow.</summary>
internal readonly record struct Page<T>(IReadOnlyList<T> Items, bool HasMore);
