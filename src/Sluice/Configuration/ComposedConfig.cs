namespace Sluice.Configuration;

/// <summary>Prints a composed config so that loading the print gives the same experiment, from any folder.</summary>
internal static class ComposedConfig
{
    /// <summary>Prints the fields; the user's variables are left out, since all that refers to them is resolved.</summary>
    public static string Print(ConfigMapping composed, string datasetPath)
    {
        IEnumerable<ConfigEntry> known = composed.Entries.Where(static entry => ExperimentFields.Experiment.Has(entry.Key));
        var fields = new ConfigMapping([.. known], composed.Mark);
        ConfigNode path = ConfigScalar.OfText(datasetPath, composed.Mark);
        fields.TryGet("dataset", out ConfigNode? dataset);
        return YamlPrinter.Print(Escaped(fields.With("dataset", dataset is ConfigMapping mapping ? mapping.With("path", path) : path)));
    }

    private static ConfigNode Escaped(ConfigNode node) => node switch
    {
        ConfigMapping mapping =>
            new ConfigMapping([.. mapping.Entries.Select(static entry => entry with { Value = Escaped(entry.Value) })], mapping.Mark),
        ConfigSequence sequence => new ConfigSequence([.. sequence.Items.Select(Escaped)], sequence.Mark),
        ConfigScalar { Type: ScalarKind.Text } text => ConfigScalar.OfText(InterpolatedText.Escape(text.Text), text.Mark),
        _ => node,
    };
}
