using Sluice.Experiments;
using YamlDotNet.RepresentationModel;

namespace Sluice.Pricing;

/// <summary>Known prices of models. They go stale; a configuration's own <c>model.price</c> wins.</summary>
public sealed class PriceList
{
    private readonly List<(string Provider, string Model, ModelPrice Price)> _rows = [];

    /// <summary>Gets the list that ships with this release.</summary>
    public static PriceList BuiltIn { get; } = Load();

    /// <summary>Returns a model's price, or null. A dated name (<c>gpt-4o-mini-2024-07-18</c>) has the price of its plain one.</summary>
    public ModelPrice? Find(string provider, string model)
    {
        foreach (var (rowProvider, rowModel, price) in _rows)
        {
            if (rowProvider == provider && (rowModel == "*" || model == rowModel || (model.StartsWith(rowModel + "-", StringComparison.Ordinal) && IsDate(model[(rowModel.Length + 1)..]))))
            {
                return price;
            }
        }

        return null;
    }

    private static bool IsDate(string text) => text.Replace("-", "", StringComparison.Ordinal) is { Length: 8 } digits && digits.All(char.IsAsciiDigit);

    private static PriceList Load()
    {
        using var stream = typeof(PriceList).Assembly.GetManifestResourceStream("Sluice.Pricing.prices.yaml")!;
        using var reader = new StreamReader(stream);
        var yaml = new YamlStream();
        yaml.Load(reader);
        var list = new PriceList();
        foreach (var row in (YamlSequenceNode)((YamlMappingNode)yaml.Documents[0].RootNode)["prices"])
        {
            var fields = (YamlMappingNode)row;
            double? Number(string name) => fields.Children.TryGetValue(new YamlScalarNode(name), out var node)
                ? double.Parse(((YamlScalarNode)node).Value!, System.Globalization.CultureInfo.InvariantCulture)
                : null;
            list._rows.Add((((YamlScalarNode)fields["provider"]).Value!, ((YamlScalarNode)fields["model"]).Value!,
                new ModelPrice(Number("input"), Number("output"), Number("batch_input"), Number("batch_output"))));
        }

        return list;
    }
}
