using System.Text;
using System.Text.Json;

namespace Sluice.Providers;

/// <summary>Joins the texts of a content list: <c>[{"type":"text","text":"..."}, ...]</c>.</summary>
internal static class TextParts
{
    /// <summary>Reads the array under the reader and joins the <c>text</c> of its text parts; reasoning and tool calls are left out.</summary>
    public static string Join(ref Utf8JsonReader reader)
    {
        string? only = null;
        StringBuilder? many = null;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                reader.Skip();
                continue;
            }

            string? text = null, refusal = null;
            var isText = true;
            while (JsonSlice.NextMember(ref reader))
            {
                if (JsonSlice.Is(ref reader, "type"u8))
                {
                    reader.Read();
                    isText = reader.TokenType == JsonTokenType.String
                        && (JsonSlice.Is(ref reader, "text"u8) || JsonSlice.Is(ref reader, "output_text"u8) || JsonSlice.Is(ref reader, "refusal"u8));
                    reader.Skip();
                }
                else if (JsonSlice.Is(ref reader, "text"u8))
                {
                    reader.Read();
                    text = JsonSlice.Text(ref reader);
                }
                else if (JsonSlice.Is(ref reader, "refusal"u8))
                {
                    reader.Read();
                    refusal = JsonSlice.Text(ref reader);
                }
                else
                {
                    reader.Read();
                    reader.Skip();
                }
            }

            if (isText && (text ?? refusal) is { } part)
            {
                if (only is null)
                {
                    only = part;
                }
                else
                {
                    many ??= new StringBuilder(only);
                    many.Append(part);
                }
            }
        }

        return many?.ToString() ?? only ?? "";
    }
}
