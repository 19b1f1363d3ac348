using System.Buffers;
using System.Text;
using System.Text.Json;
using Sluice.Requests;

namespace Sluice.Caching;

/// <summary>Looks for a text in bodies, as people read it and not as JSON escapes it: in every string value, or in the whole of a body that is no JSON.</summary>
/// <param name="text">What is looked for; any part of a value.</param>
/// <param name="ignoresCase">Whether capital and small letters are the same.</param>
public sealed class TextSearch(string text, bool ignoresCase)
{
    private const int Around = 40;

    private static readonly JsonReaderOptions Deep = new() { MaxDepth = 512 };

    private readonly byte[] _utf8 = Encoding.UTF8.GetBytes(text);
    private readonly StringComparison _comparison = ignoresCase ? StringComparison.OrdinalIgnoreCase : StringComparison.Ordinal;

    /// <summary>Returns where the text stands, with a little around it; null when it is not there.</summary>
    public string? Find(ReadOnlySpan<byte> body)
    {
        try
        {
            return FindInJson(body);
        }
        catch (JsonException)
        {
            // It is something else, such as a page of HTML.
            return Excerpt(Encoding.UTF8.GetString(body));
        }
    }

    private string? FindInJson(ReadOnlySpan<byte> body)
    {
        var reader = new Utf8JsonReader(body, Deep);
        string? found = null;
        while (reader.Read())
        {
            if (found is null && reader.TokenType == JsonTokenType.String && MayHold(ref reader))
            {
                found = Excerpt(JsonText.Read(ref reader));
            }
        }

        return found;
    }

    /// <summary>Spares the decoding of values that cannot hold the text.</summary>
    private bool MayHold(ref Utf8JsonReader reader) => ignoresCase || reader.ValueIsEscaped || reader.ValueSpan.IndexOf(_utf8) >= 0;

    private string? Excerpt(string value)
    {
        var at = value.IndexOf(text, _comparison);
        if (at < 0)
        {
            return null;
        }

        var start = Math.Max(0, at - Around);
        var end = Math.Min(value.Length, at + text.Length + Around);
        // Never half of a surrogate pair.
        start -= start > 0 && char.IsLowSurrogate(value[start]) ? 1 : 0;
        end += end < value.Length && char.IsLowSurrogate(value[end]) ? 1 : 0;
        return (start > 0 ? "..." : "") + value[start..end] + (end < value.Length ? "..." : "");
    }
}
