using Sluice.Configuration.Composition;
using Sluice.Configuration.Overrides;
using Sluice.Experiments;

namespace Sluice.Configuration;

/// <summary>Turns config files and overrides into experiments: reads, composes, binds and checks them.</summary>
public static class ConfigLoader
{
    /// <summary>Loads the experiments that a request stands for; a multirun's jobs are composed one at a time.</summary>
    /// <param name="request">Which configs, and the changes to them.</param>
    /// <param name="context">What composing may know of the world around it.</param>
    /// <returns>The experiments, in the order of the files and, within one, of its jobs; each has its own name.</returns>
    /// <exception cref="SluiceException">Something is wrong: the message lists all mistakes of all configs, one on each line.</exception>
    public static IReadOnlyList<Experiment> Load(ConfigRequest request, ConfigContext context)
    {
        var mistakes = new MistakeList();
        IReadOnlyList<Override> overrides = ReadAll(request.Overrides, mistakes);
        IReadOnlyList<PrimaryConfig> primaries = new ConfigFolders(context.CurrentDirectory, mistakes).Find(request);
        var experiments = new List<Experiment>();
        var names = new NameBook(mistakes);
        foreach (PrimaryConfig primary in primaries)
        {
            Catch(mistakes, () => experiments.AddRange(JobLoader.Load(primary, overrides, request.Multirun, context, mistakes, names)));
        }

        mistakes.ThrowIfAny();
        return experiments.Count > 0 ? experiments
            : throw new SluiceException(ErrorKind.Usage, "there is nothing to run: the multirun has no jobs", "a range() is empty, or a glob() matches no option");
    }

    /// <summary>Loads the experiments that files, folders and globs name.</summary>
    /// <inheritdoc cref="Load(ConfigRequest, ConfigContext)"/>
    public static IReadOnlyList<Experiment> Load(IReadOnlyList<string> patterns, IReadOnlyList<string> overrides, ConfigContext context) =>
        Load(new ConfigRequest { Patterns = patterns, Overrides = overrides }, context);

    /// <summary>Loads the experiment of one file, which may be the composed <c>config.yaml</c> of an earlier run.</summary>
    /// <inheritdoc cref="Load(ConfigRequest, ConfigContext)"/>
    public static Experiment LoadFile(string file, IReadOnlyList<string> overrides, ConfigContext context)
    {
        var mistakes = new MistakeList();
        IReadOnlyList<Override> changes = ReadAll(overrides, mistakes);
        PrimaryConfig primary = new ConfigFolders(context.CurrentDirectory, mistakes).Of(file, []);
        Experiment? experiment = null;
        Catch(mistakes, () => experiment = JobLoader.Load(primary, changes, isMultirun: false, context, mistakes, new NameBook(mistakes)).FirstOrDefault());
        mistakes.ThrowIfAny();
        return experiment!;
    }

    /// <summary>Composes each config of a request and prints a part of it, as Hydra's <c>--cfg</c> and <c>--info</c> do.</summary>
    /// <param name="request">Which configs, and the changes to them.</param>
    /// <param name="view">What to print.</param>
    /// <param name="asJson">Whether each part of a config is printed as a line of JSON rather than as YAML.</param>
    /// <param name="context">What composing may know of the world around it.</param>
    /// <returns>One text for each job.</returns>
    /// <exception cref="SluiceException">A config cannot be composed.</exception>
    public static IReadOnlyList<string> Show(ConfigRequest request, ConfigView view, bool asJson, ConfigContext context)
    {
        var mistakes = new MistakeList();
        IReadOnlyList<Override> overrides = ReadAll(request.Overrides, mistakes);
        var texts = new List<string>();
        foreach (PrimaryConfig primary in new ConfigFolders(context.CurrentDirectory, mistakes).Find(request))
        {
            Catch(mistakes, () => texts.AddRange(view switch
            {
                ConfigView.SearchPath => [JobLoader.ShowSearchPath(primary, overrides, context)],
                ConfigView.Defaults => JobLoader.ShowDefaults(primary, overrides, request.Multirun, context),
                _ => JobLoader.Show(primary, overrides, request.Multirun, view, context).Select(node => asJson ? JsonPrinter.Print(node) : YamlPrinter.Print(node)),
            }));
        }

        mistakes.ThrowIfAny();
        return texts;
    }

    /// <summary>Says whether a word of the command line is an override and no file: it starts with <c>+</c> or <c>~</c>, or has something before a
    /// <c>=</c> that is no path.</summary>
    public static bool IsOverride(string word, string currentDirectory)
    {
        int separator = word.IndexOf('=', StringComparison.Ordinal);
        bool looksSo = word is ['+', ..]
            || (word is ['~', ..] && !word.StartsWith("~/", StringComparison.Ordinal))
            || (separator >= 0 && word[0] is not ('/' or '.' or '~') && word.AsSpan(0, separator).IndexOfAny('*', '?') < 0);
        return looksSo && !Path.Exists(Path.GetFullPath(word, currentDirectory));
    }

    private static List<Override> ReadAll(IEnumerable<string> words, MistakeList mistakes)
    {
        var overrides = new List<Override>();
        foreach (string word in words)
        {
            Catch(mistakes, () => overrides.Add(Override.Parse(word)));
        }

        return overrides;
    }

    private static void Catch(MistakeList mistakes, Action action)
    {
        try
        {
            action();
        }
        catch (ConfigException exception)
        {
            mistakes.Add(exception);
        }
    }
}
