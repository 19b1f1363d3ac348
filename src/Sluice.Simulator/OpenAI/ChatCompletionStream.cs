using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Http;

namespace Sluice.Simulator.OpenAI;

/// <summary>Sends a chat completion as a stream of chunks.</summary>
internal static class ChatCompletionStream
{
    public static async Task SendAsync(Exchange exchange, Completion completion, long created)
    {
        using var events = new EventStream(exchange.Http);
        await events.SendAsync(default, json => WriteChunk(json, completion, created, delta =>
        {
            delta.WriteString(Names.Role, Names.Assistant);
            delta.WriteString(Names.Content, ""u8);
        })).ConfigureAwait(false);
        foreach (var piece in EventStream.Pieces(completion.TextMemory))
        {
            await events.SendAsync(default, json =>
                WriteChunk(json, completion, created, delta => delta.WriteString(Names.Content, piece.Span))).ConfigureAwait(false);
        }

        await events.SendAsync(default, json => WriteChunk(json, completion, created, null)).ConfigureAwait(false);
        if (completion.Request.IncludeUsage)
        {
            await events.SendAsync(default, json => WriteUsage(json, completion, created)).ConfigureAwait(false);
        }

        await events.SendDoneAsync().ConfigureAwait(false);
    }

    /// <param name="writeDelta">Writes what is new, or null for the last chunk, which says why the text ends.</param>
    private static void WriteChunk(Utf8JsonWriter json, Completion completion, long created, Action<Utf8JsonWriter>? writeDelta)
    {
        json.WriteStartObject();
        ChatCompletionBody.WriteHead(json, completion, created, "chat.completion.chunk"u8);
        json.WriteStartArray(Names.Choices);
        json.WriteStartObject();
        json.WriteNumber(Names.Index, 0);
        json.WriteStartObject("delta"u8);
        writeDelta?.Invoke(json);
        json.WriteEndObject();
        json.WriteNull(Names.Logprobs);
        if (writeDelta is null)
        {
            json.WriteString(Names.FinishReason, ChatCompletionBody.FinishReason(completion));
        }
        else
        {
            json.WriteNull(Names.FinishReason);
        }

        json.WriteEndObject();
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteUsage(Utf8JsonWriter json, Completion completion, long created)
    {
        json.WriteStartObject();
        ChatCompletionBody.WriteHead(json, completion, created, "chat.completion.chunk"u8);
        json.WriteStartArray(Names.Choices);
        json.WriteEndArray();
        ChatCompletionBody.WriteUsage(json, completion);
        json.WriteEndObject();
    }
}
