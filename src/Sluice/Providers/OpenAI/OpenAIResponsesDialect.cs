using System.Buffers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Sluice.Requests;

namespace Sluice.Providers.OpenAI;

/// <summary>OpenAI's responses.</summary>
internal sealed class OpenAIResponsesDialect(string name) : IDialect
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public string Endpoint => "/v1/responses";

    /// <inheritdoc/>
    public JsonObject Prompt(string? system, string? user, JsonArray? messages)
    {
        var fields = new JsonObject { ["input"] = messages is not null ? messages.DeepClone() : JsonValue.Create(user) };
        if (system is not null)
        {
            fields["instructions"] = system;
        }

        return fields;
    }

    /// <inheritdoc/>
    public IEnumerable<string> Check(JsonObject body)
    {
        if (body["input"] is null)
        {
            yield return "a responses request needs `input`";
        }

        if (body["background"] is not null)
        {
            yield return "`background` answers with an id instead of a text and cannot be used; leave it out";
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
            writer.WriteString("object", "response");
            writer.WriteString("status", response.Finish == "stop" ? "completed" : "incomplete");
            if (response.Finish != "stop")
            {
                writer.WriteStartObject("incomplete_details");
                writer.WriteString("reason", response.Finish == "length" ? "max_output_tokens" : response.Finish);
                writer.WriteEndObject();
            }

            writer.WriteStartArray("output");
            writer.WriteStartObject();
            writer.WriteString("type", "message");
            writer.WriteString("role", "assistant");
            writer.WriteStartArray("content");
            writer.WriteStartObject();
            writer.WriteString("type", "output_text");
            writer.WriteString("text", response.Text);
            writer.WriteEndObject();
            writer.WriteEndArray();
            writer.WriteEndObject();
            writer.WriteEndArray();
            writer.WriteStartObject("usage");
            writer.WriteNumber("input_tokens", response.Usage.Input);
            writer.WriteNumber("output_tokens", response.Usage.Output);
            writer.WriteNumber("total_tokens", response.Usage.Input + response.Usage.Output);
            writer.WriteEndObject();
        });
    }

    /// <inheritdoc/>
    public Response ReadResponse(ReadOnlySpan<byte> body, TokenUsage usage) => Parse(body, usage).Response;

    /// <summary>Reads usage and failure; or, when the usage is known, the text.</summary>
    private static (Response Response, RequestError? Failure) Parse(ReadOnlySpan<byte> body, TokenUsage? known)
    {
        try
        {
            var reader = new Utf8JsonReader(body);
            JsonSlice.RequireObject(ref reader, "a response");
            string text = "", status = "", reason = "";
            (string? Code, string? Message) error = default;
            var usage = known ?? default;
            var hasOutput = false;
            while (JsonSlice.NextMember(ref reader))
            {
                if (JsonSlice.Is(ref reader, "output"u8))
                {
                    reader.Read();
                    hasOutput = reader.TokenType == JsonTokenType.StartArray;
                    if (hasOutput && known is not null)
                    {
                        text = ReadOutput(ref reader);
                    }
                    else
                    {
                        reader.Skip();
                    }
                }
                else if (JsonSlice.Is(ref reader, "status"u8))
                {
                    reader.Read();
                    status = JsonSlice.Text(ref reader) ?? "";
                }
                else if (JsonSlice.Is(ref reader, "incomplete_details"u8))
                {
                    reader.Read();
                    reason = ReadMember(ref reader, "reason"u8, default).First ?? "";
                }
                else if (JsonSlice.Is(ref reader, "error"u8))
                {
                    reader.Read();
                    error = ReadMember(ref reader, "code"u8, "message"u8);
                }
                else if (known is null && JsonSlice.Is(ref reader, "usage"u8))
                {
                    reader.Read();
                    usage = OpenAIUsage.Read(ref reader);
                }
                else
                {
                    reader.Read();
                    reader.Skip();
                }
            }

            if (status is "failed" or "cancelled")
            {
                var code = error.Code ?? status;
                return (new Response("", status, usage), ErrorRules.OfName(null, code, error.Message ?? $"the response ended as `{status}`"));
            }

            if (status.Length > 0 && status is not ("completed" or "incomplete"))
            {
                return (new Response("", status, usage), new RequestError(ErrorClass.Transient, ErrorRules.Unfinished, $"the response is not finished: its status is `{status}`"));
            }

            if (!hasOutput)
            {
                throw new FormatException("a response has no `output`");
            }

            // One word for the same thing in all dialects: a text cut by the token limit ends with "length".
            var finish = (status, reason) switch
            {
                ("completed", _) => "stop",
                ("incomplete", "max_output_tokens") => "length",
                ("incomplete", { Length: > 0 }) => reason,
                _ => status,
            };
            return (new Response(text, finish, usage), null);
        }
        catch (JsonException error)
        {
            throw new FormatException($"a response is no JSON: {error.Message}", error);
        }
    }

    /// <summary>Joins the texts of all messages: one answer may be split over several output items.</summary>
    private static string ReadOutput(ref Utf8JsonReader reader)
    {
        var all = new StringBuilder();
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (reader.TokenType != JsonTokenType.StartObject)
            {
                reader.Skip();
                continue;
            }

            var isMessage = true;
            var text = "";
            while (JsonSlice.NextMember(ref reader))
            {
                if (JsonSlice.Is(ref reader, "type"u8))
                {
                    reader.Read();
                    isMessage = reader.TokenType == JsonTokenType.String && JsonSlice.Is(ref reader, "message"u8);
                    reader.Skip();
                }
                else if (JsonSlice.Is(ref reader, "content"u8))
                {
                    reader.Read();
                    if (reader.TokenType == JsonTokenType.StartArray)
                    {
                        text = TextParts.Join(ref reader);
                    }
                    else
                    {
                        reader.Skip();
                    }
                }
                else
                {
                    reader.Read();
                    reader.Skip();
                }
            }

            if (isMessage)
            {
                all.Append(text);
            }
        }

        return all.ToString();
    }

    private static (string? First, string? Second) ReadMember(ref Utf8JsonReader reader, ReadOnlySpan<byte> first, ReadOnlySpan<byte> second)
    {
        if (reader.TokenType != JsonTokenType.StartObject)
        {
            reader.Skip();
            return default;
        }

        string? one = null, two = null;
        while (JsonSlice.NextMember(ref reader))
        {
            var isFirst = JsonSlice.Is(ref reader, first);
            var isSecond = !second.IsEmpty && JsonSlice.Is(ref reader, second);
            reader.Read();
            if (isFirst)
            {
                one = JsonSlice.Text(ref reader);
            }
            else if (isSecond)
            {
                two = JsonSlice.Text(ref reader);
            }
            else
            {
                reader.Skip();
            }
        }

        return (one, two);
    }
}
