using System.Buffers;
using System.Text.Json.Nodes;
using Sluice.Requests;

namespace Sluice.Providers;

/// <summary>A dialect as one account speaks it: its errors do not tell the account's key. Answers stay as they are.</summary>
internal sealed class MaskedDialect(IDialect inner, KeyMask mask) : IDialect
{
    /// <inheritdoc/>
    public string Name => inner.Name;

    /// <inheritdoc/>
    public string Endpoint => inner.Endpoint;

    /// <inheritdoc/>
    public JsonObject Prompt(string? system, string? user, JsonArray? messages) => inner.Prompt(system, user, messages);

    /// <inheritdoc/>
    public IEnumerable<string> Check(JsonObject body) => inner.Check(body);

    /// <inheritdoc/>
    public void WriteBatchLine(IBufferWriter<byte> output, ReadOnlySpan<byte> customId, ReadOnlySpan<byte> body) => inner.WriteBatchLine(output, customId, body);

    /// <inheritdoc/>
    public BatchInput ReadBatchInput(ReadOnlyMemory<byte> line) => inner.ReadBatchInput(line);

    /// <inheritdoc/>
    public BatchLine ReadBatchLine(ReadOnlyMemory<byte> line)
    {
        var result = inner.ReadBatchLine(line);
        return result.Error is { } error ? result with { Error = mask.Apply(error) } : result;
    }

    /// <inheritdoc/>
    public Response ReadResponse(ReadOnlySpan<byte> body, TokenUsage usage) => inner.ReadResponse(body, usage);

    /// <inheritdoc/>
    public byte[]? Write(Response response) => inner.Write(response);

    /// <inheritdoc/>
    public (TokenUsage Usage, RequestError? Failure) Inspect(ReadOnlySpan<byte> body)
    {
        var (usage, failure) = inner.Inspect(body);
        return (usage, failure is null ? null : mask.Apply(failure));
    }

    /// <inheritdoc/>
    public RequestError ReadError(int status, ReadOnlySpan<byte> body) => mask.Apply(inner.ReadError(status, body));
}
