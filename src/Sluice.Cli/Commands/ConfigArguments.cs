using System.CommandLine;
using System.CommandLine.Parsing;
using Sluice.Configuration;

namespace Sluice.Cli.Commands;

/// <summary>How a command is told which configs it is about: files and overrides in any order, and Hydra's flags.</summary>
internal sealed class ConfigArguments
{
    private static readonly string[] Parts = ["job", "hydra", "all"];
    private static readonly string[] Infos = ["defaults", "searchpath"];

    private readonly Argument<string[]> _words = new("configs")
    {
        Description = "Config files, folders or globs, and key=value overrides in any order.",
        Arity = ArgumentArity.ZeroOrMore,
        Validators = { RefuseUnknownOptions },
    };

    private readonly Option<string?> _path = new("--config-path", "-cp") { Description = "Hydra's config folder; default: conf, configs, config or here.", HelpName = "folder" };
    private readonly Option<string?> _name = new("--config-name", "-cn") { Description = "The primary config in that folder; default: config.", HelpName = "name" };
    private readonly Option<string?> _directory = new("--config-dir", "-cd") { Description = "A folder of configs that is searched too.", HelpName = "folder" };
    private readonly Option<bool> _multirun = new("--multirun", "-m") { Description = "Run all combinations of values that are given as a,b,c." };
    private readonly Option<string?> _cfg = new("--cfg", "-c") { Description = "Print the composed config and end: job, hydra or all.", HelpName = "part" };
    private readonly Option<bool> _resolve = new("--resolve") { Description = "With --cfg: resolve interpolations." };
    private readonly Option<string?> _info = new("--info") { Description = "Print what is composed and end: defaults or searchpath.", HelpName = "what" };

    /// <summary>Adds the arguments to a command.</summary>
    public ConfigArguments(Command command)
    {
        _cfg.AcceptOnlyFromAmong(Parts);
        _info.AcceptOnlyFromAmong(Infos);
        command.Add(_words);
        foreach (var option in (Option[])[_multirun, _path, _name, _directory, _cfg, _resolve, _info])
        {
            command.Add(option);
        }
    }

    /// <summary>Gives what the user asks for.</summary>
    public ConfigRequest Request(ParseResult parsed)
    {
        var words = parsed.GetValue(_words)!.ToLookup(word => ConfigLoader.IsOverride(word, Environment.CurrentDirectory));
        return new ConfigRequest
        {
            Patterns = [.. words[false]],
            Overrides = [.. words[true]],
            ConfigPath = parsed.GetValue(_path),
            ConfigName = parsed.GetValue(_name),
            ConfigDirectory = parsed.GetValue(_directory),
            Multirun = parsed.GetValue(_multirun),
        };
    }

    /// <summary>Gives what is to be printed instead of running; null for nothing.</summary>
    /// <exception cref="SluiceException">Two things are to be printed, or one in a form that it does not have.</exception>
    public ConfigView? View(ParseResult parsed)
    {
        if (parsed.GetValue(_info) is { } info && (parsed.GetValue(_cfg) is not null || parsed.GetValue(CommonOptions.Json)))
        {
            throw new SluiceException(ErrorKind.Usage, $"--info {info} goes neither with --cfg nor with --json", "ask for one after the other; --cfg goes with --json");
        }

        return (parsed.GetValue(_cfg), parsed.GetValue(_info)) switch
        {
            ("job", _) => parsed.GetValue(_resolve) ? ConfigView.ResolvedJob : ConfigView.Job,
            ("hydra", _) => parsed.GetValue(_resolve) ? ConfigView.ResolvedHydra : ConfigView.Hydra,
            ("all", _) => parsed.GetValue(_resolve) ? ConfigView.ResolvedAll : ConfigView.All,
            (_, "defaults") => ConfigView.Defaults,
            (_, "searchpath") => ConfigView.SearchPath,
            _ => null,
        };
    }

    /// <summary>A word with a leading dash that is no option would be taken for a config.</summary>
    private static void RefuseUnknownOptions(ArgumentResult result)
    {
        foreach (var word in result.Tokens.Select(t => t.Value).Where(w => w.StartsWith('-') && !Path.Exists(w)))
        {
            result.AddError($"Unrecognized option `{word}`.");
        }
    }
}
