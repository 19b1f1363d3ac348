namespace Sluice.Providers;

/// <summary>A provider's Batch API: create, look, list, read, cancel. Each call is made once; nothing retries in here.</summary>
/// <remarks>All members throw <see cref="ProviderException"/> when the provider or the way to it fails.</remarks>
public interface IBatchApi
{
    /// <summary>Gets what one batch may hold.</summary>
    BatchLimits Limits { get; }

    /// <summary>Uploads the spool as a stream and returns the file's id, or null where a batch is created in one call.</summary>
    Task<string?> UploadAsync(BatchSpool spool, CancellationToken cancellationToken = default);

    /// <summary>Creates the batch. A failure that does not prove the opposite may have created it: see <see cref="ProviderException.OutcomeUnknown"/>.</summary>
    Task<BatchInfo> CreateAsync(BatchSpool spool, string? fileId, CancellationToken cancellationToken = default);

    /// <summary>Looks at a batch.</summary>
    Task<BatchInfo> GetAsync(string batchId, CancellationToken cancellationToken = default);

    /// <summary>Lists the account's batches of the given time and later, in the provider's order, whatever that is.</summary>
    /// <exception cref="ProviderException">The list cannot be read to its end: then nothing may be taken for absent.</exception>
    IAsyncEnumerable<BatchInfo> ListAsync(DateTimeOffset since, CancellationToken cancellationToken = default);

    /// <summary>Opens one of <see cref="BatchInfo.ResultFiles"/> as a stream of lines.</summary>
    Task<Stream> OpenResultsAsync(string resultFile, CancellationToken cancellationToken = default);

    /// <summary>Tells whether an uploaded file is still there.</summary>
    Task<bool> HasFileAsync(string fileId, CancellationToken cancellationToken = default);

    /// <summary>Deletes an uploaded file, or one of <see cref="BatchInfo.ResultFiles"/> of an ended batch; one that is gone already is no error.</summary>
    Task DeleteFileAsync(string file, CancellationToken cancellationToken = default);

    /// <summary>Asks for a batch's end. What is finished by then stays readable.</summary>
    Task CancelAsync(string batchId, CancellationToken cancellationToken = default);
}

/// <summary>What one batch may hold.</summary>
/// <param name="MaxRequests">The most lines.</param>
/// <param name="MaxBytes">The most bytes of the upload, envelopes and separators included.</param>
public sealed record BatchLimits(int MaxRequests, long MaxBytes);

/// <summary>A sealed file of batch lines, ready to be sent.</summary>
/// <param name="Intent">The id of the intent it belongs to; sent along wherever the provider has a place for it.</param>
/// <param name="Path">The file of lines in the provider's format, each ended by a line feed.</param>
/// <param name="Count">How many lines.</param>
/// <param name="Bytes">The file's size.</param>
public sealed record BatchSpool(string Intent, string Path, int Count, long Bytes)
{
    /// <summary>Gets what is told, from whatever thread, how many bytes of the call that carries the file were handed to the connection; null for nobody.</summary>
    public Action<long>? Sent { get; init; }
}

/// <summary>The normal form of a batch's state.</summary>
public enum BatchState
{
    /// <summary>The provider checks the input.</summary>
    Validating,

    /// <summary>Requests are being run; also any state we do not know, which is logged and never taken for a failure.</summary>
    Running,

    /// <summary>A cancel was asked for and is not done.</summary>
    Cancelling,

    /// <summary>Every line has a result.</summary>
    Done,

    /// <summary>Time ran out; what was finished is readable and was paid for.</summary>
    Expired,

    /// <summary>Cancelled; what was finished is readable.</summary>
    Cancelled,

    /// <summary>The provider refused the whole batch; there are no results.</summary>
    Failed,
}

/// <summary>What a provider says about a batch.</summary>
public sealed record BatchInfo
{
    /// <summary>Gets the provider's id.</summary>
    public required string Id { get; init; }

    /// <summary>Gets the state.</summary>
    public required BatchState State { get; init; }

    /// <summary>Gets the provider's own word for the state.</summary>
    public required string RawState { get; init; }

    /// <summary>Gets when it was created, if told.</summary>
    public DateTimeOffset? CreatedAt { get; init; }

    /// <summary>Gets the intent id found on the batch, if the provider carries one.</summary>
    public string? Intent { get; init; }

    /// <summary>Gets the uploaded file it was made from, if told.</summary>
    public string? InputFile { get; init; }

    /// <summary>Gets the endpoint that its lines go to, if told.</summary>
    public string? Endpoint { get; init; }

    /// <summary>Gets the model of its lines, if told.</summary>
    public string? Model { get; init; }

    /// <summary>Gets the number of lines, if told. For display: decisions are made by rows counted.</summary>
    public int? Total { get; init; }

    /// <summary>Gets the number of lines that are finished, well or badly, if told. For display.</summary>
    public int? Finished { get; init; }

    /// <summary>Gets the number of lines that the provider says it has answered, if told. What it counts and does not show is paid for.</summary>
    public int? Answered { get; init; }

    /// <summary>Gets why the whole batch failed, or null.</summary>
    public RequestError? Error { get; init; }

    /// <summary>Gets the result files there are; may be empty in any state.</summary>
    public IReadOnlyList<string> ResultFiles { get; init; } = [];

    /// <summary>Gets how long the provider asks to wait before the next look, if it does.</summary>
    public TimeSpan? RetryAfter { get; init; }

    /// <summary>Gets whether the state is final.</summary>
    public bool IsEnded => State is BatchState.Done or BatchState.Expired or BatchState.Cancelled or BatchState.Failed;
}
