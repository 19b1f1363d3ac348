using System.Globalization;
using System.Text.Json;

namespace Sluice.Providers.Anthropic;

/// <summary>Anthropic's Message Batches.</summary>
/// <remarks>Limits and shapes: platform.claude.com/docs/en/build-with-claude/batch-processing and the SDK's types, as of 2026-09.</remarks>
internal sealed class AnthropicBatchApi(ProviderHttp http, Uri root, TimeSpan createTimeout) : IBatchApi
{
    private const string Path = "/v1/messages/batches";

    /// <inheritdoc/>
    public BatchLimits Limits { get; } = new(MaxRequests: 100_000, MaxBytes: 256_000_000 - SpoolContent.FrameBytes);

    /// <inheritdoc/>
    public Task<string?> UploadAsync(BatchSpool spool, CancellationToken cancellationToken = default) => Task.FromResult<string?>(null);

    /// <inheritdoc/>
    public async Task<BatchInfo> CreateAsync(BatchSpool spool, string? fileId, CancellationToken cancellationToken = default)
    {
        using var lines = new SpoolContent(spool);
        using var content = new UploadContent(lines, spool.Sent);
        using var request = new HttpRequestMessage(HttpMethod.Post, ProviderAddress.At(root, Path)) { Content = content };
        return await SendAsync(request, createTimeout, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async Task<BatchInfo> GetAsync(string batchId, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Get, At(batchId, ""));
        return await SendAsync(request, null, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public IAsyncEnumerable<BatchInfo> ListAsync(DateTimeOffset since, CancellationToken cancellationToken = default) => BatchList.ReadAsync(
        since,
        async (after, token) =>
        {
            using var request = new HttpRequestMessage(HttpMethod.Get, ProviderAddress.At(root, after is null ? $"{Path}?limit=1000" : $"{Path}?limit=1000&after_id={Uri.EscapeDataString(after)}"));
            var (document, _) = await http.SendJsonAsync(request, null, token).ConfigureAwait(false);
            using (document)
            {
                return BatchPage.Of(document.RootElement, batch => ReadBatch(batch, null));
            }
        },
        cancellationToken);

    /// <inheritdoc/>
    /// <remarks>The address is made from the batch's id: <c>results_url</c> is never followed to another host.</remarks>
    public Task<Stream> OpenResultsAsync(string resultFile, CancellationToken cancellationToken = default) =>
        http.OpenAsync(new HttpRequestMessage(HttpMethod.Get, At(resultFile, "/results")), cancellationToken);

    /// <inheritdoc/>
    public async Task CancelAsync(string batchId, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Post, At(batchId, "/cancel"));
        await SendAsync(request, null, cancellationToken).ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public Task<bool> HasFileAsync(string fileId, CancellationToken cancellationToken = default) => throw new NotSupportedException("batches are created in one call: there are no files");

    /// <inheritdoc/>
    /// <remarks>A batch and its results are one: both go, and the requests with them.</remarks>
    public async Task DeleteFileAsync(string file, CancellationToken cancellationToken = default)
    {
        using var request = new HttpRequestMessage(HttpMethod.Delete, At(file, ""));
        await http.ExistsAsync(request, cancellationToken).ConfigureAwait(false);
    }

    private async Task<BatchInfo> SendAsync(HttpRequestMessage request, TimeSpan? timeout, CancellationToken cancellationToken)
    {
        var (document, retryAfter) = await http.SendJsonAsync(request, timeout, cancellationToken).ConfigureAwait(false);
        using (document)
        {
            return ReadBatch(document.RootElement, retryAfter);
        }
    }

    private Uri At(string batchId, string rest) => ProviderAddress.At(root, $"{Path}/{Uri.EscapeDataString(batchId)}{rest}");

    private static BatchInfo ReadBatch(JsonElement batch, TimeSpan? retryAfter)
    {
        var id = Text(batch, "id") ?? throw new ProviderException(new RequestError(ErrorClass.Transient, "bad_answer", "a batch was answered without an id"), outcomeUnknown: true);
        var raw = Text(batch, "processing_status") ?? "";
        var ended = string.Equals(raw, "ended", StringComparison.OrdinalIgnoreCase);
        int? total = null, waiting = null, succeeded = null;
        if (batch.TryGetProperty("request_counts", out var counts) && counts.ValueKind == JsonValueKind.Object)
        {
            total = 0;
            foreach (var count in counts.EnumerateObject())
            {
                var value = count.Value.ValueKind == JsonValueKind.Number && count.Value.TryGetInt32(out var n) ? n : 0;
                total += value;
                waiting = count.NameEquals("processing") ? value : waiting;
                succeeded = count.NameEquals("succeeded") ? value : succeeded;
            }
        }

        return new BatchInfo
        {
            Id = id,
            RawState = raw,
            State = ended ? BatchState.Done : raw.ToUpperInvariant() is "CANCELING" or "CANCELLING" ? BatchState.Cancelling : BatchState.Running,
            CreatedAt = Text(batch, "created_at") is { } created && DateTimeOffset.TryParse(created, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out var time) ? time : null,
            Total = total,
            Finished = total - waiting,
            Answered = succeeded,
            ResultFiles = ended ? [id] : [],
            RetryAfter = retryAfter,
        };
    }

    private static string? Text(JsonElement element, string name) =>
        element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String && value.GetString() is { Length: > 0 } text ? text : null;
}
