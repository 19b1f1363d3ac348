using System.Runtime.CompilerServices;
using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.OpenAI;

/// <summary>Writes the body of <c>/v1/chat/completions</c>.</summary>
internal static class ChatCompletionBody
{
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Write(Utf8JsonWriter json, Completion completion, long created)
    {
        json.WriteStartObject();
        WriteHead(json, completion, created, "chat.completion"u8);
        json.WriteStartArray(Names.Choices);
        for (var choice = 0; choice < completion.Request.Choices; choice++)
        {
            json.WriteStartObject();
            json.WriteNumber(Names.Index, choice);
            json.WriteStartObject(Names.Message);
            json.WriteString(Names.Role, Names.Assistant);
            json.WriteString(Names.Content, completion.Text);
            json.WriteNull(Names.Refusal);
            json.WriteStartArray(Names.Annotations);
            json.WriteEndArray();
            json.WriteEndObject();
            json.WriteNull(Names.Logprobs);
            json.WriteString(Names.FinishReason, FinishReason(completion));
            json.WriteEndObject();
        }

        json.WriteEndArray();
        WriteUsage(json, completion);
        json.WriteString("service_tier"u8, "default"u8);
        json.WriteString("system_fingerprint"u8, "fp_simulator"u8);
        json.WriteEndObject();
    }

    public static void WriteHead(Utf8JsonWriter json, Completion completion, long created, ReadOnlySpan<byte> kind)
    {
        json.WriteString(Names.Id, Ids.Derived(stackalloc byte[40], "chatcmpl-"u8, completion.Seed));
        json.WriteString(Names.Object, kind);
        json.WriteNumber(Names.Created, created);
        json.WriteString(Names.Model, completion.Request.Model);
    }

    public static ReadOnlySpan<byte> FinishReason(Completion completion) => completion.IsCut ? "length"u8 : "stop"u8;

    public static void WriteUsage(Utf8JsonWriter json, Completion completion)
    {
        var output = completion.OutputTokens * completion.Request.Choices;
        json.WriteStartObject(Names.Usage);
        json.WriteNumber(Names.PromptTokens, completion.InputTokens);
        json.WriteNumber(Names.CompletionTokens, output);
        json.WriteNumber(Names.TotalTokens, completion.InputTokens + output);
        json.WritePropertyName("prompt_tokens_details"u8);
        json.WriteRawValue("""{"cached_tokens":0,"audio_tokens":0}"""u8, skipInputValidation: true);
        json.WritePropertyName("completion_tokens_details"u8);
        json.WriteRawValue(
            """{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}"""u8,
            skipInputValidation: true);
        json.WriteEndObject();
    }
}
