using System.Globalization;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Sluice.Requests;

namespace Sluice.Providers.OpenAI;

/// <summary>OpenAI's Files and Batches, and the services that copy them.</summary>
/// <remarks>Limits and shapes: developers.openai.com/api/docs/guides/batch and openai/openai-openapi, as of 2026-09.</remarks>
internal sealed class OpenAIBatchApi(ProviderHttp http, Uri root, string endpoint, TimeSpan uploadTimeout) : IBatchApi
{
    /// <summary>The key under which a batch carries its intent.</summary>
    internal const string IntentKey = "sluice_intent";

    /// <inheritdoc/>
    public BatchLimits Limits { get; } = new(MaxRequests: 50_000, MaxBytes: 200_000_000);

    /// <inheritdoc/>
    public async Task<string?> UploadAsync(BatchSpool spool, CancellationToken cancellationToken = default)
    {
        var file = new FileStream(spool.Path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1, FileOptions.SequentialScan | FileOptions.Asynchronous);
        await using var _ = file.ConfigureAwait(false);
        using var content = new MultipartFormDataContent();
        using var purpose = new StringContent("batch");
        using var part = new StreamContent(file, 64 * 1024);
        part.Headers.ContentType = new MediaTypeHeaderValue("application/jsonl");
        content.Add(purpose, "purpose");
        content.Add(part, "file", $"sluice-{spool.Intent}.jsonl");
        using var watched = new UploadContent(content, spool.Sent);
        using var request = new HttpRequestMessage(HttpMethod.Post, ProviderAddress.At(root, "/files")) { Content = watched };
        var (document, _) = await http.SendJsonAsync(request, uploadTimeout, cancellationToken).ConfigureAwait(false);
        using (document)
        {
            return Text(document.RootElement, "id") ?? throw NoId("an upload");
        }
    }

    /// <inheritdoc/>
    public async Task<BatchInfo> CreateAsync(BatchSpool spool, string? fileId, CancellationToken cancellationToken = default)
    {
        using var content = new ByteArrayContent(CreateBody(spool.Intent, fileId ?? throw new ArgumentNullException(nameof(fileId))));
        content.Headers.ContentType = new MediaTypeHeaderValue("application/json");
        using var request = new HttpRequestMessage(HttpMethod.Post, ProviderAddress.At(root, "/batches")) { Content = content };
        return await SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<BatchInfo> GetAsync(string batchId, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, At(batchId, ""));
        return await SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<BatchInfo> ListAsync(DateTimeOffset since, CancellationToken cancellationToken = default) => BatchList.ReadAsync(
        since,
        async (after, token) =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, ProviderAddress.At(root, after is null ? "/batches?limit=100" : $"/batches?limit=100&after={Uri.EscapeDataString(after)}"));
            var (document, _) = await http.SendJsonAsync(request, null, token).ConfigureAwait(false);
            using (document)
            {
                return BatchPage.Of(document.RootElement, batch => ReadBatch(batch, null));
            }
        },
        cancellationToken);

    /// <inheritdoc/>
    public Task<Stream> OpenResultsAsync(string resultFile, CancellationToken cancellationToken = default) =>
        http.OpenAsync(new HttpRequestMessage(HttpMethod.Get, ProviderAddress.At(root, $"/files/{Uri.EscapeDataString(resultFile)}/content")), cancellationToken);

    /// <inheritdoc/>
    public async Task CancelAsync(string batchId, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, At(batchId, "/cancel"));
        await SendAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<bool> HasFileAsync(string fileId, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, FileAt(fileId));
        return await http.ExistsAsync(request, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task DeleteFileAsync(string file, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, FileAt(file));
        await http.ExistsAsync(request, cancellationToken).ConfigureAwait(false);
    }

    private async Task<BatchInfo> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        var (document, retryAfter) = await http.SendJsonAsync(request, null, cancellationToken).ConfigureAwait(false);
        using (document)
        {
            return ReadBatch(document.RootElement, retryAfter);
        }
    }

    private Uri FileAt(string file) => ProviderAddress.At(root, $"/files/{Uri.EscapeDataString(file)}");

    private Uri At(string batchId, string rest) => ProviderAddress.At(root, $"/batches/{Uri.EscapeDataString(batchId)}{rest}");

    private byte[] CreateBody(string intent, string fileId)
    {
        using var buffer = new MemoryStream();
        using (var writer = new Utf8JsonWriter(buffer))
        {
            writer.WriteStartObject();
            writer.WriteString("input_file_id", fileId);
            writer.WriteString("endpoint", endpoint);
            writer.WriteString("completion_window", "24h");
            writer.WriteStartObject("metadata");
            writer.WriteString(IntentKey, intent);
            writer.WriteEndObject();
            writer.WriteEndObject();
        }

        return buffer.ToArray();
    }

    /// <summary>Reads a batch object; anything but the id may be absent, null or empty.</summary>
    private BatchInfo ReadBatch(JsonElement root, TimeSpan? retryAfter)
    {
        // Together wraps the answer of a create into "job".
        var batch = root.ValueKind == JsonValueKind.Object && root.TryGetProperty("job", out var job) && job.ValueKind == JsonValueKind.Object ? job : root;
        var id = Text(batch, "id") ?? throw NoId("a batch");
        var raw = Text(batch, "status") ?? "";
        var counts = batch.TryGetProperty("request_counts", out var c) && c.ValueKind == JsonValueKind.Object ? c : default;
        var metadata = batch.TryGetProperty("metadata", out var m) && m.ValueKind == JsonValueKind.Object ? m : default;
        var error = FirstError(batch);
        return new BatchInfo
        {
            Id = id,
            RawState = raw,
            State = State(raw, batch),
            CreatedAt = Time(batch, "created_at"),
            // Everybody in the account may write a mark: what cannot be ours is none.
            Intent = Text(metadata, IntentKey) is { } mark && CustomId.IsIntent(mark) ? mark : null,
            InputFile = Text(batch, "input_file_id"),
            Endpoint = Text(batch, "endpoint"),
            Model = Text(batch, "model"),
            Total = Number(counts, "total"),
            Finished = Number(counts, "completed") is { } completed ? completed + (Number(counts, "failed") ?? 0) : null,
            Answered = Number(counts, "completed"),
            Error = error is null ? null : http.WithoutKey(error),
            ResultFiles = [.. new[] { Text(batch, "output_file_id"), Text(batch, "error_file_id") }.OfType<string>()],
            RetryAfter = retryAfter,
        };
    }

    private static BatchState State(string raw, JsonElement batch) => raw.ToUpperInvariant() switch
    {
        "VALIDATING" => BatchState.Validating,
        "CANCELLING" or "CANCELING" => BatchState.Cancelling,
        "COMPLETED" => BatchState.Done,
        "EXPIRED" => BatchState.Expired,
        "CANCELLED" or "CANCELED" => BatchState.Cancelled,
        // Doubleword calls a batch whose lines all failed "failed": with files to read it is done.
        "FAILED" => Text(batch, "output_file_id") is null && Text(batch, "error_file_id") is null ? BatchState.Failed : BatchState.Done,
        _ => BatchState.Running,
    };

    private static RequestError? FirstError(JsonElement batch)
    {
        if (!batch.TryGetProperty("errors", out var errors) || errors.ValueKind != JsonValueKind.Object
            || !errors.TryGetProperty("data", out var data) || data.ValueKind != JsonValueKind.Array || data.GetArrayLength() == 0)
        {
            return Text(batch, "error") is { } text ? new RequestError(ErrorClass.Permanent, "batch_failed", text) : null;
        }

        var first = data[0];
        var code = Text(first, "code") ?? "batch_failed";
        var line = Number(first, "line") is { } number ? $" (line {number.ToString(CultureInfo.InvariantCulture)})" : "";
        return ErrorRules.OfName(null, code, (Text(first, "message") ?? "the batch was refused") + line);
    }

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text
            ? text
            : null;

    private static int? Number(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out var number)
            ? number
            : null;

    private static DateTimeOffset? Time(JsonElement element, string name) =>
        !element.TryGetProperty(name, out var value) ? null
        : value.ValueKind == JsonValueKind.Number ? value.GetDouble() is >= 0 and < 1e11 and var seconds ? DateTimeOffset.FromUnixTimeSeconds((long)seconds) : null
        : value.ValueKind == JsonValueKind.String && DateTimeOffset.TryParse(value.GetString(), CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time
        : null;

    private static ProviderException NoId(string what) =>
        new(new RequestError(ErrorClass.Transient, "bad_answer", $"{what} was answered without an id"), outcomeUnknown: true);
}
