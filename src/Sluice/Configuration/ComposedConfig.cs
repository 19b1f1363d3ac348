using Sluice.Configuration.Interpolation;
using Sluice.Experiments;

namespace Sluice.Configuration;

/// <summary>Prints a composed config so that loading the print gives the same experiment, from any folder.</summary>
internal static class ComposedConfig
{
    /// <summary>Prints the fields; the user's variables are left out, since all that refers to them is resolved.</summary>
    public static string Print(ConfigMapping composed, Experiment experiment)
    {
        IEnumerable<ConfigEntry> known = composed.Entries.Where(static entry => ExperimentFields.Experiment.Has(entry.Key));
        var fields = (ConfigMapping)WithTexts(new ConfigMapping([.. known], composed.Mark), new Field("", ExperimentFields.Experiment));
        // In a multirun it may have become one of its own.
        fields = fields.With("name", ConfigScalar.OfText(experiment.Name, fields.Mark));
        fields = WithPath(fields, "dataset", "path", experiment.Dataset.Path);
        fields = WithPath(fields, "simulator", "recordings", experiment.Rehearsal.Recordings);
        fields = WithPath(fields, "simulator", "faults", experiment.Rehearsal.Faults);
        return YamlPrinter.Print(Escaped(fields));
    }

    /// <summary>Makes a text of a number where a field is text: it counts as it was written, and would not be printed so.</summary>
    private static ConfigNode WithTexts(ConfigNode node, Field field) => node switch
    {
        ConfigMapping mapping when field is { Inner: { } inner, IsList: false } => new ConfigMapping(
            [.. mapping.Entries.Select(entry => inner.TryGet(entry.Key, out Field? known) ? entry with { Value = WithTexts(entry.Value, known) } : entry)], mapping.Mark),
        ConfigSequence sequence when field.IsList => new ConfigSequence([.. sequence.Items.Select(item => WithTexts(item, field.Item))], sequence.Mark),
        ConfigScalar { Type: ScalarKind.Boolean or ScalarKind.Integer or ScalarKind.Number } scalar when field.Shape?.Type == ValueShape.Text.Type =>
            ConfigScalar.OfText(scalar.Text, scalar.Mark),
        _ => node,
    };

    private static ConfigMapping WithPath(ConfigMapping fields, string section, string key, string? path)
    {
        if (path is null)
        {
            return fields;
        }

        ConfigNode full = ConfigScalar.OfText(path, fields.Mark);
        fields.TryGet(section, out ConfigNode? node);
        return fields.With(section, node is ConfigMapping mapping ? mapping.With(key, full) : full);
    }

    private static ConfigNode Escaped(ConfigNode node) => node switch
    {
        ConfigMapping mapping =>
            new ConfigMapping([.. mapping.Entries.Select(static entry => entry with { Value = Escaped(entry.Value) })], mapping.Mark),
        ConfigSequence sequence => new ConfigSequence([.. sequence.Items.Select(Escaped)], sequence.Mark),
        ConfigScalar { Type: ScalarKind.Text } text => ConfigScalar.OfText(InterpolationSyntax.Escape(text.Text), text.Mark),
        _ => node,
    };
}
