using System.Text.Json;
using Sluice.Requests;

namespace Sluice.Providers.OpenAI;

/// <summary>Reads the <c>usage</c> object of chat completions and responses.</summary>
internal static class OpenAIUsage
{
    /// <summary>Reads the object under the reader; null counts as nothing used.</summary>
    public static TokenUsage Read(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return default;
        }

        long input = 0, output = 0;
        while (JsonSlice.NextMember(ref reader))
        {
            if (JsonSlice.Is(ref reader, "prompt_tokens"u8) || JsonSlice.Is(ref reader, "input_tokens"u8))
            {
                reader.Read();
                input = JsonSlice.Tokens(ref reader);
            }
            else if (JsonSlice.Is(ref reader, "completion_tokens"u8) || JsonSlice.Is(ref reader, "output_tokens"u8))
            {
                reader.Read();
                output = JsonSlice.Tokens(ref reader);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        return new TokenUsage(input, output);
    }
}
