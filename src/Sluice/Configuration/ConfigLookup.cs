namespace Sluice.Configuration;

/// <summary>What was found at a dotted key.</summary>
/// <param name="Node">The value, not interpolated; null when there is none.</param>
/// <param name="Problem">Why there is none.</param>
/// <param name="Nearest">The dotted key that was probably meant.</param>
internal readonly record struct Found(ConfigNode? Node, string? Problem = null, string? Nearest = null);

/// <summary>Finds values by dotted key in a config that is not interpolated yet.</summary>
internal static class ConfigLookup
{
    /// <summary>Finds the value at a key counted from the top; a mapping on the way may itself be given as <c>${...}</c>.</summary>
    public static Found At(ConfigMapping root, string path)
    {
        int hops = ConfigLimits.References;
        return At(root, path, ref hops);
    }

    /// <summary>Follows a text that is one reference, and those it leads to, until there is something else; null when that fails.</summary>
    public static ConfigNode? Follow(ConfigMapping root, ConfigScalar reference)
    {
        int hops = ConfigLimits.References;
        return Follow(root, reference, ref hops);
    }

    // The hops are shared by the whole search, not counted per level: references on the way can lead to more of them,
    // and twice as many at each level would never end.
    private static ConfigNode? Follow(ConfigMapping root, ConfigNode node, ref int hops)
    {
        while (node is ConfigScalar { Type: ScalarKind.Text } text && InterpolatedText.WholePath(text.Text) is { } path)
        {
            if (hops-- <= 0 || At(root, path, ref hops).Node is not { } target)
            {
                return null;
            }

            node = target;
        }

        return node;
    }

    private static Found At(ConfigMapping root, string path, ref int hops)
    {
        string[] keys = path.Split('.');
        ConfigNode current = root;
        for (int i = 0; i < keys.Length; i++)
        {
            if (Follow(root, current, ref hops) is not { } container)
            {
                return new Found(null, $"{string.Join('.', keys.Take(i))} leads nowhere");
            }

            switch (container)
            {
                case ConfigMapping mapping when mapping.TryGet(keys[i], out ConfigNode? value):
                    current = value;
                    break;
                case ConfigMapping mapping:
                    string? nearest = NearestName.Of(keys[i], mapping.Keys);
                    string? meant = nearest is null ? null : string.Join('.', [.. keys.Take(i), nearest, .. keys.Skip(i + 1)]);
                    return new Found(null, "no such key", meant);
                case ConfigSequence sequence when int.TryParse(keys[i], out int place) && place >= 0 && place < sequence.Items.Count:
                    current = sequence.Items[place];
                    break;
                case ConfigSequence sequence:
                    return new Found(null,
                        $"{string.Join('.', keys.Take(i))} is a list of {Say.Count(sequence.Items.Count, "item")}, counted from 0");
                default:
                    return new Found(null, $"{string.Join('.', keys.Take(i))} is {Say.Found(container)}, which has no keys");
            }
        }

        return new Found(current);
    }
}
