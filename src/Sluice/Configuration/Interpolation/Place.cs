using System.Globalization;

namespace Sluice.Configuration.Interpolation;

/// <summary>A value in its place of a config, with what is known about it so far.</summary>
/// <remarks>Nodes may be shared between places, but a relative interpolation means something else in each of them.</remarks>
internal sealed class Place
{
    private Dictionary<string, Place>? _inner;

    public Place(ConfigNode node, Place? container = null, string key = "", bool isFinal = false)
    {
        Node = node;
        Container = container;
        Key = key;
        IsFinal = isFinal;
        IsInterpolated = !isFinal && node is ConfigScalar { Type: ScalarKind.Text } text && !InterpolationSyntax.IsPlain(text.Text);
    }

    /// <summary>Gets the value as it stands in the config.</summary>
    public ConfigNode Node { get; }

    /// <summary>Gets the place of the mapping or list that this one is in, or null.</summary>
    public Place? Container { get; }

    public string Key { get; }

    /// <summary>Gets whether the value has nothing to be resolved: a literal, or what a resolver gave.</summary>
    public bool IsFinal { get; }

    public bool IsInterpolated { get; }

    public bool IsMissing => !IsFinal && Node is ConfigScalar { Type: ScalarKind.Text, Text: "???" };

    public bool IsBroken => Node is ConfigScalar { Type: ScalarKind.Broken };

    /// <summary>Gets or sets where an interpolated value leads to in the end.</summary>
    public Place? Target { get; set; }

    /// <summary>Gets or sets why an interpolated value leads nowhere.</summary>
    public ConfigException? Failure { get; set; }

    /// <summary>Gets or sets the value with everything in it resolved.</summary>
    public ConfigNode? Resolved { get; set; }

    /// <summary>Gets or sets whether the interpolation is being followed.</summary>
    public bool IsFollowed { get; set; }

    /// <summary>Gets or sets whether the value and what is in it is being resolved.</summary>
    public bool IsUnderWay { get; set; }

    /// <summary>Gets the keys from the top.</summary>
    public IReadOnlyList<string> Path => [.. Outwards().Reverse().Select(static place => place.Key)];

    /// <summary>Gets the key from the top as Hydra writes it: <c>a.b[0]</c>.</summary>
    public string FullKey => string.Concat(Outwards().Reverse().Select(static (place, index) =>
        place.Container?.Node is ConfigSequence ? $"[{place.Key}]" : index == 0 ? place.Key : "." + place.Key));

    /// <summary>Gives the place of a key of a mapping, or of an index of a list; null when there is none.</summary>
    public Place? Inner(string key)
    {
        if (_inner?.TryGetValue(key, out Place? known) == true)
        {
            return known;
        }

        ConfigNode? node = Node switch
        {
            ConfigMapping mapping => mapping.TryGet(key, out ConfigNode? value) ? value : null,
            ConfigSequence sequence when int.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out int index) =>
                index < sequence.Items.Count ? sequence.Items[index] : null,
            _ => null,
        };
        return node is null ? null : (_inner ??= new Dictionary<string, Place>(StringComparer.Ordinal))[key] = new Place(node, this, key, IsFinal);
    }

    private IEnumerable<Place> Outwards()
    {
        for (Place place = this; place.Container is not null; place = place.Container)
        {
            yield return place;
        }
    }
}
