namespace Sluice.Experiments;

/// <summary>How the simulator behaves that <c>provider: simulated</c> starts. Equal for all experiments of a sweep.</summary>
public sealed record RehearsalOptions
{
    /// <summary>Gets the file of recorded answers, or null for synthetic ones.</summary>
    public string? Recordings { get; init; }

    /// <summary>Gets the fault script, or null for none.</summary>
    public string? Faults { get; init; }

    /// <summary>Gets the least time that a batch takes, in seconds.</summary>
    public double BatchDelaySeconds { get; init; }
}
