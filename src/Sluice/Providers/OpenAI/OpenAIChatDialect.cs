using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sluice.Requests;

namespace Sluice.Providers.OpenAI;

/// <summary>OpenAI's chat completions.</summary>
internal sealed class OpenAIChatDialect(string name) : IDialect
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public string Endpoint => "/v1/chat/completions";

    /// <inheritdoc/>
    public JsonObject Prompt(string? system, string? user, JsonArray? messages)
    {
        if (messages is not null)
        {
            return new JsonObject { ["messages"] = messages.DeepClone() };
        }

        var list = new JsonArray();
        if (system is not null)
        {
            list.Add((JsonNode)new JsonObject { ["role"] = "system", ["content"] = system });
        }

        list.Add((JsonNode)new JsonObject { ["role"] = "user", ["content"] = user });
        return new JsonObject { ["messages"] = list };
    }

    /// <inheritdoc/>
    public IEnumerable<string> Check(JsonObject body)
    {
        if (body["messages"] is not JsonArray { Count: > 0 })
        {
            yield return "a chat request needs `messages`: a list with at least one message";
        }

        if (body["n"] is JsonValue n && n.ToJsonString() != "1")
        {
            yield return "`n` above 1 would pay for answers that no step can see; use `epochs` for repeats";
        }
    }

    /// <inheritdoc/>
    public void WriteBatchLine(IBufferWriter<byte> output, ReadOnlySpan<byte> customId, ReadOnlySpan<byte> body) =>
        OpenAIBatchLines.Write(output, Endpoint, customId, body);

    /// <inheritdoc/>
    public BatchInput ReadBatchInput(ReadOnlyMemory<byte> line) => BatchInput.Read(line, "body"u8);

    /// <inheritdoc/>
    public BatchLine ReadBatchLine(ReadOnlyMemory<byte> line) => OpenAIBatchLines.Read(line, this);

    /// <inheritdoc/>
    public RequestError ReadError(int status, ReadOnlySpan<byte> body) => ErrorRules.OfAnswer(status, body);

    /// <inheritdoc/>
    public (TokenUsage Usage, RequestError? Failure) Inspect(ReadOnlySpan<byte> body)
    {
        var (response, failure) = Parse(body, null);
        return (response.Usage, failure);
    }

    /// <inheritdoc/>
    public byte[]? Write(Response response)
    {
        ArgumentNullException.ThrowIfNull(response);
        return RebuiltBody.Write(writer =>
        {
            writer.WriteString("object", "chat.completion");
            writer.WriteStartArray("choices");
            writer.WriteStartObject();
            writer.WriteNumber("index", 0);
            writer.WriteStartObject("message");
            writer.WriteString("role", "assistant");
            writer.WriteString("content", response.Text);
            writer.WriteEndObject();
            writer.WriteString("finish_reason", response.Finish);
            writer.WriteEndObject();
            writer.WriteEndArray();
            writer.WriteStartObject("usage");
            writer.WriteNumber("prompt_tokens", response.Usage.Input);
            writer.WriteNumber("completion_tokens", response.Usage.Output);
            writer.WriteNumber("total_tokens", response.Usage.Input + response.Usage.Output);
            writer.WriteEndObject();
        });
    }

    /// <inheritdoc/>
    public Response ReadResponse(ReadOnlySpan<byte> body, TokenUsage usage) => Parse(body, usage).Response;

    /// <summary>Reads usage and failure; or, when the usage is known, only the text, which stands before it.</summary>
    private static (Response Response, RequestError? Failure) Parse(ReadOnlySpan<byte> body, TokenUsage? known)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            JsonSlice.RequireObject(ref reader, "a chat completion");
            TokenUsage usage = default;
            var hasChoices = false;
            RequestError? failure = null;
            while (JsonSlice.NextMember(ref reader))
            {
                if (JsonSlice.Is(ref reader, "choices"u8))
                {
                    reader.Read();
                    hasChoices = reader.TokenType == JsonTokenType.StartArray;
                    if (hasChoices && known is { } stored)
                    {
                        var (text, finish) = ReadChoices(ref reader);
                        return (new Response(text, finish, stored), null);
                    }

                    reader.Skip();
                }
                else if (JsonSlice.Is(ref reader, "usage"u8))
                {
                    reader.Read();
                    usage = OpenAIUsage.Read(ref reader);
                }
                else if (known is null && JsonSlice.Is(ref reader, "error"u8))
                {
                    // OpenRouter and others report errors of the model behind them with status 200.
                    reader.Read();
                    failure = JsonSlice.Failure(ref reader);
                }
                else if (known is null && JsonSlice.Is(ref reader, "object"u8))
                {
                    reader.Read();
                    if (reader.TokenType == JsonTokenType.String && reader.ValueTextEquals("chat.completion.chunk"u8))
                    {
                        failure = new RequestError(ErrorClass.Transient, ErrorRules.Unfinished, "the answer is a piece of a stream, not a whole one");
                    }

                    reader.Skip();
                }
                else
                {
                    reader.Read();
                    reader.Skip();
                }
            }

            return hasChoices || failure is not null
                ? (new Response("", "", usage), failure)
                : throw new FormatException("a chat completion has no `choices`");
        }
        catch (JsonException error)
        {
            throw new FormatException($"a chat completion is no JSON: {error.Message}", error);
        }
    }

    private static (string Text, string Finish) ReadChoices(ref Utf8JsonReader reader)
    {
        string text = "", finish = "";
        var first = true;
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (!first || reader.TokenType != JsonTokenType.StartObject)
            {
                reader.Skip();
                continue;
            }

            first = false;
            while (JsonSlice.NextMember(ref reader))
            {
                if (JsonSlice.Is(ref reader, "message"u8))
                {
                    reader.Read();
                    text = ReadMessage(ref reader);
                }
                else if (JsonSlice.Is(ref reader, "finish_reason"u8))
                {
                    reader.Read();
                    finish = JsonSlice.Text(ref reader) ?? "";
                }
                else
                {
                    reader.Read();
                    reader.Skip();
                }
            }
        }

        return (text, finish);
    }

    private static string ReadMessage(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return "";
        }

        string? content = null, refusal = null;
        while (JsonSlice.NextMember(ref reader))
        {
            if (JsonSlice.Is(ref reader, "content"u8))
            {
                reader.Read();
                content = reader.TokenType == JsonTokenType.StartArray ? TextParts.Join(ref reader) : JsonSlice.Text(ref reader);
            }
            else if (JsonSlice.Is(ref reader, "refusal"u8))
            {
                reader.Read();
                refusal = JsonSlice.Text(ref reader);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        return string.IsNullOrEmpty(content) ? refusal ?? "" : content;
    }
}
