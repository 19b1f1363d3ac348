using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sluice.Requests;

/// <summary>A request body that others wrote, in the form that it would have had here: canonical, and without what changes the transport only.</summary>
/// <param name="Canonical">The bytes that a key is made of.</param>
/// <param name="Model">The model's name; empty when the body has none.</param>
internal readonly record struct ForeignBody(byte[] Canonical, string Model)
{
    /// <summary>Reads a body.</summary>
    /// <exception cref="FormatException">It is no JSON object, or cannot be sent exactly.</exception>
    public static ForeignBody Read(ReadOnlySpan<byte> json)
    {
        try
        {
            if (JsonNode.Parse(json) is not JsonObject body)
            {
                throw new FormatException("the request is no JSON object");
            }

            // As in a config: whether an answer is streamed changes neither it nor its key.
            body.Remove("stream");
            return new ForeignBody(CanonicalJson.Serialize(body), body["model"] is JsonValue name && name.GetValueKind() == JsonValueKind.String ? name.GetValue<string>() : "");
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or ArgumentException)
        {
            // No JSON; a text with half a surrogate pair; a member that is there twice.
            throw new FormatException($"the request cannot be read: {error.Message}", error);
        }
    }
}
