using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Sluice.Requests;

namespace Sluice.Providers;

/// <summary>Reads error bodies of any shape: <c>{"error":{...}}</c>, <c>{"error":"text"}</c>, <c>{"detail":...}</c>, HTML, nothing.</summary>
internal static class ErrorText
{
    private const int MaxLength = 1000;

    /// <summary>Returns type, code and message as far as the body has them, and whether it is no object at all: then a proxy speaks, not the provider.</summary>
    public static (string? Type, string? Code, string Message, bool IsForeign) Read(int status, ReadOnlySpan<byte> body)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            if (JsonDocument.TryParseValue(ref reader, out var document))
            {
                using (document)
                {
                    var (type, code, message) = Read(status, document.RootElement);
                    return (type, code, message, Unwrap(document.RootElement).ValueKind != JsonValueKind.Object);
                }
            }
        }
        catch (JsonException)
        {
            // Gateways answer in HTML or plain text: shown below as it is.
        }

        var text = Encoding.UTF8.GetString(body[..Math.Min(body.Length, MaxLength)]).Trim();
        return (null, null, Say(status, text), IsForeign: true);
    }

    /// <summary>Returns type, code and message of a parsed error body, or of the error object itself.</summary>
    public static (string? Type, string? Code, string Message) Read(int status, JsonElement root)
    {
        try
        {
            return ReadMembers(status, root);
        }
        catch (InvalidOperationException)
        {
            // A member's name holds half a surrogate pair, which .NET does not compare: shown as it is.
            return (null, null, Clean(Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8Value(root))));
        }
    }

    /// <summary>Tells whether an error tells of none: null, false, 0 and empty texts, and objects and lists of nothing else.</summary>
    public static bool SaysNothing(JsonElement error) => error.ValueKind switch
    {
        JsonValueKind.Object => error.EnumerateObject().All(member => SaysNothing(member.Value)),
        JsonValueKind.Array => error.EnumerateArray().All(SaysNothing),
        JsonValueKind.String => string.IsNullOrWhiteSpace(JsonText.Read(error)),
        JsonValueKind.Number => error.GetRawText() == "0",
        _ => error.ValueKind != JsonValueKind.True,
    };

    private static (string? Type, string? Code, string Message) ReadMembers(int status, JsonElement root)
    {
        var error = Unwrap(root);
        while (error.ValueKind == JsonValueKind.Object)
        {
            if (error.TryGetProperty("error", out var inner) && inner.ValueKind is JsonValueKind.Object or JsonValueKind.String)
            {
                error = inner;
            }
            else if (error.TryGetProperty("message", out _))
            {
                break;
            }
            else if (error.TryGetProperty("detail", out inner) && inner.ValueKind != JsonValueKind.Null)
            {
                error = inner;
            }
            else
            {
                break;
            }
        }

        if (error.ValueKind == JsonValueKind.Object && error.TryGetProperty("message", out var message) && message.ValueKind == JsonValueKind.String)
        {
            return (Text(error, "type") ?? Text(error, "status"), Text(error, "code"), Say(status, JsonText.Read(message)));
        }

        var text = error.ValueKind == JsonValueKind.String ? JsonText.Read(error) : Encoding.UTF8.GetString(JsonMarshal.GetRawUtf8Value(error));
        return (null, null, Say(status, text));
    }

    /// <summary>Gemini puts its error object into a list.</summary>
    private static JsonElement Unwrap(JsonElement root) =>
        root.ValueKind == JsonValueKind.Array && root.GetArrayLength() > 0 && root[0].ValueKind == JsonValueKind.Object && root[0].TryGetProperty("error", out _) ? root[0] : root;

    private static string? Text(JsonElement element, string name) =>
        element.TryGetProperty(name, out var value)
            ? value.ValueKind switch { JsonValueKind.String => JsonText.Read(value), JsonValueKind.Number => value.GetRawText(), _ => null }
            : null;

    private static string Say(int status, string text) =>
        string.IsNullOrWhiteSpace(text) ? $"HTTP {status.ToString(CultureInfo.InvariantCulture)} without a message" : Clean(text);

    private static string Clean(string text)
    {
        var cut = text.Length > MaxLength ? text[..MaxLength] + "..." : text;
        return string.Create(cut.Length, cut, static (span, source) =>
        {
            for (var i = 0; i < span.Length; i++)
            {
                span[i] = char.IsControl(source[i]) ? ' ' : source[i];
            }
        });
    }
}
