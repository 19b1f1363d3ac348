using System.Globalization;
using Sluice.Configuration.Composition;
using Sluice.Configuration.Interpolation;
using Sluice.Configuration.Overrides;
using Sluice.Experiments;

namespace Sluice.Configuration;

/// <summary>Composes the jobs of one primary config and binds them to experiments, one after the other.</summary>
internal static class JobLoader
{
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

        // The names as they stand; else with what was chosen for each job; else with a hash where even that looks the same in a name.
        var alike = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
        return Bind(alike: null) ?? Bind(alike) ?? Bind(alike)!;

        // Null when two jobs have the same name and there is another way to name them.
        List<Experiment>? Bind(HashSet<string>? alike)
        {
            var bound = new List<(Experiment Experiment, ConfigMapping Fields, string Label)>();
            var seen = new HashSet<string>(StringComparer.OrdinalIgnoreCase);
            bool isLast = alike is { Count: > 0 };
            string label = "";
            foreach (Composition.Composition job in sweep.Jobs(Begin))
            {
                (Experiment experiment, ConfigMapping fields) = BindOne(job, primary, context, mistakes, name => alike is null ? name : JobName.Of(name, job, sweep.SweptKeys, alike));
                if (sweep.IsMultirun && !isLast && experiment.Name.Length > 0 && !seen.Add(experiment.Name))
                {
                    if (alike is null)
                    {
                        return null;
                    }

                    alike.Add(experiment.Name);
                }

                bound.Add((experiment, new ConfigMapping([.. fields.Entries.Where(static entry => entry.Key == "name")], fields.Mark), label));
            }

            if (!isLast && alike is { Count: > 0 })
            {
                return null;
            }

            mistakes.Enter(primary.Label);
            bound.ForEach(job => names.Add(job.Experiment, job.Fields, job.Label));
            return [.. bound.Select(static job => job.Experiment)];

            void Begin(IReadOnlyList<Override> job)
            {
                context.Cancellation.ThrowIfCancellationRequested();
                if (sweep.IsMultirun)
                {
                    mistakes.EnterJob(bound.Count, label = sweep.Label(job));
                }
            }
        }
    }

    /// <summary>Gives a part of each job, to be printed.</summary>
    /// <exception cref="ConfigException">A config cannot be composed.</exception>
    public static IEnumerable<ConfigNode> Show(PrimaryConfig primary, IReadOnlyList<Override> overrides, bool isMultirun, ConfigView view, ConfigContext context)
    {
        Composer composer = Open(primary, overrides, context, onMistake: null);
        return HydraSweep.Of(composer, overrides, isMultirun).Jobs(_ => context.Cancellation.ThrowIfCancellationRequested()).Select(job => view switch
        {
            ConfigView.Job => job.Job,
            ConfigView.ResolvedJob => Resolved(report => job.Interpolate(report, EmbeddedExperiment.Given(job.Job)).ResolveAll()),
            ConfigView.Hydra => HydraOf(job.Full),
            ConfigView.ResolvedHydra => HydraOf(Resolved(report => job.ResolveHydra(report))),
            ConfigView.All => job.Full,
            ConfigView.ResolvedAll => Resolved(report => job.ResolveFull(report, EmbeddedExperiment.Given(job.Job))),
            _ => throw new ArgumentOutOfRangeException(nameof(view), view, "it is no part of a config"),
        });
    }

    /// <summary>Says which configs each job is merged of, and to which place each goes.</summary>
    /// <exception cref="ConfigException">A config cannot be composed.</exception>
    public static IEnumerable<string> ShowDefaults(PrimaryConfig primary, IReadOnlyList<Override> overrides, bool isMultirun, ConfigContext context) =>
        HydraSweep.Of(Open(primary, overrides, context, onMistake: null), overrides, isMultirun).Jobs(_ => context.Cancellation.ThrowIfCancellationRequested())
            .Select(static job => string.Join('\n', job.Defaults.Select(static entry => $"{entry.Name} -> {(entry.Package.Length == 0 ? "(root)" : entry.Package)}")));

    /// <summary>Says where configs are looked for.</summary>
    public static string ShowSearchPath(PrimaryConfig primary, IReadOnlyList<Override> overrides, ConfigContext context) => Open(primary, overrides, context, onMistake: null).DescribeSearchPath();

    private static ConfigNode HydraOf(ConfigMapping full) => full.TryGet("hydra", out ConfigNode? hydra) ? hydra : new ConfigMapping([], full.Mark);

    private static ConfigMapping Resolved(Func<Action<IReadOnlyList<string>, ConfigException>, ConfigMapping> resolve)
    {
        ConfigException? problem = null;
        // As in Hydra, what refers to a value that is still to be given is shown as one itself.
        ConfigMapping resolved = resolve((_, error) => problem ??= Lookup.IsMissing(error) ? null : error);
        return problem is null ? resolved : throw problem;
    }

    private static Composer Open(PrimaryConfig primary, IReadOnlyList<Override> overrides, ConfigContext context, Action<ConfigException>? onMistake)
    {
        bool isEmbedded = overrides.Any(static change => change.Path is [EmbeddedExperiment.Key, not EmbeddedExperiment.Resolvers, ..]);
        var warned = new HashSet<string>(StringComparer.Ordinal);
        return Composer.Open(primary.Sources, primary.Name, overrides, new ComposerOptions
        {
            CurrentDirectory = context.CurrentDirectory,
            Environment = context.Environment,
            Clock = context.Clock,
            JobName = primary.Name ?? "sluice",
            AcceptPlugins = true,
            Secrets = onMistake is null ? SecretUse.Name : SecretUse.Refuse,
            FieldAt = (root, path) => EmbeddedExperiment.FieldAt(path, isEmbedded || EmbeddedExperiment.IsIn(root)),
            OnMistake = onMistake,
            Warn = (mark, warning) =>
            {
                if (warned.Add($"{mark}: {warning}"))
                {
                    context.Remark($"{mark}: {warning}");
                }
            },
        });
    }

    private static (Experiment Experiment, ConfigMapping Fields) BindOne(
        Composition.Composition job, PrimaryConfig primary, ConfigContext context, MistakeList mistakes, Func<string, string> rename)
    {
        bool isEmbedded = EmbeddedExperiment.IsIn(job.Job);
        string path = isEmbedded ? EmbeddedExperiment.Key : "";
        EmbeddedExperiment.Check(job.Job, mistakes);
        Interpolator interpolator = job.Interpolate(
            (at, error) => mistakes.Add(error.Mark, string.Join('.', at), error.Message, error.Hint), EmbeddedExperiment.Given(job.Job));
        ConfigMapping fields = isEmbedded ? interpolator.Resolve([path]) as ConfigMapping ?? job.Job : interpolator.ResolveAll();
        fields = Refreshed(fields.Without(isEmbedded ? EmbeddedExperiment.Resolvers : EmbeddedExperiment.Key), context.RefreshedAt);
        fields = WithoutMissing(fields, path, isEmbedded, mistakes);
        Experiment experiment = new ExperimentBinder(context, mistakes).Bind(fields, path, isEmbedded ? null : Own(job, interpolator, fields), primary.Label);
        experiment = experiment with
        {
            Name = experiment.Name.Length > 0 ? rename(experiment.Name) : "",
            Overrides = OverrideRecord.Of(job.Overrides),
        };
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
    private static HashSet<string> Own(Composition.Composition job, Interpolator interpolator, ConfigMapping fields)
    {
        HashSet<string> own =
        [
            .. interpolator.Referred,
            .. job.Defaults.Where(static entry => entry.Package.Length > 0).Select(static entry => entry.Package.Split('.')[0]),
            .. job.Overrides.Where(static change => change.Kind is OverrideKind.Add or OverrideKind.Force).Select(static change => change.Path[0]),
        ];
        if (fields.Keys.Any(key => !own.Contains(key) && !ExperimentFields.Experiment.Has(key)))
        {
            // What referred to it may have been changed or copied since.
            own.UnionWith(job.Defaults.SelectMany(static entry => WrittenReferences.In(entry.Config.Content, entry.Package.Split('.', StringSplitOptions.RemoveEmptyEntries))));
            own.UnionWith(job.Overrides.SelectMany(static change => change.Value is ScalarElement text ? WrittenReferences.In(text.Value, change.Path) : []));
        }

        return own;
    }

    /// <summary>Reports fields that are still to be given, and breaks them, so that nothing more is said about them; a variable of the user's that
    /// nothing asks for may stay so.</summary>
    private static ConfigMapping WithoutMissing(ConfigMapping fields, string path, bool isEmbedded, MistakeList mistakes)
    {
        foreach (ConfigEntry entry in fields.Entries)
        {
            string full = path.Length == 0 ? entry.Key : $"{path}.{entry.Key}";
            bool isField = isEmbedded || path.Length > 0 || ExperimentFields.Experiment.Has(entry.Key);
            if (isField && ConfigMerger.IsMissing(entry.Value))
            {
                mistakes.Add(entry.Value.Mark, full, $"Missing mandatory value: {full}", $"give it: {full}=...");
                fields = fields.With(entry.Key, ConfigScalar.Broken(entry.Value.Mark));
            }
            else if (isField && entry.Value is ConfigMapping inner && WithoutMissing(inner, full, isEmbedded, mistakes) is var rest && rest != inner)
            {
                fields = fields.With(entry.Key, rest);
            }
        }

        return fields;
    }
}
