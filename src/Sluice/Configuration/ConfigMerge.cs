namespace Sluice.Configuration;

/// <summary>Puts one value over another.</summary>
internal static class ConfigMerge
{
    /// <summary>Merges a mapping into a mapping key by key, where known keys keep their place; anything else replaces what was
    /// there.</summary>
    public static ConfigNode Over(ConfigNode? below, ConfigNode above)
    {
        if (below is not ConfigMapping old || above is not ConfigMapping changes)
        {
            return above;
        }

        var entries = old.Entries.ToList();
        foreach (ConfigEntry change in changes.Entries)
        {
            int place = entries.FindIndex(entry => entry.Key == change.Key);
            if (place < 0)
            {
                entries.Add(change);
            }
            else
            {
                entries[place] = entries[place] with { Value = Over(entries[place].Value, change.Value) };
            }
        }

        return new ConfigMapping(entries, old.Mark);
    }
}
