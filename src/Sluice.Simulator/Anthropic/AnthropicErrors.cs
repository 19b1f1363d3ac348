using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Requests;

namespace Sluice.Simulator.Anthropic;

/// <summary>Writes Anthropic's error body.</summary>
internal static class AnthropicErrors
{
    public static void Write(Utf8JsonWriter json, ApiError error, string? requestId)
    {
        json.WriteStartObject();
        json.WriteString(Names.Type, Names.Error);
        json.WriteStartObject(Names.Error);
        json.WriteString(Names.Type, error.Type);
        json.WriteString(Names.Message, error.Message);
        json.WriteEndObject();
        json.WriteString(Names.RequestId, requestId);
        json.WriteEndObject();
    }
}
