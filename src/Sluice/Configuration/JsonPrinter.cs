using System.Buffers;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Sluice.Configuration;

/// <summary>Prints nodes as one line of JSON, for other programs. What JSON has no number for, such as infinity, becomes text.</summary>
internal static class JsonPrinter
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, MaxDepth = 10_000 };

    public static string Print(ConfigNode root)
    {
        var text = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(text, Readable))
        {
            Write(writer, root);
        }

        return Encoding.UTF8.GetString(text.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter writer, ConfigNode node)
    {
        switch (node)
        {
            case ConfigMapping mapping:
                writer.WriteStartObject();
                foreach (ConfigEntry entry in mapping.Entries)
                {
                    writer.WritePropertyName(entry.Key);
                    Write(writer, entry.Value);
                }

                writer.WriteEndObject();
                break;
            case ConfigSequence sequence:
                writer.WriteStartArray();
                foreach (ConfigNode item in sequence.Items)
                {
                    Write(writer, item);
                }

                writer.WriteEndArray();
                break;
            case ConfigScalar scalar:
                Write(writer, scalar);
                break;
            default:
                throw new InvalidOperationException($"{node.Kind} cannot be printed");
        }
    }

    private static void Write(Utf8JsonWriter writer, ConfigScalar scalar)
    {
        switch (scalar.Type)
        {
            case ScalarKind.Null:
                writer.WriteNullValue();
                break;
            case ScalarKind.Boolean:
                writer.WriteBooleanValue(scalar.Boolean);
                break;
            case ScalarKind.Integer:
                writer.WriteRawValue(scalar.Integer.ToString(CultureInfo.InvariantCulture));
                break;
            case ScalarKind.Number when double.IsFinite(scalar.Number):
                writer.WriteRawValue(ScalarText.Of(scalar));
                break;
            case ScalarKind.Number:
                writer.WriteStringValue(ScalarText.Of(scalar));
                break;
            default:
                writer.WriteStringValue(scalar.Text);
                break;
        }
    }
}
