using System.Globalization;
using Sluice.Configuration.Composition;
using Sluice.Configuration.Interpolation;
using Sluice.Configuration.Overrides;
using Sluice.Experiments;

namespace Sluice.Configuration;

/// <summary>Composes the jobs of one primary config and binds them to experiments, one after the other.</summary>
internal static class JobLoader
{
    private const string Embedded = "sluice";
    private const string Resolvers = "resolvers";

    /// <summary>Loads the experiments of a primary config.</summary>
    /// <exception cref="ConfigException">It cannot be composed.</exception>
    public static IReadOnlyList<Experiment> Load(
        PrimaryConfig primary, IReadOnlyList<Override> overrides, bool isMultirun, ConfigContext context, MistakeList mistakes, NameBook names)
    {
        Composer composer = Open(primary, overrides, context, exception => mistakes.Add(exception));
        mistakes.Enter(primary.Label);
        HydraSweep sweep = HydraSweep.Of(composer, overrides, isMultirun);
        if (sweep.Count > ConfigLimits.Jobs)
        {
            throw new ConfigException(ConfigErrorKind.Composition, SourceMark.CommandLine, $"the multirun has {sweep.Count:N0} jobs; 100,000 are allowed",
                "sweep over fewer values at a time");
        }

        foreach (string remark in sweep.Remarks)
        {
            context.Remark(remark);
        }

        return Bind(sweep, rename: false) ?? Bind(sweep, rename: true)!;

        // Null when two jobs have the same name: then all jobs get names that tell what was chosen for them.
        List<Experiment>? Bind(HydraSweep sweep, bool rename)
        {
            var bound = new List<(Experiment Experiment, ConfigMapping Fields)>();
            var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
            foreach (Composition.Composition job in sweep.Jobs())
            {
                (Experiment experiment, ConfigMapping fields) = BindOne(job, primary, context, mistakes, rename ? sweep.SweptKeys : null);
                if (sweep.IsMultirun && !rename && experiment.Name.Length > 0 && !seen.Add(experiment.Name))
                {
                    return null;
                }

                bound.Add((experiment, new ConfigMapping([.. fields.Entries.Where(static entry => entry.Key == "name")], fields.Mark)));
            }

            bound.ForEach(job => names.Add(job.Experiment, job.Fields));
            return [.. bound.Select(static job => job.Experiment)];
        }
    }

    /// <summary>Prints a part of each job.</summary>
    /// <exception cref="ConfigException">A config cannot be composed.</exception>
    public static IEnumerable<string> Show(PrimaryConfig primary, IReadOnlyList<Override> overrides, bool isMultirun, ConfigView view, ConfigContext context)
    {
        Composer composer = Open(primary, overrides, context, onMistake: null);
        return view == ConfigView.SearchPath
            ? [composer.DescribeSearchPath()]
            : HydraSweep.Of(composer, overrides, isMultirun).Jobs().Select(job => view switch
            {
                ConfigView.Job => YamlPrinter.Print(job.Job),
                ConfigView.ResolvedJob => YamlPrinter.Print(Resolved(job)),
                ConfigView.Hydra => YamlPrinter.Print(job.Full.TryGet("hydra", out ConfigNode? hydra) ? hydra : job.Job),
                ConfigView.All => YamlPrinter.Print(job.Full),
                _ => string.Join('\n', job.Defaults.Select(static entry => $"{entry.Name} -> {(entry.Package.Length == 0 ? "(root)" : entry.Package)}")),
            });
    }

    private static ConfigMapping Resolved(Composition.Composition job)
    {
        ConfigException? problem = null;
        ConfigMapping resolved = job.Interpolate((_, error) => problem ??= error, Given(job)).ResolveAll();
        return problem is null ? resolved : throw problem;
    }

    private static Composer Open(PrimaryConfig primary, IReadOnlyList<Override> overrides, ConfigContext context, Action<ConfigException>? onMistake) =>
        Composer.Open(primary.Sources, primary.Name, overrides, new ComposerOptions
        {
            CurrentDirectory = context.CurrentDirectory,
            Environment = context.Environment,
            Clock = context.Clock,
            JobName = primary.Name ?? "sluice",
            AcceptPlugins = true,
            RefuseSecrets = true,
            FieldAt = FieldAt,
            OnMistake = onMistake,
        });

    private static Field? FieldAt(IReadOnlyList<string> path) =>
        path is [Embedded, Resolvers, ..] ? new Field(path[^1], IsOpen: true)
        : ExperimentFields.At(path is [Embedded, ..] ? [.. path.Skip(1)] : path);

    private static (Experiment Experiment, ConfigMapping Fields) BindOne(
        Composition.Composition job, PrimaryConfig primary, ConfigContext context, MistakeList mistakes, IReadOnlySet<string>? swept)
    {
        bool isEmbedded = job.Job.TryGet(Embedded, out ConfigNode? embedded) && embedded is ConfigMapping inner && inner.Keys.Any(static key => key != Resolvers);
        Interpolator interpolator = job.Interpolate((path, error) => mistakes.Add(error.Mark, string.Join('.', path), error.Message, error.Hint), Given(job));
        ConfigMapping fields = isEmbedded ? interpolator.Resolve([Embedded]) as ConfigMapping ?? job.Job : interpolator.ResolveAll();
        fields = Refreshed(fields.Without(isEmbedded ? Resolvers : Embedded), context.RefreshedAt);
        ReportMissing(fields, isEmbedded ? Embedded : "", isEmbedded, mistakes);
        Experiment experiment = new ExperimentBinder(context, mistakes).Bind(fields, isEmbedded ? Embedded : "", isEmbedded ? null : Own(job, interpolator), primary.Label);
        if (swept is not null && experiment.Name.Length > 0)
        {
            experiment = experiment with { Name = JobName.Of(experiment.Name, job, swept) };
        }

        return (mistakes.Count > 0 ? experiment : experiment with { ComposedYaml = ComposedConfig.Print(fields, experiment) }, fields);
    }

    /// <summary>Writes the time of a refresh into the config, so that whoever takes the answers over later knows it too.</summary>
    private static ConfigMapping Refreshed(ConfigMapping fields, DateTimeOffset? time)
    {
        if (time is null || (fields.TryGet("cache", out ConfigNode? node) && node is not (ConfigMapping or ConfigScalar { Type: ScalarKind.Null })))
        {
            return fields;
        }

        ConfigNode at = ConfigScalar.OfText(time.Value.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture), fields.Mark);
        return fields.With("cache", node is ConfigMapping cache ? cache.With("not_before", at) : new ConfigMapping([new ConfigEntry("not_before", fields.Mark, at)], fields.Mark));
    }

    /// <summary>Gives the keys at the top that are the user's own: something refers to them, a config of a group fills them, or <c>+key</c> adds them.</summary>
    private static HashSet<string> Own(Composition.Composition job, Interpolator interpolator) =>
    [
        .. interpolator.Referred,
        .. job.Defaults.Where(static entry => entry.Package.Length > 0).Select(static entry => entry.Package.Split('.')[0]),
        .. job.Overrides.Where(static change => change.Kind is OverrideKind.Add or OverrideKind.Force).Select(static change => change.Path[0]),
    ];

    /// <summary>Reports fields that are still to be given; a variable of the user's that nothing asks for may stay so.</summary>
    private static void ReportMissing(ConfigMapping fields, string path, bool isEmbedded, MistakeList mistakes)
    {
        foreach (ConfigEntry entry in fields.Entries)
        {
            string full = path.Length == 0 ? entry.Key : $"{path}.{entry.Key}";
            bool isField = isEmbedded || path.Length > 0 || ExperimentFields.Experiment.Has(entry.Key);
            if (isField && ConfigMerger.IsMissing(entry.Value))
            {
                mistakes.Add(entry.Value.Mark, full, $"Missing mandatory value: {full}", $"give it: {full}=...");
            }
            else if (isField && entry.Value is ConfigMapping inner)
            {
                ReportMissing(inner, full, isEmbedded, mistakes);
            }
        }
    }

    /// <summary>Gives the values of resolvers that only exist in the user's Python code.</summary>
    private static IReadOnlyDictionary<string, ConfigNode>? Given(Composition.Composition job) =>
        job.Job.TryGet(Embedded, out ConfigNode? node) && node is ConfigMapping embedded && embedded.TryGet(Resolvers, out ConfigNode? values) && values is ConfigMapping given
            ? given.Entries.ToDictionary(static entry => entry.Key, static entry => entry.Value, StringComparer.Ordinal)
            : null;
}
