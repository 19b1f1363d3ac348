using System.Text.Json;
using Sluice.Simulator.Answers;
using Sluice.Simulator.Batches;
using Sluice.Simulator.Faults;
using Sluice.Simulator.Requests;
using Sluice.Simulator.Storage;

namespace Sluice.Simulator.OpenAI;

/// <summary>Reads OpenAI's input lines and writes its output and error rows.</summary>
internal sealed class OpenAIRows(Endpoint endpoint, RowWriter output, RowWriter errors, long created) : IRowDialect
{
    private ReadOnlyMemory<byte> _line;
    private Range _customId;
    private Range _body;

    public Api Api => Api.OpenAI;

    public Endpoint Endpoint => endpoint;

    public ReadOnlySpan<byte> CustomId => _line.Span[_customId];

    public ReadOnlySpan<byte> Body => _line.Span[_body];

    public void Read(ReadOnlyMemory<byte> line)
    {
        _line = line;
        var parts = default(OpenAILine);
        OpenAILine.TryRead(line.Span, ref parts);
        _customId = RangeOf(line.Span, parts.CustomId);
        _body = RangeOf(line.Span, parts.Body);
    }

    public void WriteSuccess(Completion completion, ReadOnlySpan<byte> customId, int times)
    {
        var start = output.BeginRow();
        var json = output.Json;
        WriteHead(json, completion.Seed, customId);
        WriteResponseHead(json, completion.Seed, 200);
        json.WritePropertyName(Names.Body);
        if (endpoint == Endpoint.Responses)
        {
            ResponseBody.Write(json, completion, created);
        }
        else
        {
            ChatCompletionBody.Write(json, completion, created);
        }

        json.WriteEndObject();
        json.WriteNull(Names.Error);
        json.WriteEndObject();
        output.EndRow(start, times);
    }

    public void WriteError(ApiError error, ulong seed, ReadOnlySpan<byte> customId, int times)
    {
        var start = errors.BeginRow();
        var json = errors.Json;
        WriteHead(json, seed, customId);
        WriteResponseHead(json, seed, error.Status);
        json.WritePropertyName(Names.Body);
        OpenAIErrors.Write(json, error);
        json.WriteEndObject();
        json.WriteNull(Names.Error);
        json.WriteEndObject();
        errors.EndRow(start, times);
    }

    public void WriteStatusZero(ulong seed, ReadOnlySpan<byte> customId)
    {
        var start = output.BeginRow();
        var json = output.Json;
        WriteHead(json, seed, customId);
        WriteResponseHead(json, seed, 0);
        json.WriteNull(Names.Body);
        json.WriteEndObject();
        json.WriteNull(Names.Error);
        json.WriteEndObject();
        output.EndRow(start);
    }

    public void WriteNotRun(Stop stop, Fault? fault, ulong seed, ReadOnlySpan<byte> customId)
    {
        var start = errors.BeginRow();
        var json = errors.Json;
        WriteHead(json, seed, customId);
        json.WriteNull(Names.Response);
        json.WriteStartObject(Names.Error);
        json.WriteString("code"u8, fault?.Code ?? (stop == Stop.Expired ? "batch_expired" : "batch_cancelled"));
        json.WriteString(Names.Message, fault?.Message ?? (stop == Stop.Expired
            ? "This request could not be executed before the completion window expired."
            : "This request was not executed because the batch was cancelled."));
        json.WriteEndObject();
        json.WriteEndObject();
        errors.EndRow(start);
    }

    public async ValueTask FlushAsync(CancellationToken cancellationToken)
    {
        await output.FlushAsync(cancellationToken).ConfigureAwait(false);
        await errors.FlushAsync(cancellationToken).ConfigureAwait(false);
    }

    public bool WantsFlush => output.WantsFlush || errors.WantsFlush;

    public ValueTask FlushIfLargeAsync(CancellationToken cancellationToken) =>
        WantsFlush ? FlushAsync(cancellationToken) : default;

    public async ValueTask DisposeAsync()
    {
        await output.DisposeAsync().ConfigureAwait(false);
        await errors.DisposeAsync().ConfigureAwait(false);
    }

    private static void WriteHead(Utf8JsonWriter json, ulong seed, ReadOnlySpan<byte> customId)
    {
        json.WriteStartObject();
        json.WriteString(Names.Id, Ids.Derived(stackalloc byte[40], "batch_req_"u8, seed));
        json.WritePropertyName(Names.CustomId);
        json.WriteRawValue(customId, skipInputValidation: true);
    }

    private static void WriteResponseHead(Utf8JsonWriter json, ulong seed, int status)
    {
        json.WriteStartObject(Names.Response);
        json.WriteNumber(Names.StatusCode, status);
        json.WriteString(Names.RequestId, Ids.Derived(stackalloc byte[40], "req_"u8, seed));
    }

    private static Range RangeOf(ReadOnlySpan<byte> whole, ReadOnlySpan<byte> part)
    {
        if (part.IsEmpty || !whole.Overlaps(part, out var offset))
        {
            return default;
        }

        return new Range(offset, offset + part.Length);
    }
}
