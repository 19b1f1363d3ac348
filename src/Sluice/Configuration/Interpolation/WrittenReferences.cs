using System.Globalization;

namespace Sluice.Configuration.Interpolation;

/// <summary>Finds what the texts of a config refer to as they are written, even where an override has since been put over them.</summary>
internal static class WrittenReferences
{
    private static readonly string[] KeyTakers = ["oc.select", "oc.dict.keys", "oc.dict.values", "oc.deprecated"];

    /// <summary>Gives the top-level keys that a value refers to; those that only resolving would tell are left out.</summary>
    /// <param name="node">The value, its texts known to parse.</param>
    /// <param name="place">The keys that lead to it.</param>
    public static IEnumerable<string> In(ConfigNode node, IReadOnlyList<string> place) => node switch
    {
        ConfigMapping mapping => mapping.Entries.SelectMany(entry => In(entry.Value, [.. place, entry.Key])),
        ConfigSequence sequence => sequence.Items.SelectMany((item, index) => In(item, [.. place, index.ToString(CultureInfo.InvariantCulture)])),
        ConfigScalar { Type: ScalarKind.Text } text when !InterpolationSyntax.IsPlain(text.Text) =>
            Keys(InterpolationSyntax.Parse(text)).Select(key => Top(key, place)).OfType<string>(),
        _ => [],
    };

    private static IEnumerable<string> Keys(Expression expression) => expression switch
    {
        Concatenation text => text.Parts.SelectMany(Keys),
        ListLiteral list => list.Items.SelectMany(Keys),
        MappingLiteral mapping => mapping.Entries.SelectMany(static entry => Keys(entry.Value)),
        Reference reference => reference.Key.SelectMany(Keys).Concat(Known(reference.Key)),
        Call call => call.Arguments.SelectMany(Keys)
            .Concat(call.Arguments is [var key, ..] && KeyTakers.Contains(Start(call.Name)) ? Known(key is Concatenation text ? text.Parts : [key]) : []),
        _ => [],
    };

    // Of ${base_${x}} nothing is known before it is resolved; of ${base.${x}} the first key is.
    private static IEnumerable<string> Known(IReadOnlyList<Expression> key)
    {
        string start = Start(key);
        return start.Length > 0 && (key.All(static part => part is Literal) || start.AsSpan().TrimStart('.').ContainsAny('.', '[')) ? [start] : [];
    }

    private static string Start(IReadOnlyList<Expression> parts) =>
        string.Concat(parts.TakeWhile(static part => part is Literal).Select(static part => ((Literal)part).Value.Text));

    private static string? Top(string key, IReadOnlyList<string> place)
    {
        KeyPath path = KeyPath.Parse(key);
        return path.Dots > 0 && path.Dots < place.Count ? place[0] : path.Segments.Count > 0 ? path.Segments[0] : null;
    }
}
