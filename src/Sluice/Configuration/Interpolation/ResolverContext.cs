namespace Sluice.Configuration.Interpolation;

/// <summary>What resolvers get their values from.</summary>
internal sealed record ResolverContext
{
    /// <summary>Gets the environment variables: the value for a name, or null.</summary>
    public required Func<string, string?> Environment { get; init; }

    /// <summary>Gets the time of <c>${now:...}</c>; all jobs of a sweep share one.</summary>
    public required SweepClock Clock { get; init; }

    /// <summary>Gets the resolved value at a path of the settings of Hydra, or null; null as a whole where there are none.</summary>
    public Func<IReadOnlyList<string>, ConfigNode?>? Hydra { get; init; }

    /// <summary>Gets the values given for resolvers that exist only in Python, by the resolver's name.</summary>
    public IReadOnlyDictionary<string, ConfigNode> Given { get; init; } = new Dictionary<string, ConfigNode>();

    /// <summary>Gets what becomes of environment variables that look like secrets.</summary>
    public SecretUse Secrets { get; init; }

    /// <summary>Gets what takes the warnings of <c>${oc.deprecated:...}</c>, with their places.</summary>
    public Action<SourceMark, string>? Warn { get; init; }
}
