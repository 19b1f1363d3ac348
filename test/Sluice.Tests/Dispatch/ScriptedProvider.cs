using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using Sluice.Providers;
using Sluice.Providers.OpenAI;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch;

/// <summary>An account whose answers a test scripts. Speaks OpenAI's chat dialect; batches live in memory.</summary>
internal sealed class ScriptedProvider : IProvider, IProviderFactory, IBatchApi, ILiveApi
{
    public ScriptedProvider() => OnUpload = spool => $"file-{spool.Intent}";

    /// <summary>Gets the batches that the provider has, in the order of their making.</summary>
    public ConcurrentDictionary<string, ScriptedBatch> Batches { get; } = new();

    /// <summary>Gets the names of the calls so far, e.g. <c>create</c>.</summary>
    public ConcurrentQueue<string> Calls { get; } = new();

    public Func<BatchSpool, string?> OnUpload { get; set; }

    /// <summary>Called before a create is carried out; may throw.</summary>
    /// <summary>Gets or sets what takes time before a create call arrives.</summary>
    public Func<CancellationToken, Task> BeforeCreate { get; set; } = _ => Task.CompletedTask;

    public Action<BatchSpool> OnCreate { get; set; } = _ => { };

    /// <summary>Called after a create was carried out; may throw: then the answer is lost.</summary>
    public Action<ScriptedBatch> OnCreated { get; set; } = _ => { };

    /// <summary>Says what a look at a batch finds; may throw.</summary>
    public Func<ScriptedBatch, BatchInfo> OnGet { get; set; } = batch => batch.Info(BatchState.Done, "out");

    public Action OnList { get; set; } = () => { };

    /// <summary>Says which batches the list shows.</summary>
    public Func<ScriptedBatch, bool> IsListed { get; set; } = _ => true;

    /// <summary>Says how the list shows a batch.</summary>
    public Func<ScriptedBatch, BatchInfo> OnInfo { get; set; } = batch => batch.Info(BatchState.Running);

    /// <summary>Gives the lines of a result file.</summary>
    public Func<ScriptedBatch, string, string> OnOpen { get; set; } = (batch, _) => batch.AnswerAll();

    /// <summary>How long each live call was given.</summary>
    public ConcurrentQueue<TimeSpan> Timeouts { get; } = new();

    public Func<ReadOnlyMemory<byte>, CancellationToken, Task<LiveAnswer>> OnSend { get; set; } = (_, _) => Task.FromResult(Answer("live"));

    public BatchLimits Limits { get; set; } = new(50_000, 200_000_000);

    public DateTimeOffset CreatedAt { get; set; } = new(2026, 11, 23, 12, 0, 0, TimeSpan.Zero);

    public ProviderReference Reference { get; } = new("scripted", "chat", null, null);

    public string Account { get; init; } = "scripted@here#0";

    public IDialect Dialect { get; } = new OpenAIChatDialect("scripted");

    public IBatchApi? Batch => this;

    public ILiveApi Live => this;

    public bool IsSimulator { get; init; }

    public string? KeyVariable => null;

    string IProviderFactory.Name => "scripted";

    IReadOnlyList<string> IProviderFactory.Apis => ["chat"];

    public int CountOf(string call) => Calls.Count(c => c == call);

    public ProviderRegistry Registry() => new([this], new ProviderEnvironment(_ => null, new HttpClient(), TimeProvider.System));

    public IProvider Create(ProviderReference reference, ProviderEnvironment environment) => this;

    public void EnsureCredentials()
    {
    }

    public static LiveAnswer Answer(string text, RateLimits? limits = null) => new(Encoding.UTF8.GetBytes(Body(text)), limits ?? RateLimits.Unknown);

    public static string Body(string text) => $$$"""{"choices":[{"message":{"content":{{{JsonSerializer.Serialize(text)}}}},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2}}""";

    public static ProviderException Error(ErrorClass kind, string message = "no", bool unknown = false, int? status = null, TimeSpan? retryAfter = null) =>
        new(new RequestError(kind, kind.ToString(), message), unknown, status, retryAfter);

    /// <summary>Gets the uploaded files and result files that are gone.</summary>
    public HashSet<string> GoneFiles { get; } = [];

    /// <summary>Called before a file is deleted; may throw.</summary>
    public Action<string> OnDelete { get; set; } = _ => { };

    public async Task<bool> HasFileAsync(string fileId, CancellationToken cancellationToken = default) => await Called("has-file", () => !GoneFiles.Contains(fileId));

    public async Task DeleteFileAsync(string file, CancellationToken cancellationToken = default) => await Called("delete", () =>
    {
        OnDelete(file);
        return GoneFiles.Add(file);
    });

    /// <summary>Gets or sets what takes time before an upload arrives.</summary>
    public Func<BatchSpool, Task> BeforeUpload { get; set; } = _ => Task.CompletedTask;

    public async Task<string?> UploadAsync(BatchSpool spool, CancellationToken cancellationToken = default)
    {
        await BeforeUpload(spool);
        return await Called("upload", () => OnUpload(spool));
    }

    public async Task<BatchInfo> CreateAsync(BatchSpool spool, string? fileId, CancellationToken cancellationToken = default)
    {
        await BeforeCreate(cancellationToken);
        return await Called("create", () => Create(spool, fileId));
    }

    private BatchInfo Create(BatchSpool spool, string? fileId)
    {
        OnCreate(spool);
        var batch = new ScriptedBatch($"batch-{Batches.Count}", spool.Intent, fileId, File.ReadAllLines(spool.Path), CreatedAt);
        Batches[batch.Id] = batch;
        OnCreated(batch);
        return batch.Info(BatchState.Validating);
    }

    public Task<BatchInfo> GetAsync(string batchId, CancellationToken cancellationToken = default) => Called("get", () => OnGet(Batches[batchId]));

    public async IAsyncEnumerable<BatchInfo> ListAsync(DateTimeOffset since, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        await Called("list", () =>
        {
            OnList();
            return 0;
        });
        foreach (ScriptedBatch batch in Batches.Values.Where(b => b.CreatedAt >= since && IsListed(b)).OrderByDescending(b => b.CreatedAt))
        {
            yield return OnInfo(batch);
        }
    }

    public Task<Stream> OpenResultsAsync(string resultFile, CancellationToken cancellationToken = default) => Called("open", () =>
    {
        string[] parts = resultFile.Split('/');
        return (Stream)new MemoryStream(Encoding.UTF8.GetBytes(OnOpen(Batches[parts[0]], parts[1])));
    });

    public Task CancelAsync(string batchId, CancellationToken cancellationToken = default) => Called("cancel", () => 0);

    public Task<LiveAnswer> SendAsync(ReadOnlyMemory<byte> body, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        Calls.Enqueue("send");
        Timeouts.Enqueue(timeout);
        return OnSend(body, cancellationToken);
    }

    private Task<T> Called<T>(string name, Func<T> call)
    {
        Calls.Enqueue(name);
        try
        {
            return Task.FromResult(call());
        }
        catch (Exception error)
        {
            return Task.FromException<T>(error);
        }
    }
}

/// <summary>A batch as the scripted provider knows it.</summary>
internal sealed record ScriptedBatch(string Id, string Intent, string? FileId, string[] Lines, DateTimeOffset CreatedAt)
{
    public IEnumerable<string> CustomIds => Lines.Select(line => JsonDocument.Parse(line).RootElement.GetProperty("custom_id").GetString()!);

    public BatchInfo Info(BatchState state, params string[] files) => new()
    {
        Id = Id,
        State = state,
        RawState = state.ToString(),
        CreatedAt = CreatedAt,
        Intent = FileId is null ? null : Intent,
        Total = Lines.Length,
        ResultFiles = [.. files.Select(f => $"{Id}/{f}")],
    };

    public string AnswerAll() => string.Concat(CustomIds.Select(id => Answer(id)));

    public static string Answer(string customId, string text = "4") =>
        $$$"""{"custom_id":"{{{customId}}}","response":{"status_code":200,"body":{{{ScriptedProvider.Body(text)}}}},"error":null}""" + "\n";

    public static string Failure(string customId, string code, string message = "m") =>
        $$$"""{"custom_id":"{{{customId}}}","response":null,"error":{"code":"{{{code}}}","message":"{{{message}}}"}}""" + "\n";
}
