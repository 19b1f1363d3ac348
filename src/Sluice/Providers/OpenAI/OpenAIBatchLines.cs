using System.Buffers;
using System.Globalization;
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
                        // Some services write it as a text.
                        status = reader.TokenType == JsonTokenType.String ? (int.TryParse(JsonText.Read(ref reader), NumberStyles.None, CultureInfo.InvariantCulture, out var written) ? written : 0) : JsonSlice.Integer(ref reader);
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
                error = JsonSlice.Raw(ref reader, line);
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        var told = ErrorRules.OfMember((int)status, error);
        // A line without a status has been seen both ways: with a whole answer, and with nothing in a row that counted as completed.
        var isPlain = told is null && status != 0;
        if (hasResponse && status is 0 or (>= 200 and <= 299) && TryInspect(body.Span, dialect, isPlain) is (var usage, var failure))
        {
            return new BatchLine(customId, failure is null ? body : default, usage, failure);
        }

        return new BatchLine(customId, default, default, told ?? (hasResponse
            ? ErrorRules.OfLine((int)status, body.Span)
            : new RequestError(ErrorClass.Transient, "no_response", "the line has neither a response nor an error")));
    }

    /// <summary>Reads a body. One that has used tokens is an answer, whatever stands beside it: it is paid for. Any other is one only in a line that plainly says so.</summary>
    private static (TokenUsage Usage, RequestError? Failure)? TryInspect(ReadOnlySpan<byte> body, IDialect dialect, bool isPlain)
    {
        try
        {
            var (usage, failure) = dialect.Inspect(body);
            return isPlain || usage != default ? (usage, failure) : null;
        }
        catch (FormatException) when (!isPlain)
        {
            return null;
        }
    }
}
