using System.Text;
using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Http;
using Sluice.Simulator.Requests;

namespace Sluice.Simulator.Anthropic;

/// <summary>Answers <c>/v1/messages</c>.</summary>
internal sealed class AnthropicLive(SimulatorCore core)
{
    public void Map(Routes routes) => routes.Map("POST", "/v1/messages", Api.Anthropic, Operations.Live, MessageAsync);

    private async Task MessageAsync(Exchange exchange)
    {
        if (await LiveCall.AcceptAsync(exchange, Endpoint.Messages, core).ConfigureAwait(false) is not { } completion)
        {
            return;
        }

        await (completion.Request.Stream
            ? StreamAsync(exchange, completion)
            : LiveCall.SendAsync(exchange, json => MessageBody.Write(json, completion, inBatch: false))).ConfigureAwait(false);
    }

    private static async Task StreamAsync(Exchange exchange, Completion completion)
    {
        using var events = new EventStream(exchange.Http);
        await SendAsync("message_start", json => WriteStart(json, completion)).ConfigureAwait(false);
        await SendAsync("content_block_start", json =>
        {
            json.WriteNumber(Names.Index, 0);
            json.WritePropertyName("content_block"u8);
            json.WriteRawValue("""{"type":"text","text":""}"""u8);
        }).ConfigureAwait(false);
        await SendAsync("ping", _ => { }).ConfigureAwait(false);
        foreach (var piece in EventStream.Pieces(completion.TextMemory))
        {
            await SendAsync("content_block_delta", json =>
            {
                json.WriteNumber(Names.Index, 0);
                json.WriteStartObject("delta"u8);
                json.WriteString(Names.Type, "text_delta"u8);
                json.WriteString(Names.Text, piece.Span);
                json.WriteEndObject();
            }).ConfigureAwait(false);
        }

        await SendAsync("content_block_stop", json => json.WriteNumber(Names.Index, 0)).ConfigureAwait(false);
        await SendAsync("message_delta", json => WriteDelta(json, completion)).ConfigureAwait(false);
        await SendAsync("message_stop", _ => { }).ConfigureAwait(false);

        Task SendAsync(string type, Action<Utf8JsonWriter> write) => events.SendAsync(Encoding.UTF8.GetBytes(type), json =>
        {
            json.WriteStartObject();
            json.WriteString(Names.Type, type);
            write(json);
            json.WriteEndObject();
        });
    }

    private static void WriteStart(Utf8JsonWriter json, Completion completion)
    {
        json.WriteStartObject(Names.Message);
        MessageBody.WriteHead(json, completion);
        json.WriteStartArray(Names.Content);
        json.WriteEndArray();
        json.WriteNull("stop_reason"u8);
        json.WriteNull("stop_sequence"u8);
        MessageBody.WriteUsage(json, completion.InputTokens, 1, inBatch: false);
        json.WriteEndObject();
    }

    private static void WriteDelta(Utf8JsonWriter json, Completion completion)
    {
        json.WriteStartObject("delta"u8);
        json.WriteString("stop_reason"u8, MessageBody.StopReason(completion));
        json.WriteNull("stop_sequence"u8);
        json.WriteEndObject();
        json.WriteStartObject(Names.Usage);
        json.WriteNumber(Names.OutputTokens, completion.OutputTokens);
        json.WriteEndObject();
    }
}
