using System.Runtime.CompilerServices;
using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.OpenAI;

/// <summary>Writes the body of <c>/v1/responses</c>.</summary>
internal static class ResponseBody
{
    public static void Write(Utf8JsonWriter json, Completion completion, long created) =>
        Write(json, completion, created, completion.IsCut ? "incomplete"u8 : "completed"u8, finished: true);

    /// <param name="finished">False for the events of a stream that come before the text.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Write(Utf8JsonWriter json, Completion completion, long created, ReadOnlySpan<byte> status, bool finished)
    {
        json.WriteStartObject();
        json.WriteString(Names.Id, Ids.Derived(stackalloc byte[40], "resp_"u8, completion.Seed));
        json.WriteString(Names.Object, Names.Response);
        json.WriteNumber("created_at"u8, created);
        json.WriteString(Names.Status, status);
        json.WriteBoolean("background"u8, false);
        json.WriteNull(Names.Error);
        WriteIncompleteDetails(json, completion, finished);
        json.WriteNull("instructions"u8);
        WriteMaxTokens(json, completion);
        json.WriteString(Names.Model, completion.Request.Model);
        json.WriteStartArray("output"u8);
        if (finished)
        {
            WriteItem(json, completion, status, withText: true);
        }

        json.WriteEndArray();
        json.WriteBoolean("parallel_tool_calls"u8, true);
        json.WriteNull("previous_response_id"u8);
        json.WritePropertyName("reasoning"u8);
        json.WriteRawValue("""{"effort":null,"summary":null}"""u8, skipInputValidation: true);
        json.WriteBoolean("store"u8, true);
        json.WriteNumber("temperature"u8, 1);
        json.WritePropertyName(Names.Text);
        json.WriteRawValue("""{"format":{"type":"text"}}"""u8, skipInputValidation: true);
        json.WriteString("tool_choice"u8, "auto"u8);
        json.WritePropertyName("tools"u8);
        json.WriteRawValue("[]"u8, skipInputValidation: true);
        json.WriteNumber("top_p"u8, 1);
        json.WriteString("truncation"u8, "disabled"u8);
        WriteUsage(json, completion, finished);
        json.WriteNull("user"u8);
        json.WritePropertyName("metadata"u8);
        json.WriteRawValue("{}"u8, skipInputValidation: true);
        json.WriteEndObject();
    }

    public static void WriteItem(Utf8JsonWriter json, Completion completion, ReadOnlySpan<byte> status, bool withText)
    {
        json.WriteStartObject();
        json.WriteString(Names.Type, Names.Message);
        json.WriteString(Names.Id, Ids.Derived(stackalloc byte[40], "msg_"u8, completion.Seed));
        json.WriteString(Names.Status, status);
        json.WriteString(Names.Role, Names.Assistant);
        json.WriteStartArray(Names.Content);
        if (withText)
        {
            WritePart(json, completion.Text);
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    public static void WritePart(Utf8JsonWriter json, ReadOnlySpan<byte> text)
    {
        json.WriteStartObject();
        json.WriteString(Names.Type, "output_text"u8);
        json.WriteString(Names.Text, text);
        json.WriteStartArray(Names.Annotations);
        json.WriteEndArray();
        json.WriteStartArray(Names.Logprobs);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteIncompleteDetails(Utf8JsonWriter json, Completion completion, bool finished)
    {
        if (finished && completion.IsCut)
        {
            json.WriteStartObject("incomplete_details"u8);
            json.WriteString("reason"u8, "max_output_tokens"u8);
            json.WriteEndObject();
        }
        else
        {
            json.WriteNull("incomplete_details"u8);
        }
    }

    private static void WriteMaxTokens(Utf8JsonWriter json, Completion completion)
    {
        if (completion.Request.MaxTokens is { } most)
        {
            json.WriteNumber("max_output_tokens"u8, most);
        }
        else
        {
            json.WriteNull("max_output_tokens"u8);
        }
    }

    private static void WriteUsage(Utf8JsonWriter json, Completion completion, bool finished)
    {
        if (!finished)
        {
            json.WriteNull(Names.Usage);
            return;
        }

        json.WriteStartObject(Names.Usage);
        json.WriteNumber(Names.InputTokens, completion.InputTokens);
        json.WritePropertyName("input_tokens_details"u8);
        json.WriteRawValue("""{"cached_tokens":0}"""u8, skipInputValidation: true);
        json.WriteNumber(Names.OutputTokens, completion.OutputTokens);
        json.WritePropertyName("output_tokens_details"u8);
        json.WriteRawValue("""{"reasoning_tokens":0}"""u8, skipInputValidation: true);
        json.WriteNumber(Names.TotalTokens, completion.InputTokens + completion.OutputTokens);
        json.WriteEndObject();
    }
}
