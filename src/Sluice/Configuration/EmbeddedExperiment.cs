namespace Sluice.Configuration;

/// <summary>An experiment below the key <c>sluice</c> of a config that belongs to another program.</summary>
internal static class EmbeddedExperiment
{
    /// <summary>The key.</summary>
    public const string Key = "sluice";

    /// <summary>The key below it for values of resolvers that only exist in Python.</summary>
    public const string Resolvers = "resolvers";

    /// <summary>Says whether a config has its experiment there: values of resolvers alone are none.</summary>
    public static bool IsIn(ConfigMapping root) =>
        root.TryGet(Key, out ConfigNode? node) && node is ConfigMapping inner && inner.Keys.Any(static key => key != Resolvers);

    /// <summary>Tells what is known about a path that may be set though no file has it: at the top only where all keys are Sluice's.</summary>
    public static Field? FieldAt(IReadOnlyList<string> path, bool isEmbedded) =>
        path is [Key, Resolvers, ..] ? new Field(path[^1], IsOpen: true)
        : path is [Key, ..] ? ExperimentFields.At([.. path.Skip(1)])
        : isEmbedded ? null : ExperimentFields.At(path);

    /// <summary>Gives the values of resolvers; null when there are none.</summary>
    /// <remarks>A name may have dots, which an override takes for keys below each other: <c>{my: {res: 1}}</c> gives <c>my</c> and <c>my.res</c> a value.</remarks>
    public static IReadOnlyDictionary<string, ConfigNode>? Given(ConfigMapping root)
    {
        if (!root.TryGet(Key, out ConfigNode? node) || node is not ConfigMapping embedded || !embedded.TryGet(Resolvers, out ConfigNode? values) || values is not ConfigMapping all)
        {
            return null;
        }

        var given = new Dictionary<string, ConfigNode>(StringComparer.Ordinal);
        Gather(all, "");
        return given;

        void Gather(ConfigMapping mapping, string before)
        {
            foreach (ConfigEntry entry in mapping.Entries)
            {
                given[before + entry.Key] = entry.Value;
                if (entry.Value is ConfigMapping inner)
                {
                    Gather(inner, $"{before}{entry.Key}.");
                }
            }
        }
    }

    /// <summary>Reports what stands in the place of a mapping.</summary>
    public static void Check(ConfigMapping root, MistakeList mistakes)
    {
        if (!root.TryGet(Key, out ConfigNode? node) || node is ConfigScalar { Type: ScalarKind.Null })
        {
            return;
        }

        if (node is not ConfigMapping embedded)
        {
            mistakes.Add(node.Mark, Key, $"expected a mapping, found {Say.Found(node)}", "below it stands the experiment of a config that another program reads too");
        }
        else if (embedded.TryGet(Resolvers, out ConfigNode? values) && values is not (ConfigMapping or ConfigScalar { Type: ScalarKind.Null }))
        {
            mistakes.Add(values.Mark, $"{Key}.{Resolvers}", $"expected a mapping, found {Say.Found(values)}", "it gives each resolver its value: {name: value}");
        }
    }
}
