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

            if (key == "sweeper.max_batch_size" && entry.Value is ConfigScalar { Type: ScalarKind.Text } text && !long.TryParse(text.Text, out _) && !ConfigMerger.IsMissing(text)
                && !text.Text.Contains("${", StringComparison.Ordinal))
            {
                throw new ConfigException(ConfigErrorKind.MergeType, text.Mark,
                    $"Value '{text.Text}' of type 'str' could not be converted to Integer\n    full_key: hydra.{key}\n    object_type={shape.Type}");
            }

            if (entry.Value is ConfigMapping inner)
            {
                Check(inner, key);
            }
        }
    }
}
