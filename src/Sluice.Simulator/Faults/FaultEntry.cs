namespace Sluice.Simulator.Faults;

/// <summary>One row of <see cref="FaultTable"/>.</summary>
/// <param name="Parameters">The names of the parameters it takes, separated by spaces.</param>
internal sealed record FaultEntry(
    FaultKind Kind, string Name, FaultScope Scope, string Parameters, string Summary, bool OnlyOpenAI = false)
{
    public IReadOnlyList<string> ParameterNames { get; } = Parameters.Split(' ', StringSplitOptions.RemoveEmptyEntries);
}
