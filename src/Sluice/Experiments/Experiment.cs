using Sluice.Datasets;

namespace Sluice.Experiments;

/// <summary>One composed configuration with a unique name: a dataset, the steps each sample goes through, and how answers are scored.</summary>
public sealed record Experiment
{
    /// <summary>Gets the name, unique in a sweep, safe as a folder name.</summary>
    public required string Name { get; init; }

    /// <summary>Gets the file that the experiment was composed from, for messages.</summary>
    public required string Source { get; init; }

    /// <summary>Gets the changes to the config that it was composed with; null when they are not known, as for the config of an earlier run.</summary>
    public IReadOnlyList<string>? Overrides { get; init; }

    /// <summary>Gets the composed configuration as YAML, interpolations resolved.</summary>
    public required string ComposedYaml { get; init; }

    /// <summary>Gets whether requests go through the provider's Batch API (half price, hours) or live.</summary>
    public bool BatchMode { get; init; } = true;

    /// <summary>Gets how often each sample is asked; each repeat is a distinct request.</summary>
    public int Epochs { get; init; } = 1;

    /// <summary>Gets where samples come from.</summary>
    public required DatasetOptions Dataset { get; init; }

    /// <summary>Gets the model calls of the pipeline, in order; at least one.</summary>
    public required IReadOnlyList<StepOptions> Steps { get; init; }

    /// <summary>Gets how a finished sample is scored; may be empty.</summary>
    public IReadOnlyList<ScoreOptions> Scores { get; init; } = [];

    /// <summary>Gets the most that this experiment may cost in US dollars, or null for no limit.</summary>
    public double? BudgetUsd { get; init; }

    /// <summary>Gets the headroom below which a run warns, in GB (10^9 bytes).</summary>
    public double MemoryRequiredGb { get; init; } = 1;

    /// <summary>Gets whether a run is refused, rather than warned, when the headroom is lower.</summary>
    public bool MemoryIsEnforced { get; init; }

    /// <summary>Gets limits for live calls.</summary>
    public LiveOptions Live { get; init; } = new();

    /// <summary>Gets limits for batches.</summary>
    public BatchOptions Batch { get; init; } = new();

    /// <summary>Gets how the cache is used.</summary>
    public CacheOptions Cache { get; init; } = new();

    /// <summary>Gets how the simulator behaves, for <c>provider: simulated</c>.</summary>
    public RehearsalOptions Rehearsal { get; init; } = new();
}
