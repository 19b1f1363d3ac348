using System.Runtime.CompilerServices;
using Sluice.Providers;

namespace Sluice.Simulation;

/// <summary>The account as one process reaches it, over a bad network. A call leaves the process, arrives, and is answered, each at its own time.</summary>
internal sealed class SimClient(World world, SimProcess process) : IProvider, IProviderFactory, IBatchApi, ILiveApi
{
    private readonly Plan _plan = world.Plan;

    private enum Fault
    {
        None,
        Refused,
        ErrorBefore,
        ErrorAfter,
        LostRequest,
        LostAnswer,
        Throttled,
        BadKey,
    }

    public ProviderReference Reference { get; } = new("sim", "chat", null, null);

    public string Account => "sim@provider#0";

    public IDialect Dialect => world.Account.Dialect;

    public IBatchApi? Batch => this;

    public ILiveApi Live => this;

    public bool IsSimulator => _plan.IsLocal;

    public string? KeyVariable => null;

    public BatchLimits Limits { get; } = new(50_000, 200_000_000);

    string IProviderFactory.Name => "sim";

    IReadOnlyList<string> IProviderFactory.Apis => ["chat"];

    public IProvider Create(ProviderReference reference, ProviderEnvironment environment) => this;

    public void EnsureCredentials()
    {
    }

    public Task<string?> UploadAsync(BatchSpool spool, CancellationToken cancellationToken = default)
    {
        process.RequireAlive();
        if (_plan.Kind == ApiKind.Anthropic)
        {
            return Task.FromResult<string?>(null);
        }

        var lines = File.ReadAllLines(spool.Path);
        return CallAsync<string?>($"upload {world.NameOf(spool.Intent)}", TimeSpan.FromMinutes(30), () => world.Account.Upload(spool.Intent, lines), null, cancellationToken);
    }

    public Task<bool> HasFileAsync(string fileId, CancellationToken cancellationToken = default) => Task.FromResult(true);

    public Task DeleteFileAsync(string file, CancellationToken cancellationToken = default) => Task.CompletedTask;

    public async Task<BatchInfo> CreateAsync(BatchSpool spool, string? fileId, CancellationToken cancellationToken = default)
    {
        process.RequireAlive();
        var anthropic = _plan.Kind == ApiKind.Anthropic;
        var lines = anthropic ? File.ReadAllLines(spool.Path) : null;
        world.Stage.Creating(spool.Intent, 1);
        return await CallAsync(
            $"create {world.NameOf(spool.Intent)}",
            anthropic ? TimeSpan.FromMinutes(30) : TimeSpan.FromMinutes(2),
            () => world.Account.Create(spool.Intent, fileId, lines).Info(process, isList: true),
            () => world.Stage.Creating(spool.Intent, -1),
            cancellationToken);
    }

    public Task<BatchInfo> GetAsync(string batchId, CancellationToken cancellationToken = default) =>
        CallAsync($"get {batchId}", TimeSpan.FromMinutes(2), () => Known(batchId).Info(process, isList: false), null, cancellationToken);

    public async IAsyncEnumerable<BatchInfo> ListAsync(DateTimeOffset since, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var all = await CallAsync(
            "list",
            TimeSpan.FromMinutes(2),
            () => world.Account.Batches.Where(b => b.CreatedAt >= since && b.ListedAt <= world.Now).Reverse().Select(b => b.Info(process, isList: true)).ToList(),
            null,
            cancellationToken);
        foreach (var batch in all)
        {
            yield return batch;
        }
    }

    public async Task<Stream> OpenResultsAsync(string resultFile, CancellationToken cancellationToken = default)
    {
        var (bytes, isCut) = await CallAsync($"open {resultFile}", TimeSpan.FromMinutes(2), () => Known(resultFile.Split('/')[0]).Download(resultFile, process), null, cancellationToken);
        return new Download(bytes, isCut, process);
    }

    public Task CancelAsync(string batchId, CancellationToken cancellationToken = default) => CallAsync(
        $"cancel {batchId}",
        TimeSpan.FromMinutes(2),
        () =>
        {
            Known(batchId).Cancel();
            return 0;
        },
        null,
        cancellationToken);

    public async Task<LiveAnswer> SendAsync(ReadOnlyMemory<byte> body, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        Execution? execution = null;
        var copy = body.ToArray();
        var answer = await CallAsync(
            "send " + System.Text.Json.JsonDocument.Parse(copy).RootElement.GetProperty("n"),
            timeout,
            () =>
            {
                execution = world.Account.ExecuteLive(copy, process, out var bytes);
                execution.IsLost = true;
                return bytes;
            },
            null,
            cancellationToken);
        // What has come back to the process is its own to keep.
        execution!.IsLost = false;
        return new LiveAnswer(answer, RateLimits.Unknown);
    }

    private SimBatch Known(string id)
    {
        var batch = world.Account.Get(id);
        return batch.KnownAt <= world.Now ? batch : throw Error(ErrorClass.Permanent, "not_found", false, 404);
    }

    private static ProviderException Error(ErrorClass kind, string code, bool unknown, int? status = null, TimeSpan? retryAfter = null) =>
        new(new RequestError(kind, code, "simulated"), unknown, status, retryAfter);

    private async Task<T> CallAsync<T>(string name, TimeSpan timeout, Func<T> effect, Action? gone, CancellationToken cancellationToken)
    {
        process.RequireAlive();
        var fault = Draw(name);
        var source = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        world.Trace(process.Name, fault == Fault.None ? name : $"{name} ({fault})");
        await using var registration = cancellationToken.Register(() => source.TrySetCanceled(cancellationToken));
        // A process that stands still before its first byte has left sends it when it goes on.
        world.After(world.Between(0, 0.02), process, () =>
        {
            if (fault == Fault.Refused)
            {
                gone?.Invoke();
                source.TrySetException(Error(ErrorClass.Transient, "network", false));
                return;
            }

            // From here on the call arrives, whatever becomes of the process; but a large body has left only when its last byte has.
            void Leave() => world.After(Travel(), null, () => Arrive(name, fault, timeout, effect, gone, source));
            if (timeout > TimeSpan.FromMinutes(2) && !name.StartsWith("send ", StringComparison.Ordinal) && !_plan.IsLocal && world.Chance(_plan.SlowUploads))
            {
                world.After(world.Between(60, 600), process, () =>
                {
                    if (!source.Task.IsCompleted)
                    {
                        Leave();
                    }
                });
            }
            else
            {
                Leave();
            }
        });
        var result = await source.Task;
        process.RequireAlive();
        return result;
    }

    private void Arrive<T>(string name, Fault fault, TimeSpan timeout, Func<T> effect, Action? gone, TaskCompletionSource<T> source)
    {
        gone?.Invoke();
        T? result = default;
        ProviderException? problem = fault switch
        {
            Fault.ErrorBefore => Error(ErrorClass.Transient, "server_error", true, 500),
            Fault.LostRequest => Error(ErrorClass.Transient, "network", true),
            Fault.Throttled => Error(ErrorClass.RateLimited, "rate_limit", false, 429, world.Chance(0.5) ? world.Between(0, 20) : null),
            Fault.BadKey => Error(ErrorClass.Credentials, "invalid_api_key", false, 401),
            _ => null,
        };
        if (problem is null)
        {
            try
            {
                result = effect();
            }
            catch (ProviderException error)
            {
                problem = error;
            }

            problem = fault switch
            {
                Fault.ErrorAfter => Error(ErrorClass.Transient, "server_error", true, 502),
                Fault.LostAnswer => Error(ErrorClass.Transient, "timeout", true),
                _ => problem,
            };
        }

        // A lost answer is noticed when the connection breaks, or when the call's time is up.
        var back = fault is Fault.LostAnswer or Fault.LostRequest && world.Chance(0.15) ? timeout
            : name == "send" && !_plan.IsLocal && world.Chance(_plan.SlowUploads) ? world.Between(10, 300)
            : Travel();
        world.After(back, process, () =>
        {
            if (problem is not null)
            {
                world.Trace(process.Name, $"{name}: {problem.Error.Code}");
                source.TrySetException(problem);
                return;
            }

            source.TrySetResult(result!);
        });
    }

    private TimeSpan Travel() => _plan.IsLocal ? world.Between(0, 0.1) : world.Between(0.02, world.Chance(0.05) ? 20 : 1);

    private Fault Draw(string name)
    {
        if (world.Stage.IsCalm)
        {
            return Fault.None;
        }

        var dice = world.Random.NextDouble();
        (Fault Fault, double Chance)[] all =
        [
            (Fault.Refused, _plan.Refused), (Fault.ErrorBefore, _plan.ErrorBefore), (Fault.ErrorAfter, _plan.ErrorAfter), (Fault.LostRequest, _plan.LostRequest),
            (Fault.LostAnswer, _plan.LostAnswer), (Fault.Throttled, _plan.Throttled), (Fault.BadKey, _plan.BadKey),
        ];
        // Looks are many: they fail less often.
        var scale = name.StartsWith("get", StringComparison.Ordinal) ? 0.3 : 1;
        foreach (var (fault, chance) in all)
        {
            dice -= chance * scale;
            if (dice < 0)
            {
                world.Faults++;
                return fault;
            }
        }

        return Fault.None;
    }

    /// <summary>A result file on its way; a cut one breaks off with an error.</summary>
    private sealed class Download(byte[] bytes, bool isCut, SimProcess process) : MemoryStream(bytes, writable: false)
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await process.TurnAsync(0.2);
            var read = Read(buffer.Span);
            return read > 0 || !isCut ? read : throw Error(ErrorClass.Transient, "network", false);
        }
    }
}
