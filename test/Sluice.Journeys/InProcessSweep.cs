using Sluice.Caching;
using Sluice.Configuration;
using Sluice.Dispatch;
using Sluice.Experiments;
using Sluice.Ledger;
using Sluice.Memory;
using Sluice.Pricing;
using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;
using Sluice.Sweeps;

namespace Sluice.Journeys;

/// <summary>A workspace of its own, worked on by the library in this process: put together as the command line does it, over real HTTP, databases and spools.</summary>
internal sealed class InProcessSweep(string folder, Uri provider, TimeProvider time, Func<MemorySample>? memory = null)
{
    private const string Name = "configs";

    private readonly Lock _gate = new();
    private readonly List<string> _remarks = [];

    /// <summary>Gets what stands before the cache; null for nothing.</summary>
    public Func<IResponseCache, IResponseCache>? Before { get; init; }

    /// <summary>Gets who else is told what happens.</summary>
    public Action<DispatchEvent>? Watch { get; init; }

    public string Folder { get; } = Directory.CreateDirectory(folder).FullName;

    /// <summary>Gets what watchers were told so far.</summary>
    public IReadOnlyList<string> Remarks
    {
        get
        {
            lock (_gate)
            {
                return [.. _remarks];
            }
        }
    }

    public string ResultsPath => Path.Combine(Folder, "runs", Name, "one", "results.jsonl");

    public string Results => File.ReadAllText(ResultsPath);

    public void Write(string path, string text)
    {
        var full = Path.Combine(Folder, path);
        Directory.CreateDirectory(Path.GetDirectoryName(full)!);
        File.WriteAllText(full, text);
    }

    /// <summary>Does what one command does.</summary>
    public Task<SweepResult> RunAsync(CancellationToken cancellationToken, SweepMode mode = SweepMode.Run, bool retryFailed = false) => WithAsync(async (workspace, ledger, providers) =>
    {
        await using var cache = new SqliteResponseCache(workspace.CachePath, time);
        var context = new ConfigContext { CurrentDirectory = Folder, Providers = providers.Names };
        var plans = ExperimentPlan.Compile(ConfigLoader.Load(["configs"], [], context), providers, PriceList.BuiltIn, TimeProvider.System.GetUtcNow());
        return await new SweepRunner(workspace, ledger, Before?.Invoke(cache) ?? cache, providers, time, new SweepOptions(Name, mode, retryFailed), Observe, memory).RunAsync(plans, cancellationToken);
    });

    /// <summary>Asks for the end of every batch at the provider, as <c>cancel --all</c> does; returns what went wrong.</summary>
    public Task<IReadOnlyList<string>> CancelAllAsync(CancellationToken cancellationToken) => WithAsync<IReadOnlyList<string>>(async (_, ledger, providers) =>
    {
        var problems = new List<string>();
        foreach (var intent in ledger.Open().Where(i => i.State == IntentState.Submitted))
        {
            try
            {
                await providers.Get(intent.Provider).Batch!.CancelAsync(intent.BatchId!, cancellationToken);
            }
            catch (ProviderException error)
            {
                problems.Add(error.Error.ToString());
            }
        }

        return problems;
    });

    private async Task<T> WithAsync<T>(Func<Workspace, LedgerStore, ProviderRegistry, Task<T>> work)
    {
        using var sockets = new SocketsHttpHandler { AllowAutoRedirect = false, MaxResponseHeadersLength = 32 };
        using var http = new HttpClient(sockets) { Timeout = Timeout.InfiniteTimeSpan, MaxResponseContentBufferSize = 64 * 1024 * 1024 };
        var workspace = new Workspace(Folder);
        workspace.Prepare();
        using var ledger = new LedgerStore(workspace.LedgerPath, time);
        return await work(workspace, ledger, new ProviderRegistry([OpenAIProviderFactory.OpenAI, new AnthropicProviderFactory()], new ProviderEnvironment(Variable, http, time)));
    }

    private string? Variable(string name) => name switch
    {
        "OPENAI_BASE_URL" => new Uri(provider, "v1").ToString(),
        "ANTHROPIC_BASE_URL" => provider.ToString(),
        "OPENAI_API_KEY" or "ANTHROPIC_API_KEY" => "sk-matrix",
        _ => null,
    };

    private void Observe(DispatchEvent seen)
    {
        Watch?.Invoke(seen);
        var text = seen switch { Remark remark => remark.Text, BatchChanged { Intent.Note: { } note } => note, _ => null };
        if (text is not null)
        {
            lock (_gate)
            {
                _remarks.Add(text);
            }
        }
    }
}
