namespace Sluice.Configuration.Composition;

/// <summary>Hydra's own configs: the <c>hydra</c> node with its defaults, and the groups below it.</summary>
internal sealed class BuiltInSource : ConfigSource
{
    /// <summary>What Hydra's own launcher is called in its settings.</summary>
    public const string BasicLauncher = "hydra._internal.core_plugins.basic_launcher.BasicLauncher";

    /// <summary>Groups of settings without meaning here: they may name an option of a Hydra plug-in, which is then empty.</summary>
    private static readonly string[] WithoutMeaning =
        ["hydra/launcher", "hydra/job_logging", "hydra/hydra_logging", "hydra/help", "hydra/hydra_help", "hydra/env", "hydra/callbacks"];

    private static readonly Dictionary<string, string> Texts = new(StringComparer.Ordinal)
    {
        ["hydra/config"] = """
            defaults:
              - output: default
              - launcher: basic
              - sweeper: basic
              - help: default
              - hydra_help: default
              - hydra_logging: default
              - job_logging: default
              - callbacks: null
              - env: default
            mode: null
            searchpath: []
            run: { dir: ??? }
            sweep: { dir: ???, subdir: ??? }
            hydra_logging: {}
            job_logging: {}
            sweeper: ???
            launcher: ???
            callbacks: {}
            help: { app_name: "${hydra.job.name}", header: "", footer: "", template: "" }
            hydra_help: { hydra_help: ???, template: "" }
            output_subdir: .hydra
            overrides: { hydra: [], task: [] }
            job:
              name: ???
              chdir: null
              override_dirname: ???
              id: ???
              num: ???
              config_name: ???
              env_set: {}
              env_copy: []
              config: { override_dirname: { kv_sep: "=", item_sep: ",", exclude_keys: [] } }
            runtime: { version: ???, version_base: ???, cwd: ???, config_sources: ???, output_dir: ???, choices: {} }
            verbose: false
            """,
        ["hydra/output/default"] = """
            # @package hydra
            run: { dir: "outputs/${now:%Y-%m-%d}/${now:%H-%M-%S}" }
            sweep: { dir: "multirun/${now:%Y-%m-%d}/${now:%H-%M-%S}", subdir: "${hydra.job.num}" }
            """,
        ["hydra/launcher/basic"] = "_target_: " + BasicLauncher,
        ["hydra/sweeper/basic"] = """
            _target_: hydra._internal.core_plugins.basic_sweeper.BasicSweeper
            max_batch_size: null
            params: null
            """,
        ["hydra/help/default"] = "",
        ["hydra/hydra_help/default"] = "",
        ["hydra/env/default"] = "",
        ["hydra/hydra_logging/default"] = "",
        ["hydra/hydra_logging/disabled"] = "",
        ["hydra/hydra_logging/none"] = "",
        ["hydra/hydra_logging/hydra_debug"] = "",
        ["hydra/job_logging/default"] = "",
        ["hydra/job_logging/disabled"] = "",
        ["hydra/job_logging/none"] = "",
        ["hydra/job_logging/stdout"] = "",
    };

    private static readonly HashSet<string> AllGroups = [.. Texts.Keys.SelectMany(static name => Parents(name)), "hydra/callbacks"];

    public override string Provider => "hydra";

    public override string Location => "built in";

    public override (string Text, string File)? Read(string name) => Texts.TryGetValue(name, out string? text) ? (text, name) : null;

    public override bool HasGroup(string group) => AllGroups.Contains(group);

    public override IEnumerable<string> Groups(string group) => AllGroups
        .Where(name => Path.GetDirectoryName(name) == group)
        .Select(static name => Path.GetFileName(name));

    public override IEnumerable<string> Options(string group) => Texts.Keys
        .Where(name => Path.GetDirectoryName(name) == group)
        .Select(static name => Path.GetFileName(name));

    /// <summary>Says whether a config is one of Hydra's own.</summary>
    public static bool Has(string name) => Texts.ContainsKey(name);

    /// <summary>Says whether a config that is nowhere to be found belongs to a Hydra plug-in whose settings mean nothing here.</summary>
    public static bool IsPlugin(string name) => WithoutMeaning.Contains(Path.GetDirectoryName(name));

    private static IEnumerable<string> Parents(string name)
    {
        for (string? parent = Path.GetDirectoryName(name); !string.IsNullOrEmpty(parent); parent = Path.GetDirectoryName(parent))
        {
            yield return parent;
        }
    }
}
