using Sluice.Configuration.Interpolation;

namespace Sluice.Configuration.Composition;

/// <summary>What the <c>hydra</c> node may hold: unlike the user's own config it has a fixed shape.</summary>
internal static class HydraSettings
{
    private static readonly Dictionary<string, (string Type, string[]? Keys)> Shapes = new(StringComparer.Ordinal)
    {
        [""] = ("HydraConf", ["mode", "searchpath", "run", "sweep", "hydra_logging", "job_logging", "sweeper", "launcher", "callbacks", "help", "hydra_help",
            "output_subdir", "overrides", "job", "runtime", "verbose", "env", "output"]),
        ["run"] = ("RunDir", ["dir"]),
        ["sweep"] = ("SweepDir", ["dir", "subdir"]),
        ["job"] = ("JobConf", ["name", "chdir", "override_dirname", "id", "num", "config_name", "env_set", "env_copy", "config"]),
        ["job.config"] = ("JobConfig", ["override_dirname"]),
        ["job.config.override_dirname"] = ("OverrideDirname", ["kv_sep", "item_sep", "exclude_keys"]),
        ["overrides"] = ("OverridesConf", ["hydra", "task"]),
        ["runtime"] = ("RuntimeConf", ["version", "version_base", "cwd", "config_sources", "output_dir", "choices"]),
        ["help"] = ("HelpConf", ["app_name", "header", "footer", "template"]),
        ["hydra_help"] = ("HydraHelpConf", ["hydra_help", "template"]),
        ["sweeper"] = ("BasicSweeperConf", ["_target_", "max_batch_size", "params"]),
    };

    /// <summary>Checks the <c>hydra</c> node of a config before it is merged.</summary>
    /// <exception cref="ConfigException">It has a key that Hydra does not know, or a value of the wrong type.</exception>
    public static void Check(ConfigNode hydra)
    {
        if (hydra is ConfigMapping mapping)
        {
            Check(mapping, "");
        }
    }

    /// <summary>Gives a field for a setting of a launcher that is a plug-in: only that knows which there are.</summary>
    public static Field? OfPlugin(ConfigMapping root, IReadOnlyList<string> path)
    {
        bool isPlugin = path is ["hydra", "launcher", _, ..]
            && root.TryGet("hydra", out ConfigNode? node) && node is ConfigMapping hydra
            && hydra.TryGet("launcher", out ConfigNode? launcher) && launcher is ConfigMapping settings
            && !(settings.TryGet("_target_", out ConfigNode? target) && target is ConfigScalar { Text: BuiltInSource.BasicLauncher });
        return isPlugin ? new Field(path[^1], IsOpen: true) : null;
    }

    private static void Check(ConfigMapping mapping, string path)
    {
        if (!Shapes.TryGetValue(path, out (string Type, string[]? Keys) shape))
        {
            return;
        }

        foreach (ConfigEntry entry in mapping.Entries)
        {
            string key = path.Length == 0 ? entry.Key : $"{path}.{entry.Key}";
            if (!shape.Keys!.Contains(entry.Key))
            {
                throw new ConfigException(ConfigErrorKind.MergeType, entry.KeyMark,
                    $"Key '{entry.Key}' not in '{shape.Type}'\n    full_key: hydra.{key}\n    object_type={shape.Type}", NearestName.Hint(entry.Key, shape.Keys!));
            }

            if (Problem(key, entry.Value) is { } problem)
            {
                throw new ConfigException(ConfigErrorKind.MergeType, entry.Value.Mark, $"{problem}\n    full_key: hydra.{key}\n    object_type={shape.Type}");
            }

            if (entry.Value is ConfigMapping inner)
            {
                Check(inner, key);
            }
        }
    }

    /// <summary>Says what is wrong with the type of a value that means something here; null when nothing is, or when it is still to be resolved.</summary>
    private static string? Problem(string key, ConfigNode value)
    {
        if (value is ConfigScalar scalar && (scalar.Type == ScalarKind.Null || ConfigMerger.IsMissing(scalar) || scalar.Text.Contains("${", StringComparison.Ordinal)))
        {
            return null;
        }

        return (key, value) switch
        {
            ("mode", not ConfigScalar { Text: "RUN" or "MULTIRUN" or "1" or "2" }) => $"Invalid value '{PythonText.Of(value)}', expected one of [RUN, MULTIRUN]",
            ("searchpath", not ConfigSequence) => $"hydra.searchpath must be a list of strings. Got: {PythonText.Of(value)}",
            ("sweeper.params", not ConfigMapping) => $"expected a mapping of keys to values, found {Say.Found(value)}",
            ("sweeper.max_batch_size", not ConfigScalar { Type: ScalarKind.Integer }) when value is not ConfigScalar { Type: ScalarKind.Text } text || !long.TryParse(text.Text, out _) =>
                $"Value '{PythonText.Of(value)}' of type '{PythonText.TypeOf(value)}' could not be converted to Integer",
            ("run.dir" or "sweep.dir" or "sweep.subdir" or "job.name", not ConfigScalar) => $"expected text, found {Say.Found(value)}",
            _ when key != "mode" && Shapes.ContainsKey(key) && value is not ConfigMapping => $"expected a mapping, found {Say.Found(value)}",
            _ => null,
        };
    }
}
