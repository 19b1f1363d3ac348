using Sluice.Simulator.Answers;
using Sluice.Simulator.Batches;
using Sluice.Simulator.Faults;
using Sluice.Simulator.Requests;

namespace Sluice.Simulator.Anthropic;

/// <summary>Reads the stored requests of an Anthropic batch and writes its result rows.</summary>
internal sealed class AnthropicRows(RowWriter results) : IRowDialect
{
    private ReadOnlyMemory<byte> _line;
    private AnthropicLine _parts;

    public Api Api => Api.Anthropic;

    public Endpoint Endpoint => Endpoint.Messages;

    public ReadOnlySpan<byte> CustomId => _line.Span[_parts.CustomId];

    public ReadOnlySpan<byte> Body => _line.Span[_parts.Params];

    public void Read(ReadOnlyMemory<byte> line)
    {
        _line = line;
        _parts = AnthropicLine.Read(line.Span);
    }

    public void WriteSuccess(Completion completion, ReadOnlySpan<byte> customId, int times)
    {
        var start = Begin(customId, "succeeded"u8);
        results.Json.WritePropertyName(Names.Message);
        MessageBody.Write(results.Json, completion, inBatch: true);
        End(start, times);
    }

    public void WriteError(ApiError error, ulong seed, ReadOnlySpan<byte> customId, int times)
    {
        var start = Begin(customId, "errored"u8);
        results.Json.WritePropertyName(Names.Error);
        AnthropicErrors.Write(results.Json, error, requestId: null);
        End(start, times);
    }

    public void WriteStatusZero(ulong seed, ReadOnlySpan<byte> customId) =>
        throw new NotSupportedException("Anthropic's rows have no status code.");

    public void WriteNotRun(Stop stop, Fault? fault, ulong seed, ReadOnlySpan<byte> customId) =>
        End(Begin(customId, stop == Stop.Expired ? "expired"u8 : "canceled"u8), 1);

    public bool WantsFlush => results.WantsFlush;

    public ValueTask FlushIfLargeAsync(CancellationToken cancellationToken) =>
        results.WantsFlush ? results.FlushAsync(cancellationToken) : default;

    public ValueTask DisposeAsync() => results.DisposeAsync();

    private int Begin(ReadOnlySpan<byte> customId, ReadOnlySpan<byte> kind)
    {
        var start = results.BeginRow();
        results.Json.WriteStartObject();
        results.Json.WritePropertyName(Names.CustomId);
        results.Json.WriteRawValue(customId, skipInputValidation: true);
        results.Json.WriteStartObject(Names.Result);
        results.Json.WriteString(Names.Type, kind);
        return start;
    }

    private void End(int start, int times)
    {
        results.Json.WriteEndObject();
        results.Json.WriteEndObject();
        results.EndRow(start, times);
    }
}
