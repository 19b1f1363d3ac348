using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Sluice.Simulator.OpenAI;

/// <summary>The parts of one line of a batch input file.</summary>
internal ref struct OpenAILine
{
    /// <summary>The custom_id as JSON text with its quotes; empty when it is missing or no text.</summary>
    public ReadOnlySpan<byte> CustomId;
    public ReadOnlySpan<byte> Method;
    public ReadOnlySpan<byte> Url;

    /// <summary>The body object; empty when it is missing or no object.</summary>
    public ReadOnlySpan<byte> Body;

    /// <summary>Finds the parts.</summary>
    /// <returns>False when the line is no JSON object.</returns>
    /// <exception cref="JsonException">It is not JSON.</exception>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static bool TryRead(ReadOnlySpan<byte> line, ref OpenAILine parts)
    {
        var reader = new Utf8JsonReader(line);
        reader.Read();
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            return false;
        }

        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var name = reader.ValueSpan;
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            var kind = reader.TokenType;
            var text = kind == JsonTokenType.String ? reader.ValueSpan : default;
            reader.Skip();
            var value = line[start..(int)reader.BytesConsumed];
            if (kind == JsonTokenType.String && name.SequenceEqual("custom_id"u8))
            {
                parts.CustomId = value;
            }
            else if (kind == JsonTokenType.String && name.SequenceEqual("method"u8))
            {
                parts.Method = text;
            }
            else if (kind == JsonTokenType.String && name.SequenceEqual("url"u8))
            {
                parts.Url = text;
            }
            else if (kind == JsonTokenType.StartObject && name.SequenceEqual("body"u8))
            {
                parts.Body = value;
            }
        }

        // What follows the object, if anything, is an error that only reading on finds.
        reader.Read();
        return true;
    }
}
