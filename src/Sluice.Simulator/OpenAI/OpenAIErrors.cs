using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Requests;

namespace Sluice.Simulator.OpenAI;

/// <summary>Writes OpenAI's error body.</summary>
internal static class OpenAIErrors
{
    public static void Write(Utf8JsonWriter json, ApiError error)
    {
        json.WriteStartObject();
        json.WriteStartObject(Names.Error);
        json.WriteString(Names.Message, error.Message);
        json.WriteString(Names.Type, error.Type);
        json.WriteString("param"u8, error.Param);
        json.WriteString("code"u8, error.Code);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
