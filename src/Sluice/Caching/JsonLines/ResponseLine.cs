using System.Buffers;
using System.Buffers.Text;
using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Unicode;
using Sluice.Providers;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching.JsonLines;

/// <summary>A stored response as one line of JSON: the JSONL store's, an export's, and a value in Redis.</summary>
/// <remarks>
/// A body that is one line of JSON, as nearly all are, stands there as JSON, so that <c>jq .response</c> works; any other as <c>response_text</c> or
/// <c>response_base64</c>, so that every body comes back byte for byte. The response is the last member: whoever wants it alone need not read
/// through it, and the checksum tells whether it is whole.
/// </remarks>
internal readonly struct ResponseLine
{
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = true };
    private static readonly JsonReaderOptions Deep = new() { MaxDepth = 512 };

    private readonly ReadOnlyMemory<byte> _provider;
    private readonly ReadOnlyMemory<byte> _model;
    private readonly ReadOnlyMemory<byte> _source;

    private ResponseLine(RequestKey key, ReadOnlyMemory<byte> provider, ReadOnlyMemory<byte> model, ReadOnlyMemory<byte> source) =>
        (Key, _provider, _model, _source) = (key, provider, model, source);

    /// <summary>Gets what it answers.</summary>
    public RequestKey Key { get; }

    /// <summary>Gets when it was made.</summary>
    public DateTimeOffset CreatedAt { get; private init; }

    /// <summary>Gets the tokens used.</summary>
    public TokenUsage Usage { get; private init; }

    /// <summary>Gets the response body; a part of the line, or decoded.</summary>
    public ReadOnlyMemory<byte> Body { get; private init; }

    /// <summary>Gets the request body, or null.</summary>
    public ReadOnlyMemory<byte>? Request { get; private init; }

    /// <summary>Gets whether the body is the one that was stored, as far as a checksum tells; a line made by others may have none.</summary>
    public bool IsSound { get; private init; }

    /// <summary>Gets whether it was made through a Batch API.</summary>
    public bool IsBatch => !_source.Span.SequenceEqual("live"u8);

    /// <summary>Gets where it came from.</summary>
    public ResponseOrigin Origin => new(Encoding.UTF8.GetString(_provider.Span), Encoding.UTF8.GetString(_model.Span), Encoding.UTF8.GetString(_source.Span));

    /// <summary>Writes an entry, without the line feed.</summary>
    public static void Write(IBufferWriter<byte> output, CacheEntry entry, DateTimeOffset createdAt)
    {
        using var writer = new Utf8JsonWriter(output, Readable);
        Span<byte> key = stackalloc byte[RequestKey.TextLength];
        entry.Key.WriteText(key);
        writer.WriteStartObject();
        writer.WriteString("key"u8, key);
        writer.WriteString("created"u8, createdAt.UtcDateTime.ToString("yyyy-MM-dd'T'HH:mm:ss.fff'Z'", CultureInfo.InvariantCulture));
        writer.WriteString("provider"u8, entry.Origin.Provider);
        writer.WriteString("model"u8, entry.Origin.Model);
        writer.WriteString("source"u8, entry.Origin.Source);
        writer.WriteNumber("input_tokens"u8, entry.Usage.Input);
        writer.WriteNumber("output_tokens"u8, entry.Usage.Output);
        writer.WriteNumber("crc32c"u8, Checksum.Of(entry.Body.Span));
        if (entry.Request is { } request)
        {
            WriteBody(writer, "request", request);
        }

        WriteBody(writer, "response", entry.Body.Span);
        writer.WriteEndObject();
    }

    /// <summary>Writes a stored response as it would be stored.</summary>
    public static void Write(IBufferWriter<byte> output, StoredResponse response) => Write(output, response.ToEntry(), response.CreatedAt);

    /// <summary>Reads a line.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public static ResponseLine Read(ReadOnlyMemory<byte> line)
    {
        try
        {
            return ReadMembers(line);
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new FormatException($"no JSON: {error.Message}", error);
        }
    }

    /// <summary>Returns everything that the line says.</summary>
    public StoredResponse ToStored(bool withBodies) => new()
    {
        Key = Key,
        Origin = Origin,
        CreatedAt = CreatedAt,
        Usage = Usage,
        Size = Body.Length,
        Body = withBodies && IsSound ? Body.ToArray() : null,
        Request = withBodies ? Request?.ToArray() : null,
        Problem = IsSound ? null : "its checksum differs: it is not what was stored",
    };

    private static ResponseLine ReadMembers(ReadOnlyMemory<byte> line)
    {
        var reader = new Utf8JsonReader(line.Span, Deep);
        JsonSlice.RequireObject(ref reader, "a stored response");
        ReadOnlyMemory<byte> provider = default, model = default, source = default;
        ReadOnlyMemory<byte>? body = null, request = null;
        RequestKey? key = null;
        DateTimeOffset? created = null;
        long input = 0, output = 0, checksum = -1;
        while (JsonSlice.NextMember(ref reader))
        {
            if (reader.ValueTextEquals("key"u8))
            {
                reader.Read();
                key = RequestKey.TryParse(JsonSlice.Utf8(ref reader, line).Span, out var parsed) ? parsed : throw new FormatException("`key` is none: 43 characters of base64url are expected");
            }
            else if (reader.ValueTextEquals("created"u8))
            {
                reader.Read();
                created = reader.TryGetDateTimeOffset(out var time) ? time : throw new FormatException("`created` is no time, such as 2026-11-24T12:00:00Z");
            }
            else if (reader.ValueTextEquals("provider"u8))
            {
                reader.Read();
                provider = JsonSlice.Utf8(ref reader, line);
            }
            else if (reader.ValueTextEquals("model"u8))
            {
                reader.Read();
                model = JsonSlice.Utf8(ref reader, line);
            }
            else if (reader.ValueTextEquals("source"u8))
            {
                reader.Read();
                source = JsonSlice.Utf8(ref reader, line);
            }
            else if (reader.ValueTextEquals("input_tokens"u8))
            {
                reader.Read();
                input = JsonSlice.Integer(ref reader);
            }
            else if (reader.ValueTextEquals("output_tokens"u8))
            {
                reader.Read();
                output = JsonSlice.Integer(ref reader);
            }
            else if (reader.ValueTextEquals("crc32c"u8))
            {
                reader.Read();
                checksum = JsonSlice.Integer(ref reader);
            }
            else if (reader.ValueTextEquals("response"u8))
            {
                // Mostly the rest of the line, which the checksum proves: no need to read through it.
                var rest = line[(int)reader.BytesConsumed..^1];
                if (checksum >= 0 && Checksum.Of(rest.Span) == (uint)checksum)
                {
                    body = rest;
                    break;
                }

                reader.Read();
                body = JsonSlice.Raw(ref reader, line);
            }
            else if (reader.ValueTextEquals("request"u8))
            {
                reader.Read();
                request = JsonSlice.Raw(ref reader, line);
            }
            else if (ReadOther(ref reader, "response") is { } response)
            {
                body = response;
            }
            else if (ReadOther(ref reader, "request") is { } asked)
            {
                request = asked;
            }
            else
            {
                reader.Read();
                reader.Skip();
            }
        }

        return new ResponseLine(key ?? throw new FormatException("it has no `key`"), provider, model, source)
        {
            CreatedAt = created ?? throw new FormatException("it has no `created`"),
            Usage = new TokenUsage(input, output),
            Body = body ?? throw new FormatException("it has no `response`"),
            Request = request,
            IsSound = checksum < 0 || Checksum.Of(body.Value.Span) == (uint)checksum,
        };
    }

    /// <summary>Reads <c>NAME_text</c> and <c>NAME_base64</c>; null, and nothing read, for any other member.</summary>
    private static ReadOnlyMemory<byte>? ReadOther(ref Utf8JsonReader reader, string name)
    {
        if (reader.ValueTextEquals(name + "_text"))
        {
            reader.Read();
            return Encoding.UTF8.GetBytes(JsonText.Read(ref reader));
        }

        if (reader.ValueTextEquals(name + "_base64"))
        {
            reader.Read();
            return reader.GetBytesFromBase64();
        }

        return null;
    }

    private static void WriteBody(Utf8JsonWriter writer, string name, ReadOnlySpan<byte> body)
    {
        if (!Utf8.IsValid(body))
        {
            writer.WriteBase64String(name + "_base64", body);
        }
        else if (IsOneLineOfJson(body))
        {
            writer.WritePropertyName(name);
            writer.WriteRawValue(body, skipInputValidation: true);
        }
        else
        {
            writer.WriteString(name + "_text", body);
        }
    }

    private static bool IsOneLineOfJson(ReadOnlySpan<byte> body)
    {
        if (body.IsEmpty || body.IndexOfAny((byte)'\n', (byte)'\r') >= 0 || body[0] <= (byte)' ' || body[^1] <= (byte)' ')
        {
            return false;
        }

        try
        {
            var reader = new Utf8JsonReader(body, Deep);
            while (reader.Read())
            {
            }

            return true;
        }
        catch (JsonException)
        {
            // It is something else, and kept as text.
            return false;
        }
    }
}
