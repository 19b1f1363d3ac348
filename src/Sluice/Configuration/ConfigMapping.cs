using System.Diagnostics.CodeAnalysis;

namespace Sluice.Configuration;

/// <summary>A key of a mapping with its value.</summary>
/// <param name="Key">The key as written; keys are always text.</param>
/// <param name="KeyMark">Where the key was written.</param>
/// <param name="Value">The value.</param>
/// <param name="IsKeyTyped">Whether the key was written as a number, or as true or false.</param>
internal readonly record struct ConfigEntry(string Key, SourceMark KeyMark, ConfigNode Value, bool IsKeyTyped = false);

/// <summary>Keys with values, in the order in which they were written.</summary>
internal sealed class ConfigMapping : ConfigNode
{
    private readonly Dictionary<string, int> _places;

    public ConfigMapping(IReadOnlyList<ConfigEntry> entries, SourceMark mark)
        : base(mark)
    {
        Entries = entries;
        _places = new Dictionary<string, int>(entries.Count, StringComparer.Ordinal);
        for (int i = 0; i < entries.Count; i++)
        {
            _places.Add(entries[i].Key, i);
            Nodes += entries[i].Value.Nodes;
            Characters += entries[i].Key.Length + entries[i].Value.Characters;
            Depth = Math.Max(Depth, 1 + entries[i].Value.Depth);
        }
    }

    public IReadOnlyList<ConfigEntry> Entries { get; }

    public IEnumerable<string> Keys => Entries.Select(static entry => entry.Key);

    public override string Kind => "a mapping";

    public bool Has(string key) => _places.ContainsKey(key);

    /// <summary>Gives the place of a key among the entries; -1 when it is not there.</summary>
    public int PlaceOf(string key) => _places.TryGetValue(key, out int place) ? place : -1;

    public bool TryGet(string key, [NotNullWhen(true)] out ConfigNode? value)
    {
        value = _places.TryGetValue(key, out int place) ? Entries[place].Value : null;
        return value is not null;
    }

    /// <summary>Replaces the value in its place, or adds the key at the end.</summary>
    public ConfigMapping With(string key, ConfigNode value)
    {
        ConfigEntry[] entries = [.. Entries];
        return _places.TryGetValue(key, out int place)
            ? new ConfigMapping(Replaced(entries, place, entries[place] with { Value = value }), Mark)
            : new ConfigMapping([.. entries, new ConfigEntry(key, value.Mark, value)], Mark);
    }

    public ConfigMapping Without(string key) => new([.. Entries.Where(entry => entry.Key != key)], Mark);

    public override bool SameAs(ConfigNode other) =>
        other is ConfigMapping mapping
        && mapping.Entries.Count == Entries.Count
        && Entries.Zip(mapping.Entries).All(static pair =>
            pair.First.Key == pair.Second.Key && pair.First.Value.SameAs(pair.Second.Value));

    private static ConfigEntry[] Replaced(ConfigEntry[] entries, int place, ConfigEntry entry)
    {
        entries[place] = entry;
        return entries;
    }
}
