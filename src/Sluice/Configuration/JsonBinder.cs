using System.Numerics;
using System.Text.Json.Nodes;

namespace Sluice.Configuration;

/// <summary>Turns free-form parts of a config into JSON, and refuses what JSON cannot carry exactly.</summary>
internal sealed class JsonBinder(MistakeList mistakes)
{
    private static readonly BigInteger LargestExact = BigInteger.Pow(2, 53);

    public JsonObject Object(ConfigMapping mapping, string path)
    {
        var result = new JsonObject();
        foreach (ConfigEntry entry in mapping.Entries)
        {
            result.Add(entry.Key, Value(entry.Value, $"{path}.{entry.Key}"));
        }

        return result;
    }

    public JsonArray Array(ConfigSequence sequence, string path) =>
        new([.. sequence.Items.Select((item, place) => Value(item, $"{path}.{place}"))]);

    private JsonNode? Value(ConfigNode node, string path) => node switch
    {
        ConfigMapping mapping => Object(mapping, path),
        ConfigSequence sequence => Array(sequence, path),
        ConfigScalar { Type: ScalarKind.Boolean } scalar => JsonValue.Create(scalar.Boolean),
        ConfigScalar { Type: ScalarKind.Integer } scalar => Integer(scalar, path),
        ConfigScalar { Type: ScalarKind.Number } scalar => Number(scalar, path),
        ConfigScalar { Type: ScalarKind.Text } scalar => JsonValue.Create(scalar.Text),
        _ => null,
    };

    private JsonValue? Integer(ConfigScalar scalar, string path)
    {
        if (BigInteger.Abs(scalar.Integer) <= LargestExact)
        {
            return JsonValue.Create((long)scalar.Integer);
        }

        mistakes.Add(scalar.Mark, path, $"{Say.Short(scalar.Text)} is beyond 2^53, so it cannot be sent exactly",
            "put it in quotes if it is meant as text");
        return null;
    }

    private JsonValue? Number(ConfigScalar scalar, string path)
    {
        if (double.IsFinite(scalar.Number))
        {
            return JsonValue.Create(scalar.Number);
        }

        mistakes.Add(scalar.Mark, path, $"{Say.Short(scalar.Text)} is no number that JSON can carry");
        return null;
    }
}
