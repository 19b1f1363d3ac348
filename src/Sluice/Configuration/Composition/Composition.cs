using Sluice.Configuration.Interpolation;
using Sluice.Configuration.Overrides;

namespace Sluice.Configuration.Composition;

/// <summary>One composed config, its interpolations not resolved yet.</summary>
/// <param name="Full">Everything, with the <c>hydra</c> node.</param>
/// <param name="Defaults">The configs it was merged from, in order.</param>
/// <param name="Choices">The chosen options by override key; null for a group left out.</param>
/// <param name="Overrides">The overrides, in order.</param>
/// <param name="Number">The job's number in a sweep, from 0; null for a single run.</param>
/// <param name="LacksSelf">Whether the primary config's defaults list has no <c>_self_</c>, of which Hydra warns.</param>
/// <param name="Options">What it was composed with.</param>
internal sealed record Composition(
    ConfigMapping Full,
    IReadOnlyList<DefaultsEntry> Defaults,
    IReadOnlyDictionary<string, OptionChoice?> Choices,
    IReadOnlyList<Override> Overrides,
    int? Number,
    bool LacksSelf,
    ComposerOptions Options)
{
    private Interpolator? _hydra;
    private ConfigException? _problem;

    /// <summary>Gets the job's config: without the <c>hydra</c> node.</summary>
    public ConfigMapping Job { get; } = Full.Without("hydra");

    /// <summary>Makes what resolves the job's interpolations.</summary>
    /// <param name="onError">Receives what cannot be resolved.</param>
    /// <param name="given">Values of resolvers that only exist in the user's Python code.</param>
    public Interpolator Interpolate(Action<IReadOnlyList<string>, ConfigException> onError, IReadOnlyDictionary<string, ConfigNode>? given = null) =>
        new(Job, Composer.Resolvers(Options with { Environment = Variable }, Hydra, given), onError);

    /// <summary>Gives everything, the <c>hydra</c> node too, with its interpolations resolved.</summary>
    /// <param name="onError">Receives what cannot be resolved.</param>
    /// <param name="given">Values of resolvers that only exist in the user's Python code.</param>
    public ConfigMapping ResolveFull(Action<IReadOnlyList<string>, ConfigException> onError, IReadOnlyDictionary<string, ConfigNode>? given = null) =>
        new Interpolator(Full, Composer.Resolvers(Options, Hydra, given), onError).ResolveAll();

    /// <summary>Gives the <c>hydra</c> node, in its place, with its interpolations resolved.</summary>
    /// <param name="onError">Receives what cannot be resolved.</param>
    public ConfigMapping ResolveHydra(Action<IReadOnlyList<string>, ConfigException> onError) =>
        new Interpolator(Full, Composer.Resolvers(Options, Hydra), onError).Resolve(["hydra"]) is { } node
            ? new ConfigMapping([new ConfigEntry("hydra", node.Mark, node)], Full.Mark)
            : new ConfigMapping([], Full.Mark);

    /// <summary>Gives a setting of the <c>hydra</c> node, resolved; null when it is not there or still to be given.</summary>
    /// <exception cref="ConfigException">It cannot be resolved.</exception>
    public ConfigNode? Hydra(IReadOnlyList<string> path)
    {
        if (path is ["runtime", "output_dir"])
        {
            return ConfigScalar.OfText(Path.GetFullPath(OutputFolder(), Options.CurrentDirectory), SourceMark.CommandLine);
        }

        // In the hydra node itself ${hydra.job.name} and ${hydra:job.name} are the same; both see the user's config too.
        _hydra ??= new Interpolator(Full, Composer.Resolvers(Options, Hydra), (_, error) => _problem ??= error);
        ConfigNode? node = _hydra.Resolve(["hydra", .. path]);
        return _problem is not null ? throw _problem : node is not null && ConfigMerger.IsMissing(node) ? null : node;
    }

    /// <summary>Gives the text of a setting of the <c>hydra</c> node; null when it has none.</summary>
    public string? HydraText(params string[] path) => Hydra(path) is ConfigScalar { Type: not ScalarKind.Null } scalar ? scalar.Text : null;

    /// <summary>Gives the folder that Hydra would write into, relative to the current one.</summary>
    public string OutputFolder() => Number is null
        ? HydraText("run", "dir") ?? ""
        : Path.Join(HydraText("sweep", "dir"), HydraText("sweep", "subdir"));

    /// <summary>Gives an environment variable as the job sees it: <c>hydra.job.env_set</c> changes it for the job and not for the process.</summary>
    /// <exception cref="ConfigException">The value given there cannot be resolved.</exception>
    private string? Variable(string name)
    {
        if (!Full.TryGet("hydra", out ConfigNode? node) || node is not ConfigMapping hydra
            || !hydra.TryGet("job", out node) || node is not ConfigMapping job
            || !job.TryGet("env_set", out node) || node is ConfigMapping { Entries.Count: 0 })
        {
            return Options.Environment(name);
        }

        ConfigException? problem = null;
        ConfigNode? value = new Interpolator(Full, Composer.Resolvers(Options, Hydra), (_, error) => problem ??= error).Resolve(["hydra", "job", "env_set", name]);
        return problem is not null ? throw problem
            : value is null or ConfigScalar { Type: ScalarKind.Null } ? Options.Environment(name)
            : PythonText.Of(value);
    }
}
