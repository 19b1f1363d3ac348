using Sluice.Configuration.Composition;

namespace Sluice.Configuration;

/// <summary>A primary config, and where it and what it refers to is looked for.</summary>
/// <param name="Label">How messages name it.</param>
/// <param name="Name">Its name below the sources; null for none.</param>
/// <param name="Sources">The search path.</param>
internal sealed record PrimaryConfig(string Label, string? Name, IReadOnlyList<ConfigSource> Sources);

/// <summary>Finds the primary configs of a request.</summary>
internal sealed class ConfigFolders(string currentDirectory, MistakeList mistakes)
{
    private const string UsualName = "config";
    private const string Ending = ".yaml";
    private static readonly string[] UsualFolders = ["conf", "configs", "config", "."];

    /// <summary>Gives the primary configs in the order of the arguments; what cannot be found becomes a mistake.</summary>
    /// <exception cref="SluiceException">No config is named, and none is where it usually is.</exception>
    public IReadOnlyList<PrimaryConfig> Find(ConfigRequest request)
    {
        List<ConfigSource> more = [.. Additional(request.ConfigDirectory)];
        if (request.Patterns.Count > 0)
        {
            if (request.ConfigName is not null || request.ConfigPath is not null)
            {
                mistakes.Add(SourceMark.CommandLine, "", "both config files and --config-name or --config-path are given", "give one of them");
            }

            return [.. new ConfigFinder(currentDirectory, mistakes).Find(request.Patterns).Select(file => Of(file, more))];
        }

        string name = request.ConfigName is not { } given ? UsualName : given.EndsWith(Ending, StringComparison.Ordinal) ? given[..^Ending.Length] : given;
        // A folder that is searched too adds to the usual one; it is the only one where there is none of those.
        string? folder = request.ConfigPath ?? UsualFolders.FirstOrDefault(usual => Holds(usual, name))
            ?? (request.ConfigDirectory is null ? null : UsualFolders.FirstOrDefault(usual => Holds(usual, UsualName)) ?? request.ConfigDirectory);
        if (folder is null)
        {
            throw new SluiceException(ErrorKind.Usage, $"no config is given, and there is no {name}{Ending} in conf, configs, config or here",
                "name a file, a folder or a glob such as configs/*.yaml, or --config-path FOLDER --config-name NAME; see `sluice run --help`");
        }

        var source = new FolderSource(folder, currentDirectory, "main");
        if (!source.Exists)
        {
            mistakes.Add(SourceMark.CommandLine, "",
                $"Primary config directory not found. Check that the config directory '{Path.GetFullPath(folder, currentDirectory)}' exists and readable",
                NearestFile.Hint(Path.GetFullPath(folder, currentDirectory)));
            return [];
        }

        string holder = more.Count > 0 && !Holds(folder, name) && Holds(request.ConfigDirectory!, name) ? request.ConfigDirectory! : folder;
        return [new PrimaryConfig(Path.Join(holder, name + Ending), name, [source, .. more])];
    }

    /// <summary>Gives the primary config that one file is.</summary>
    public PrimaryConfig Of(string file, IEnumerable<ConfigSource> more)
    {
        var primary = new FileSource(file, currentDirectory);
        string folder = Path.GetDirectoryName(file) is { Length: > 0 } named ? named : ".";
        return new PrimaryConfig(file, primary.Name, [primary, new FolderSource(folder, currentDirectory, "main"), .. more]);
    }

    private IEnumerable<ConfigSource> Additional(string? folder)
    {
        if (folder is null)
        {
            return [];
        }

        var source = new FolderSource(folder, currentDirectory, "command-line");
        if (source.Exists)
        {
            return [source];
        }

        mistakes.Add(SourceMark.CommandLine, "", $"Additional config directory '{Path.GetFullPath(folder, currentDirectory)}' not found",
            NearestFile.Hint(Path.GetFullPath(folder, currentDirectory)));
        return [];
    }

    private bool Holds(string folder, string name) => File.Exists(Path.GetFullPath(Path.Join(folder, name + Ending), currentDirectory));
}
