using Sluice.Experiments;

namespace Sluice.Configuration;

/// <summary>Turns config files and overrides into experiments: reads, composes, binds and checks them.</summary>
public static class ConfigLoader
{
    /// <summary>Loads the experiments that files, folders and globs name.</summary>
    /// <param name="patterns">Files, folders (their <c>.yaml</c> and <c>.yml</c> files) and globs; relative to the current
    /// directory.</param>
    /// <param name="overrides">Changes made to each config, such as <c>model.params.temperature=0.5</c>.</param>
    /// <param name="context">What composing may know of the world around it.</param>
    /// <returns>The experiments, in the order of the patterns; each has its own name.</returns>
    /// <exception cref="SluiceException">Something is wrong: the message lists all mistakes of all configs, one on each line.</exception>
    public static IReadOnlyList<Experiment> Load(IReadOnlyList<string> patterns, IReadOnlyList<string> overrides, ConfigContext context)
    {
        var mistakes = new MistakeList();
        if (patterns.Count == 0)
        {
            mistakes.Add(SourceMark.CommandLine, "", "no config is given", "name a file, a folder or a glob such as configs/*.yaml");
        }

        IReadOnlyList<Override> changes = Override.ReadAll(overrides, mistakes);
        var experiments = new List<Experiment>();
        var names = new Dictionary<string, SourceMark>(StringComparer.OrdinalIgnoreCase);
        foreach (string file in new ConfigFinder(context.CurrentDirectory, mistakes).Find(patterns))
        {
            if (Compose(file, changes, context, mistakes, names) is { } experiment)
            {
                experiments.Add(experiment);
            }
        }

        mistakes.ThrowIfAny();
        return experiments;
    }

    /// <summary>Loads the experiment of one file, which may be the composed <c>config.yaml</c> of an earlier run.</summary>
    /// <inheritdoc cref="Load(IReadOnlyList{string}, IReadOnlyList{string}, ConfigContext)"/>
    public static Experiment LoadFile(string file, IReadOnlyList<string> overrides, ConfigContext context)
    {
        var mistakes = new MistakeList();
        IReadOnlyList<Override> changes = Override.ReadAll(overrides, mistakes);
        Experiment? experiment = Compose(file, changes, context, mistakes, []);
        mistakes.ThrowIfAny();
        return experiment!;
    }

    /// <summary>Says whether a word of the command line is an override and no file: it has a <c>=</c> before any slash, or starts with
    /// <c>+</c> or <c>~</c>.</summary>
    public static bool IsOverride(string word, string currentDirectory)
    {
        int separator = word.AsSpan().IndexOfAny('=', '/', '\\');
        bool looksSo = word is ['+', ..]
            || (word is ['~', ..] && !word.StartsWith("~/", StringComparison.Ordinal))
            || (separator > 0 && word[separator] == '=');
        return looksSo && !Path.Exists(Path.GetFullPath(word, currentDirectory));
    }

    private static Experiment? Compose(
        string file, IReadOnlyList<Override> overrides, ConfigContext context, MistakeList mistakes, Dictionary<string, SourceMark> names)
    {
        ConfigMapping root;
        try
        {
            root = ConfigFile.Read(file, context.CurrentDirectory);
        }
        catch (ConfigException exception)
        {
            mistakes.Add(exception);
            return null;
        }

        mistakes.Enter(file);
        root = OverrideApplier.Apply(root, overrides, mistakes);
        (ConfigMapping composed, IReadOnlySet<string> referred) = Interpolator.Resolve(root, context.Environment, mistakes);
        Experiment experiment = new ExperimentBinder(context, mistakes).Bind(composed, referred, file);
        CheckName(experiment, composed, file, mistakes, names);
        return mistakes.Count > 0 ? null : experiment with { ComposedYaml = ComposedConfig.Print(composed, experiment) };
    }

    private static void CheckName(
        Experiment experiment, ConfigMapping composed, string file, MistakeList mistakes, Dictionary<string, SourceMark> names)
    {
        if (experiment.Name.Length == 0 || !composed.TryGet("name", out ConfigNode? name))
        {
            return;
        }

        // Letter case does not count, since it does not on all file systems.
        SourceMark mark = name.Mark.Line == 0 ? new SourceMark(file, 1, 1) : name.Mark;
        if (!names.TryAdd(experiment.Name, mark))
        {
            mistakes.Add(mark, "name", $"{Say.Quoted(experiment.Name)} is also the name in {names[experiment.Name]}",
                "each experiment needs its own, for instance with ${model.name} in it");
        }
    }
}
