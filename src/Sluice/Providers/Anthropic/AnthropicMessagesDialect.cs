using System.Buffers;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sluice.Requests;

namespace Sluice.Providers.Anthropic;

/// <summary>Anthropic's messages.</summary>
internal sealed class AnthropicMessagesDialect(string name) : IDialect
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public string Endpoint => "/v1/messages";

    /// <inheritdoc/>
    public JsonObject Prompt(string? system, string? user, JsonArray? messages)
    {
        var fields = new JsonObject
        {
            ["messages"] = messages is not null
                ? messages.DeepClone()
                : new JsonArray((JsonNode)new JsonObject { ["role"] = "user", ["content"] = user }),
        };
        if (system is not null)
        {
            fields["system"] = system;
        }

        return fields;
    }

    /// <inheritdoc/>
    public IEnumerable<string> Check(JsonObject body)
    {
        if (body["messages"] is not JsonArray { Count: > 0 } messages)
        {
            yield return "a messages request needs `messages`: a list with at least one message";
        }
        else if (messages.OfType<JsonObject>().Any(m => m["role"]?.ToString() == "system"))
        {
            yield return "Anthropic takes the system prompt in `system`, not as a message with role `system`";
        }

        if (body["max_tokens"] is not JsonValue max || !max.TryGetValue<double>(out var value) && !double.TryParse(max.ToJsonString(), out value) || value < 1)
        {
            yield return "Anthropic needs `max_tokens` (at least 1): set it in `model.params`";
        }
    }

    /// <inheritdoc/>
    public void WriteBatchLine(IBufferWriter<byte> output, ReadOnlySpan<byte> customId, ReadOnlySpan<byte> body)
    {
        output.Write("{\"custom_id\":\""u8);
        output.Write(customId);
        output.Write("\",\"params\":"u8);
        output.Write(body);
        output.Write("}"u8);
    }

    /// <inheritdoc/>
    public BatchInput ReadBatchInput(ReadOnlyMemory<byte> line) => BatchInput.Read(line, "params"u8);

    /// <inheritdoc/>
    public BatchLine ReadBatchLine(ReadOnlyMemory<byte> line)
    {
        try
        {
            return ReadLine(line);
        }
        catch (JsonException error)
        {
            throw new FormatException($"a result line is no JSON: {error.Message}", error);
        }
    }

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
            writer.WriteString("type", "message");
            writer.WriteString("role", "assistant");
            writer.WriteStartArray("content");
            writer.WriteStartObject();
            writer.WriteString("type", "text");
            writer.WriteString("text", response.Text);
            writer.WriteEndObject();
            writer.WriteEndArray();
            writer.WriteString("stop_reason", response.Finish);
            writer.WriteStartObject("usage");
            writer.WriteNumber("input_tokens", response.Usage.Input);
            writer.WriteNumber("output_tokens", response.Usage.Output);
            writer.WriteEndObject();
        });
    }

    /// <inheritdoc/>
    public Response ReadResponse(ReadOnlySpan<byte> body, TokenUsage usage) => Parse(body, usage).Response;

    private BatchLine ReadLine(ReadOnlyMemory<byte> line)
    {
        var reader = new Utf8JsonReader(line.Span);
        JsonSlice.RequireObject(ref reader, "a result line");
        ReadOnlyMemory<byte> customId = default, message = default, error = default;
        var type = "";
        while (JsonSlice.NextMember(ref reader))
        {
            if (JsonSlice.Is(ref reader, "custom_id"u8))
            {
                reader.Read();
                customId = JsonSlice.Utf8(ref reader, line);
            }
            else if (JsonSlice.Is(ref reader, "result"u8))
            {
                reader.Read();
                if (reader.TokenType != JsonTokenType.StartObject)
                {
                    reader.Skip();
                    continue;
                }

                while (JsonSlice.NextMember(ref reader))
                {
                    var member = JsonSlice.Is(ref reader, "type"u8) ? 't' : JsonSlice.Is(ref reader, "message"u8) ? 'm' : JsonSlice.Is(ref reader, "error"u8) ? 'e' : ' ';
                    reader.Read();
                    switch (member)
                    {
                        case 't':
                            type = JsonSlice.Text(ref reader) ?? "";
                            break;
                        case 'm':
                            message = JsonSlice.Raw(ref reader, line);
                            break;
                        case 'e':
                            error = JsonSlice.Raw(ref reader, line);
                            break;
                        default:
                            reader.Skip();
                            break;
                    }
                }
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        if (type == "succeeded" && !message.IsEmpty)
        {
            var (usage, failure) = Inspect(message.Span);
            return new BatchLine(customId, failure is null ? message : default, usage, failure);
        }

        return new BatchLine(customId, default, default, LineError(type, error));
    }

    private static RequestError LineError(string type, ReadOnlyMemory<byte> error)
    {
        switch (type)
        {
            case "expired":
                return new RequestError(ErrorClass.Transient, "expired", "the batch expired before this request was run");
            case "canceled":
                return new RequestError(ErrorClass.Transient, "canceled", "the batch was cancelled before this request was run");
            default:
                return ErrorRules.OfMember(0, error) ?? new RequestError(ErrorClass.Transient, type.Length > 0 ? type : "no_result", "the line has neither a message nor an error");
        }
    }

    /// <summary>Reads usage and failure; or, when the usage is known, only text and reason, which stand before it.</summary>
    private static (Response Response, RequestError? Failure) Parse(ReadOnlySpan<byte> body, TokenUsage? known)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            JsonSlice.RequireObject(ref reader, "a message");
            string text = "", finish = "";
            var usage = known ?? default;
            var hasContent = false;
            RequestError? failure = null;
            while (!(known is not null && hasContent && finish.Length > 0) && JsonSlice.NextMember(ref reader))
            {
                if (JsonSlice.Is(ref reader, "content"u8))
                {
                    reader.Read();
                    hasContent = reader.TokenType == JsonTokenType.StartArray;
                    if (hasContent && known is not null)
                    {
                        text = TextParts.Join(ref reader);
                    }
                    else
                    {
                        reader.Skip();
                    }
                }
                else if (JsonSlice.Is(ref reader, "stop_reason"u8))
                {
                    reader.Read();
                    if (reader.TokenType == JsonTokenType.Null)
                    {
                        failure = new RequestError(ErrorClass.Transient, ErrorRules.Unfinished, "the message is not finished: its `stop_reason` is null");
                    }

                    finish = JsonSlice.Text(ref reader) ?? "";
                }
                else if (known is null && JsonSlice.Is(ref reader, "error"u8))
                {
                    reader.Read();
                    failure = JsonSlice.Failure(ref reader);
                }
                else if (known is null && JsonSlice.Is(ref reader, "usage"u8))
                {
                    reader.Read();
                    usage = ReadUsage(ref reader);
                }
                else
                {
                    reader.Read();
                    reader.Skip();
                }
            }

            return hasContent || failure is not null ? (new Response(text, finish, usage), failure) : throw new FormatException("a message has no `content`");
        }
        catch (JsonException error)
        {
            throw new FormatException($"a message is no JSON: {error.Message}", error);
        }
    }

    private static TokenUsage ReadUsage(ref Utf8JsonReader reader)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return default;
        }

        long input = 0, output = 0;
        while (JsonSlice.NextMember(ref reader))
        {
            // Total input is the sum of the three (platform.claude.com, batch processing).
            if (JsonSlice.Is(ref reader, "input_tokens"u8) || JsonSlice.Is(ref reader, "cache_creation_input_tokens"u8) || JsonSlice.Is(ref reader, "cache_read_input_tokens"u8))
            {
                reader.Read();
                input += JsonSlice.Tokens(ref reader);
            }
            else if (JsonSlice.Is(ref reader, "output_tokens"u8))
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
