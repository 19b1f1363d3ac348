using System.Runtime.CompilerServices;
using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.Anthropic;

/// <summary>Writes the body of <c>/v1/messages</c>.</summary>
internal static class MessageBody
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Write(Utf8JsonWriter json, Completion completion, bool inBatch)
    {
        json.WriteStartObject();
        WriteHead(json, completion);
        json.WriteStartArray(Names.Content);
        json.WriteStartObject();
        json.WriteString(Names.Type, Names.Text);
        json.WriteString(Names.Text, completion.Text);
        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteString("stop_reason"u8, StopReason(completion));
        json.WriteNull("stop_sequence"u8);
        WriteUsage(json, completion.InputTokens, completion.OutputTokens, inBatch);
        json.WriteEndObject();
    }

    public static void WriteHead(Utf8JsonWriter json, Completion completion)
    {
        json.WriteString(Names.Id, Ids.Derived(stackalloc byte[40], "msg_"u8, completion.Seed));
        json.WriteString(Names.Type, Names.Message);
        json.WriteString(Names.Role, Names.Assistant);
        json.WriteString(Names.Model, completion.Request.Model);
    }

    public static ReadOnlySpan<byte> StopReason(Completion completion) => completion.IsCut ? "max_tokens"u8 : "end_turn"u8;

    public static void WriteUsage(Utf8JsonWriter json, int input, int output, bool inBatch)
    {
        json.WriteStartObject(Names.Usage);
        json.WriteNumber(Names.InputTokens, input);
        json.WriteNumber("cache_creation_input_tokens"u8, 0);
        json.WriteNumber("cache_read_input_tokens"u8, 0);
        json.WritePropertyName("cache_creation"u8);
        json.WriteRawValue("""{"ephemeral_5m_input_tokens":0,"ephemeral_1h_input_tokens":0}"""u8, skipInputValidation: true);
        json.WriteNumber(Names.OutputTokens, output);
        json.WriteString("service_tier"u8, inBatch ? "batch"u8 : "standard"u8);
        json.WriteEndObject();
    }
}
