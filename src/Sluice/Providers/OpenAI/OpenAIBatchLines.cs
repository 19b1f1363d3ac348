using System.Buffers;
using System.Text;
using System.Text.Json;
using Sluice.Requests;

namespace Sluice.Providers.OpenAI;

/// <summary>The line format of OpenAI's batch files, in and out.</summary>
internal static class OpenAIBatchLines
{
    /// <summary>Writes an input line.</summary>
    public static void Write(IBufferWriter<byte> output, string endpoint, ReadOnlySpan<byte> customId, ReadOnlySpan<byte> body)
    {
        output.Write("{\"custom_id\":\""u8);
        output.Write(customId);
        output.Write("\",\"method\":\"POST\",\"url\":\""u8);
        Encoding.ASCII.GetBytes(endpoint, output);
        output.Write("\",\"body\":"u8);
        output.Write(body);
        output.Write("}"u8);
    }

    /// <summary>Reads a line of the output or the error file.</summary>
    public static BatchLine Read(ReadOnlyMemory<byte> line, IDialect dialect)
    {
        try
        {
            return ReadUnchecked(line, dialect);
        }
        catch (JsonException error)
        {
            throw new FormatException($"a result line is no JSON: {error.Message}", error);
        }
    }

    private static BatchLine ReadUnchecked(ReadOnlyMemory<byte> line, IDialect dialect)
    {
        var reader = new Utf8JsonReader(line.Span);
        JsonSlice.RequireObject(ref reader, "a result line");
        ReadOnlyMemory<byte> customId = default, body = default, error = default;
        var status = 0L;
        var hasResponse = false;
        while (JsonSlice.NextMember(ref reader))
        {
            if (JsonSlice.Is(ref reader, "custom_id"u8))
            {
                reader.Read();
                customId = JsonSlice.Utf8(ref reader, line);
            }
            else if (JsonSlice.Is(ref reader, "response"u8))
            {
                reader.Read();
                if (reader.TokenType != JsonTokenType.StartObject)
                {
                    reader.Skip();
                    continue;
                }

                hasResponse = true;
                while (JsonSlice.NextMember(ref reader))
                {
                    if (JsonSlice.Is(ref reader, "status_code"u8))
                    {
                        reader.Read();
                        status = JsonSlice.Integer(ref reader);
                    }
                    else if (JsonSlice.Is(ref reader, "body"u8))
                    {
                        reader.Read();
                        // Some services put the body into a string.
                        body = reader.TokenType == JsonTokenType.String ? Encoding.UTF8.GetBytes(JsonText.Read(ref reader)) : JsonSlice.Raw(ref reader, line);
                    }
                    else
                    {
                        reader.Read();
                        reader.Skip();
                    }
                }
            }
            else if (JsonSlice.Is(ref reader, "error"u8))
            {
                reader.Read();
                error = reader.TokenType == JsonTokenType.Null ? default : JsonSlice.Raw(ref reader, line);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        if (!hasResponse || error.Length > 0)
        {
            return new BatchLine(customId, default, default, LineError(error, (int)status));
        }

        // A status of 0 with no error has been seen: anything but 2xx is a failure.
        if (status is < 200 or > 299)
        {
            return new BatchLine(customId, default, default, ErrorRules.OfLine((int)status, body.Span));
        }

        var (usage, failure) = dialect.Inspect(body.Span);
        return new BatchLine(customId, failure is null ? body : default, usage, failure);
    }

    private static RequestError LineError(ReadOnlyMemory<byte> error, int status)
    {
        if (error.IsEmpty)
        {
            return new RequestError(ErrorClass.Transient, "no_response", "the line has neither a response nor an error");
        }

        using var document = JsonDocument.Parse(error);
        return ErrorRules.OfObject(status, document.RootElement);
    }
}
