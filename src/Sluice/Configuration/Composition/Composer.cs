using System.Globalization;
using Sluice.Configuration.Interpolation;
using Sluice.Configuration.Overrides;

namespace Sluice.Configuration.Composition;

/// <summary>Composes job configs out of a config folder, as Hydra 1.3 does. Thread-safe; files are read once for all jobs.</summary>
internal sealed class Composer
{
    private const string HydraKey = "hydra";

    private readonly ConfigRepository _repository;
    private readonly string? _primary;
    private readonly ComposerOptions _options;
    private readonly SourceMark _start;
    private readonly ConfigMerger _merger;
    private readonly ValueOverrides _values;

    private Composer(ConfigRepository repository, string? primary, ComposerOptions options, IReadOnlyList<string> remarks)
    {
        Remarks = remarks;
        (_repository, _primary, _options) = (repository, primary, options);
        _start = (primary is null ? null : repository.Load(primary)?.Content.Mark) ?? SourceMark.CommandLine;
        _merger = new ConfigMerger(Peek);
        _values = new ValueOverrides(_merger, Peek, (root, path) => options.FieldAt(root, path) ?? (options.AcceptPlugins ? HydraSettings.OfPlugin(root, path) : null));
    }

    /// <summary>Opens a config folder.</summary>
    /// <param name="sources">The folders, in order.</param>
    /// <param name="primary">The primary config's name below them; null for none.</param>
    /// <param name="overrides">The command line's, for <c>hydra.searchpath</c>.</param>
    /// <param name="options">What else composing depends on.</param>
    /// <exception cref="ConfigException">The primary config cannot be read.</exception>
    public static Composer Open(IReadOnlyList<ConfigSource> sources, string? primary, IReadOnlyList<Override> overrides, ComposerOptions options)
    {
        var repository = new ConfigRepository([.. sources, new BuiltInSource()], options.AcceptPlugins);
        ConfigNode? paths = overrides.LastOrDefault(static change => change.Key == "hydra.searchpath")?.Value is OverrideElement element
            ? element.ToNode()
            : primary is null ? null : SearchPathOf(repository.Load(primary)?.Content);
        List<FolderSource> more = [.. SearchPath(paths, options)];
        return new Composer(more.Count == 0 ? repository : repository.With(more), primary, options,
            [.. more.Where(static source => !source.Exists).Select(static source => $"the folder {source.Location} of hydra.searchpath does not exist")]);
    }

    /// <summary>Gets the primary config's name; null for none.</summary>
    public string? Primary => _primary;

    /// <summary>Gets what users should know about the search path, though nothing is wrong.</summary>
    public IReadOnlyList<string> Remarks { get; }

    /// <summary>Gives the options of a group, sorted.</summary>
    public IReadOnlyList<string> Options(string group) => _repository.Options(group);

    /// <summary>Gives the search path as lines of a message.</summary>
    public string DescribeSearchPath() => _repository.Describe();

    /// <summary>Composes one config.</summary>
    /// <param name="overrides">The overrides, in order.</param>
    /// <param name="number">The job's number in a sweep, from 0; null for a single run.</param>
    /// <param name="skipMandatory">Whether group choices that are still to be made are left out rather than an error.</param>
    /// <exception cref="ConfigException">It cannot be composed.</exception>
    public Composition Compose(IReadOnlyList<Override> overrides, int? number = null, bool skipMandatory = false)
    {
        var choices = new GroupChoices(_repository, overrides);
        IReadOnlyList<DefaultsEntry> defaults = DefaultsTree.Follow(_repository, choices, _primary, Resolvers(_options, _ => null), skipMandatory, out bool lacksSelf);
        ConfigMapping root = Merged(defaults);
        foreach (Override change in choices.Values)
        {
            root = Applied(root, change, choices);
        }

        if (overrides.Any(static change => change.IsHydra) && root.TryGet(HydraKey, out ConfigNode? hydra))
        {
            HydraSettings.Check(hydra);
        }

        return new Composition(WithRuntime(root, overrides, choices, number), defaults, choices.Known, overrides, number, lacksSelf, _options);
    }

    /// <summary>Says whether it matters that the primary config's own values come last and not first.</summary>
    public bool DependsOnSelf(Composition composed)
    {
        DefaultsEntry[] own = [.. composed.Defaults.Where(entry => entry.Name == _primary)];
        try
        {
            return !Merged(composed.Defaults).SameValuesAs(Merged([.. own, .. composed.Defaults.Where(entry => entry.Name != _primary)]));
        }
        catch (ConfigException)
        {
            // The other way round the configs do not even fit together.
            return true;
        }
    }

    private ConfigMapping Merged(IEnumerable<DefaultsEntry> defaults)
    {
        var root = new ConfigMapping([], _start);
        foreach (DefaultsEntry entry in defaults)
        {
            root = Add(root, entry);
        }

        return root;
    }

    private ConfigMapping Applied(ConfigMapping root, Override change, GroupChoices choices)
    {
        try
        {
            return Apply(root, change, choices);
        }
        catch (ConfigException error) when (_options.OnMistake is not null)
        {
            _options.OnMistake(error.FromCommandLineAt(change.Mark));
            return root;
        }
    }

    private ConfigMapping Apply(ConfigMapping root, Override change, GroupChoices choices)
    {
        try
        {
            return _values.Apply(root, change);
        }
        catch (ConfigException error) when (error.Kind == ConfigErrorKind.Struct
            && choices.Known.Keys.FirstOrDefault(key => key.EndsWith("/" + change.Key, StringComparison.Ordinal)) is { } group)
        {
            throw new ConfigException(error.Kind, error.Mark, error.Message, $"did you mean \"{group}\"?");
        }
    }

    private ConfigMapping Add(ConfigMapping root, DefaultsEntry entry)
    {
        ConfigNode? hydra = entry.Package.Length == 0 && entry.Config.Content is ConfigMapping mapping && mapping.TryGet(HydraKey, out ConfigNode? node) ? node
            : entry.Package == HydraKey ? entry.Config.Content : null;
        if (hydra is not null && entry.Name != "hydra/config")
        {
            CheckHydra(hydra, entry);
        }

        try
        {
            return _merger.Into(root, entry.Package, entry.Config.Content);
        }
        catch (ConfigException error) when (error.Kind == ConfigErrorKind.MergeType)
        {
            throw In(entry, "ConfigTypeError", error);
        }
    }

    private void CheckHydra(ConfigNode hydra, DefaultsEntry entry)
    {
        if (entry.Name != _primary && hydra is ConfigMapping mapping && mapping.Has("searchpath"))
        {
            throw new ConfigException(ConfigErrorKind.Composition, hydra.Mark,
                $"In '{entry.Name}': Overriding hydra.searchpath is only supported from the primary config");
        }

        try
        {
            HydraSettings.Check(hydra);
        }
        catch (ConfigException error)
        {
            throw In(entry, "ConfigKeyError", error);
        }
    }

    private ConfigMapping WithRuntime(ConfigMapping root, IReadOnlyList<Override> overrides, GroupChoices choices, int? number)
    {
        if (!root.TryGet(HydraKey, out ConfigNode? node) || node is not ConfigMapping hydra)
        {
            return root;
        }

        ConfigMapping job = Mapping(hydra, "job");
        if (job.TryGet("name", out ConfigNode? name) && ConfigMerger.IsMissing(name))
        {
            job = job.With("name", Text(_options.JobName));
        }

        if (_primary is not null)
        {
            job = job.With("config_name", Text(_primary));
        }

        if (number is { } place)
        {
            string digits = place.ToString(CultureInfo.InvariantCulture);
            job = job.With("num", ConfigScalar.OfInteger(place, digits, SourceMark.CommandLine)).With("id", Text(digits));
        }

        (List<Override> own, List<Override> task) = (overrides.Where(static change => change.IsHydra).ToList(), overrides.Where(static change => !change.IsHydra).ToList());
        job = job.With("override_dirname", Text(Dirname(job, task)));
        ConfigMapping runtime = Mapping(hydra, "runtime")
            .With("cwd", Text(_options.CurrentDirectory))
            .With("choices", new ConfigMapping(
                [.. choices.Known.Select(static choice => new ConfigEntry(choice.Key, SourceMark.CommandLine, choice.Value is { } option ? Text(option.Text) : ConfigScalar.OfNull("", SourceMark.CommandLine)))],
                SourceMark.CommandLine));
        return root.With(HydraKey, hydra.With("job", job).With("runtime", runtime).With("overrides", new ConfigMapping(
            [new("hydra", SourceMark.CommandLine, Texts(own)), new("task", SourceMark.CommandLine, Texts(task))], SourceMark.CommandLine)));
    }

    private static string Dirname(ConfigMapping job, IReadOnlyList<Override> overrides)
    {
        ConfigMapping settings = Mapping(Mapping(job, "config"), "override_dirname");
        IReadOnlyList<ConfigNode> excluded = settings.TryGet("exclude_keys", out ConfigNode? keys) && keys is ConfigSequence list ? list.Items : [];
        return OverrideDirname.Of(overrides, Setting("kv_sep", "="), Setting("item_sep", ","), [.. excluded.OfType<ConfigScalar>().Select(static key => key.Text)]);

        string Setting(string key, string usual) => settings.TryGet(key, out ConfigNode? value) && value is ConfigScalar { Type: not ScalarKind.Null } scalar ? scalar.Text : usual;
    }

    private ConfigNode? Peek(IReadOnlyList<string> path, ConfigMapping root) => new Interpolator(root, Resolvers(_options, _ => null), static (_, _) => { }).Peek(path);

    internal static ResolverSet Resolvers(ComposerOptions options, Func<IReadOnlyList<string>, ConfigNode?> hydra, IReadOnlyDictionary<string, ConfigNode>? given = null) => new(new ResolverContext
    {
        Environment = options.Environment,
        Clock = options.Clock,
        Hydra = hydra,
        Given = given ?? new Dictionary<string, ConfigNode>(),
        Secrets = options.Secrets,
        Warn = options.Warn,
    });

    private static IEnumerable<FolderSource> SearchPath(ConfigNode? paths, ComposerOptions options)
    {
        if (paths is not ConfigSequence list)
        {
            yield break;
        }

        var holder = new ConfigMapping([new ConfigEntry("searchpath", list.Mark, list)], list.Mark);
        ConfigException? problem = null;
        var interpolator = new Interpolator(holder, Resolvers(options, _ => null), (_, error) => problem ??= error);
        ConfigNode? resolved = interpolator.Resolve(["searchpath"]);
        if (problem is not null)
        {
            throw problem;
        }

        foreach (ConfigNode item in ((ConfigSequence)resolved!).Items)
        {
            string path = item is ConfigScalar scalar ? scalar.Text : "";
            if (path.StartsWith("pkg://", StringComparison.Ordinal))
            {
                throw new ConfigException(ConfigErrorKind.InvalidValue, item.Mark, $"hydra.searchpath: {Say.Quoted(path)} names a Python package, which cannot be looked into here",
                    "name its folder instead: file://FOLDER");
            }

            yield return new FolderSource(path.StartsWith("file://", StringComparison.Ordinal) ? path["file://".Length..] : path, options.CurrentDirectory, "hydra.searchpath in main");
        }
    }

    private static ConfigNode? SearchPathOf(ConfigNode? content) =>
        content is ConfigMapping root && root.TryGet(HydraKey, out ConfigNode? hydra) && hydra is ConfigMapping mapping && mapping.TryGet("searchpath", out ConfigNode? paths) ? paths : null;

    private static ConfigException In(DefaultsEntry entry, string type, ConfigException error) =>
        new(error.Kind, error.Mark, $"In '{entry.Name}': {type} raised while composing config:\n{error.Message}", error.Hint);

    private static ConfigMapping Mapping(ConfigMapping parent, string key) =>
        parent.TryGet(key, out ConfigNode? node) && node is ConfigMapping mapping ? mapping : new ConfigMapping([], parent.Mark);

    // What an override says is shown as it is, not as what its references lead to.
    private static ConfigScalar Text(string text) => ConfigScalar.OfText(InterpolationSyntax.Escape(text), SourceMark.CommandLine);

    private static ConfigSequence Texts(IEnumerable<Override> overrides) => new([.. overrides.Select(static change => Text(change.Text))], SourceMark.CommandLine);
}
