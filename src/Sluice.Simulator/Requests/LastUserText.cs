using System.Buffers;
using System.Runtime.CompilerServices;
using System.Text.Json;

namespace Sluice.Simulator.Requests;

/// <summary>Finds the text of the last user message in <c>messages</c> or <c>input</c>.</summary>
/// <remarks>A message made of parts gives the texts of its parts, joined by a line feed; images and tool results give none.</remarks>
internal sealed class LastUserText
{
    /// <param name="input">A valid JSON value: a string, or an array of messages.</param>
    /// <param name="text">Receives the text, without JSON escapes.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public void Read(ReadOnlySpan<byte> input, ArrayBufferWriter<byte> text)
    {
        var reader = new Utf8JsonReader(input);
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
        {
            Append(ref reader, text);
            return;
        }

        if (reader.TokenType != JsonTokenType.StartArray)
        {
            return;
        }

        var last = default(Range);
        var found = false;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                reader.Skip();
            }
            else if (TryReadUserContent(ref reader, out var content))
            {
                last = content;
                found = true;
            }
        }

        if (found)
        {
            AppendContent(input[last], text);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static bool TryReadUserContent(ref Utf8JsonReader reader, out Range content)
    {
        content = default;
        bool isUser = false, hasContent = false;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            var isRole = reader.ValueTextEquals("role"u8);
            var isContent = !isRole && reader.ValueTextEquals("content"u8);
            reader.Read();
            var start = (int)reader.TokenStartIndex;
            if (isRole && reader.TokenType == JsonTokenType.String)
            {
                isUser = reader.ValueTextEquals("user"u8);
            }

            reader.Skip();
            if (isContent)
            {
                content = new Range(start, (int)reader.BytesConsumed);
                hasContent = true;
            }
        }

        return isUser && hasContent;
    }

    private static void AppendContent(ReadOnlySpan<byte> content, ArrayBufferWriter<byte> text)
    {
        var reader = new Utf8JsonReader(content);
        reader.Read();
        if (reader.TokenType == JsonTokenType.String)
        {
            Append(ref reader, text);
            return;
        }

        // Only a property named "text" of a part itself counts, not one deeper inside (a tool result, say).
        while (reader.Read())
        {
            if (reader.TokenType != JsonTokenType.PropertyName || reader.CurrentDepth != 2 || !reader.ValueTextEquals("text"u8))
            {
                continue;
            }

            reader.Read();
            if (reader.TokenType == JsonTokenType.String)
            {
                if (text.WrittenCount > 0)
                {
                    text.Write("\n"u8);
                }

                Append(ref reader, text);
            }
        }
    }

    private static void Append(ref Utf8JsonReader reader, ArrayBufferWriter<byte> text)
    {
        var length = reader.ValueSpan.Length;
        if (length > 0)
        {
            text.Advance(reader.CopyString(text.GetSpan(length)));
        }
    }
}
