using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Fluid.Values;

namespace Sluice.Experiments.Templates;

/// <summary>The <c>json</c> filter, without reflection.</summary>
internal static class LiquidJson
{
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes a Liquid value as JSON.</summary>
    public static string Write(FluidValue value)
    {
        var output = new ArrayBufferWriter<byte>();
        using (var writer = new Utf8JsonWriter(output, Options))
        {
            Write(writer, value);
        }

        return Encoding.UTF8.GetString(output.WrittenSpan);
    }

    private static void Write(Utf8JsonWriter writer, FluidValue value)
    {
        switch (value)
        {
            case JsonObjectValue json:
                json.Element.WriteTo(writer);
                break;
            case ArrayValue array:
                writer.WriteStartArray();
                foreach (var item in array.Values)
                {
                    Write(writer, item);
                }

                writer.WriteEndArray();
                break;
            case UndefinedValue undefined:
                // Not there is an error in JSON too.
                writer.WriteStringValue(undefined.ToStringValue());
                break;
            case JsonNumberValue number:
                writer.WriteRawValue(number.Literal);
                break;
            case NumberValue number:
                writer.WriteNumberValue(number.ToNumberValue());
                break;
            case BooleanValue boolean:
                writer.WriteBooleanValue(boolean.ToBooleanValue());
                break;
            case var nil when nil.IsNil():
                writer.WriteNullValue();
                break;
            default:
                writer.WriteStringValue(value.ToStringValue());
                break;
        }
    }
}
