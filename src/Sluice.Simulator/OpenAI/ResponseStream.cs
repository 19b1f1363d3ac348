using System.Text;
using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Http;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.OpenAI;

/// <summary>Sends a response as a stream of events.</summary>
internal static class ResponseStream
{
    public static async Task SendAsync(Exchange exchange, Completion completion, long created)
    {
        using var events = new EventStream(exchange.Http);
        var number = 0;
        await SendAsync("response.created", json => WriteResponse(json, "in_progress"u8, finished: false)).ConfigureAwait(false);
        await SendAsync("response.in_progress", json => WriteResponse(json, "in_progress"u8, finished: false)).ConfigureAwait(false);
        await SendAsync("response.output_item.added", json => WriteItem(json, "in_progress"u8, withText: false)).ConfigureAwait(false);
        await SendAsync("response.content_part.added", json => WritePart(json, default)).ConfigureAwait(false);
        foreach (var piece in EventStream.Pieces(completion.TextMemory))
        {
            await SendAsync("response.output_text.delta", json => WriteText(json, "delta"u8, piece.Span)).ConfigureAwait(false);
        }

        await SendAsync("response.output_text.done", json => WriteText(json, "text"u8, completion.Text)).ConfigureAwait(false);
        await SendAsync("response.content_part.done", json => WritePart(json, completion.Text)).ConfigureAwait(false);
        await SendAsync("response.output_item.done", json => WriteItem(json, StatusOf(completion), withText: true)).ConfigureAwait(false);
        await SendAsync(
            completion.IsCut ? "response.incomplete" : "response.completed",
            json => WriteResponse(json, StatusOf(completion), finished: true)).ConfigureAwait(false);

        Task SendAsync(string type, Action<Utf8JsonWriter> write) => events.SendAsync(Encoding.UTF8.GetBytes(type), json =>
        {
            json.WriteStartObject();
            json.WriteString(Names.Type, type);
            json.WriteNumber("sequence_number"u8, number++);
            write(json);
            json.WriteEndObject();
        });

        void WriteResponse(Utf8JsonWriter json, ReadOnlySpan<byte> status, bool finished)
        {
            json.WritePropertyName(Names.Response);
            ResponseBody.Write(json, completion, created, status, finished);
        }

        void WriteItem(Utf8JsonWriter json, ReadOnlySpan<byte> status, bool withText)
        {
            json.WriteNumber("output_index"u8, 0);
            json.WritePropertyName("item"u8);
            ResponseBody.WriteItem(json, completion, status, withText);
        }

        void WritePart(Utf8JsonWriter json, ReadOnlySpan<byte> text)
        {
            WritePlace(json);
            json.WritePropertyName("part"u8);
            ResponseBody.WritePart(json, text);
        }

        void WriteText(Utf8JsonWriter json, ReadOnlySpan<byte> name, ReadOnlySpan<byte> text)
        {
            WritePlace(json);
            json.WriteString(name, text);
            json.WriteStartArray(Names.Logprobs);
            json.WriteEndArray();
        }

        void WritePlace(Utf8JsonWriter json)
        {
            json.WriteString("item_id"u8, Ids.Derived(stackalloc byte[40], "msg_"u8, completion.Seed));
            json.WriteNumber("output_index"u8, 0);
            json.WriteNumber("content_index"u8, 0);
        }
    }

    private static ReadOnlySpan<byte> StatusOf(Completion completion) => completion.IsCut ? "incomplete"u8 : "completed"u8;
}
