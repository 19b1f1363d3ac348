using System.Text;
using System.Text.Json;
using Sluice.Requests;

namespace Sluice.Providers;

/// <summary>Small reads over JSON bytes without building a tree: results files are read at tens of thousands of lines a second.</summary>
internal static class JsonSlice
{
    /// <summary>More than any model takes or gives in one call.</summary>
    private const long MaxTokens = 1_000_000_000;

    /// <summary>Moves past the value under the reader and returns its raw bytes.</summary>
    public static ReadOnlyMemory<byte> Raw(ref Utf8JsonReader reader, ReadOnlyMemory<byte> source)
    {
        var start = (int)reader.TokenStartIndex;
        reader.Skip();
        return source[start..(int)reader.BytesConsumed];
    }

    /// <summary>Returns the string under the reader as UTF-8; null for anything but a string.</summary>
    public static ReadOnlyMemory<byte> Utf8(ref Utf8JsonReader reader, ReadOnlyMemory<byte> source)
    {
        if (reader.TokenType != JsonTokenType.String)
        {
            reader.Skip();
            return default;
        }

        return reader.ValueIsEscaped
            ? Encoding.UTF8.GetBytes(JsonText.Read(ref reader))
            : source.Slice((int)reader.TokenStartIndex + 1, reader.ValueSpan.Length);
    }

    /// <summary>Returns the string under the reader, or null for null; skips anything else.</summary>
    public static string? Text(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.String)
        {
            return JsonText.Read(ref reader);
        }

        reader.Skip();
        return null;
    }

    /// <summary>Returns the whole number under the reader, or 0 for anything else.</summary>
    public static long Integer(ref Utf8JsonReader reader)
    {
        if (reader.TokenType == JsonTokenType.Number)
        {
            return reader.TryGetInt64(out var value) ? value : 0;
        }

        reader.Skip();
        return 0;
    }

    /// <summary>Returns the number of tokens under the reader; 0 for what cannot be one: it is not known, and neither cost nor budget may follow it.</summary>
    public static long Tokens(ref Utf8JsonReader reader) => Integer(ref reader) is > 0 and <= MaxTokens and var tokens ? tokens : 0;

    /// <summary>Returns the error under the reader, or null for one that says nothing, and anything that is no error.</summary>
    public static RequestError? Failure(ref Utf8JsonReader reader)
    {
        if (reader.TokenType is not (JsonTokenType.StartObject or JsonTokenType.String))
        {
            reader.Skip();
            return null;
        }

        using var document = JsonDocument.ParseValue(ref reader);
        return ErrorText.SaysNothing(document.RootElement) ? null : ErrorRules.OfObject(0, document.RootElement);
    }

    /// <summary>Tells whether the name or string under the reader is the given one; unlike <c>ValueTextEquals</c> it takes broken escapes for what they are.</summary>
    public static bool Is(ref Utf8JsonReader reader, ReadOnlySpan<byte> text) =>
        reader.ValueIsEscaped ? Encoding.UTF8.GetBytes(JsonText.Read(ref reader)).AsSpan().SequenceEqual(text) : reader.ValueSpan.SequenceEqual(text);

    /// <summary>Steps onto the next member's value inside an object; false at the object's end.</summary>
    public static bool NextMember(ref Utf8JsonReader reader) => reader.Read() && reader.TokenType == JsonTokenType.PropertyName;

    /// <summary>Throws unless the reader stands on, or can be moved to, the start of an object.</summary>
    public static void RequireObject(ref Utf8JsonReader reader, string what)
    {
        if (!reader.Read() || reader.TokenType != JsonTokenType.StartObject)
        {
            throw new FormatException($"{what} is no JSON object");
        }
    }
}
