using System.Globalization;
using System.Text;
using System.Text.Json;
using System.Text.Unicode;

namespace Sluice.Datasets;

/// <summary>What every record has to be: one JSON object in valid UTF-8, with an id when one is asked for.</summary>
internal static class JsonRecord
{
    /// <summary>Checks a record and finds its id.</summary>
    /// <param name="json">The record, without white space around it.</param>
    /// <param name="idField">The field that holds the id, or null when there is none.</param>
    /// <param name="id">The id, when a field for it is given and the record is sound.</param>
    /// <returns>What is wrong with the record, or null.</returns>
    public static string? Check(ReadOnlySpan<byte> json, string? idField, out string? id)
    {
        id = null;
        if (json.IsEmpty || json[0] != (byte)'{')
        {
            return "no JSON object: an object begins with '{'";
        }

        if (!Utf8.IsValid(json))
        {
            return "not valid UTF-8";
        }

        try
        {
            return Walk(json, idField, ref id);
        }
        catch (JsonException error)
        {
            return Words(error);
        }
    }

    /// <summary>Removes the white space that JSON allows around a value.</summary>
    public static ReadOnlySpan<byte> Trim(ReadOnlySpan<byte> line) => line.Trim(" \t\r"u8);

    /// <summary>Words the error of a record over the cap.</summary>
    public static string TooLong(int maxRecordBytes) => string.Create(
        CultureInfo.InvariantCulture, $"larger than {maxRecordBytes:N0} bytes, the most that dataset.max_record_bytes allows");

    private static string? Walk(ReadOnlySpan<byte> json, string? idField, ref string? id)
    {
        var reader = new Utf8JsonReader(json);
        bool found = idField is null;
        bool hasUnicodeEscapes = json.IndexOf("\\u"u8) >= 0;
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName)
            {
                if (hasUnicodeEscapes && reader.ValueIsEscaped && HasHalfSurrogate(reader.ValueSpan))
                {
                    return @"a string has half a surrogate pair (\ud800 to \udfff), which is no character";
                }

                if (idField is not null
                    && reader.TokenType == JsonTokenType.PropertyName
                    && reader.CurrentDepth == 1
                    && reader.ValueTextEquals(idField))
                {
                    found = true;
                    reader.Read();
                    if (!TryReadId(ref reader, out id))
                    {
                        return $"the id field '{idField}' is {Kind(reader.TokenType)}; it must be a string or a number";
                    }
                }
            }
        }

        return found ? null : $"no id field '{idField}'";
    }

    private static bool TryReadId(ref Utf8JsonReader reader, out string? id)
    {
        bool sound = reader.TokenType == JsonTokenType.Number
            || (reader.TokenType == JsonTokenType.String && !(reader.ValueIsEscaped && HasHalfSurrogate(reader.ValueSpan)));
        id = !sound ? null
            : reader.TokenType == JsonTokenType.Number ? Encoding.UTF8.GetString(reader.ValueSpan)
            : reader.GetString();
        return sound;
    }

    // The reader checks the form of an escape, not that a high half is followed by a low one; GetString would throw later on.
    private static bool HasHalfSurrogate(ReadOnlySpan<byte> text)
    {
        bool high = false;
        for (int i = 0; i < text.Length; i++)
        {
            if (text[i] != (byte)'\\')
            {
                if (high)
                {
                    return true;
                }

                int next = text[i..].IndexOf((byte)'\\');
                i = next < 0 ? text.Length : i + next - 1;
                continue;
            }

            i++;
            int unit = 0;
            if (text[i] == (byte)'u')
            {
                unit = int.Parse(text.Slice(i + 1, 4), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                i += 4;
            }

            bool low = unit is >= 0xDC00 and <= 0xDFFF;
            if (high != low)
            {
                return true;
            }

            high = unit is >= 0xD800 and <= 0xDBFF;
        }

        return high;
    }

    private static string Kind(JsonTokenType type) => type switch
    {
        JsonTokenType.Null => "null",
        JsonTokenType.True or JsonTokenType.False => "a boolean",
        JsonTokenType.StartArray => "a list",
        JsonTokenType.StartObject => "an object",
        _ => "no valid text",
    };

    private static string Words(JsonException error)
    {
        int position = error.Message.IndexOf(" LineNumber:", StringComparison.Ordinal);
        string message = (position < 0 ? error.Message : error.Message[..position]).TrimEnd('.');
        return string.Create(CultureInfo.InvariantCulture, $"not valid JSON at byte {error.BytePositionInLine + 1}: {message}");
    }
}
