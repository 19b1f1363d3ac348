using Sluice.Configuration.Interpolation;

namespace Sluice.Configuration.Composition;

/// <summary>What composing depends on beside the files and overrides.</summary>
internal sealed record ComposerOptions
{
    /// <summary>Gets the folder that relative search paths are relative to; a full path.</summary>
    public required string CurrentDirectory { get; init; }

    /// <summary>Gets what <c>${oc.env:NAME}</c> finds.</summary>
    public required Func<string, string?> Environment { get; init; }

    /// <summary>Gets the time of <c>${now:...}</c>, which all jobs of a command share.</summary>
    public SweepClock Clock { get; init; } = new(TimeProvider.System);

    /// <summary>Gets what <c>hydra.job.name</c> is unless it is set: in Hydra the name of the Python script.</summary>
    public string JobName { get; init; } = "sluice";

    /// <summary>Gets whether options of Hydra plug-ins that mean nothing here (launchers, logging) are accepted though no file has them.</summary>
    public bool AcceptPlugins { get; init; }

    /// <summary>Gets what becomes of environment variables that look like secrets.</summary>
    public SecretUse Secrets { get; init; }

    /// <summary>Gets what is known about a path of a config that may be set though no file has it, a field of an experiment; null for all
    /// others.</summary>
    public Func<ConfigMapping, IReadOnlyList<string>, Field?> FieldAt { get; init; } = static (_, _) => null;

    /// <summary>Gets what takes the warnings of <c>${oc.deprecated:...}</c>, with their places.</summary>
    public Action<SourceMark, string>? Warn { get; init; }

    /// <summary>Gets who is told of overrides of values that do not fit, so that all are reported at once; null to end with the first.</summary>
    public Action<ConfigException>? OnMistake { get; init; }
}
