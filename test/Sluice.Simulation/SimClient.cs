using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;

namespace Sluice.Simulation;

/// <summary>The account as one process has it: the real clients of the vendors' APIs, over a network that is not real.</summary>
internal sealed class SimClient : IProvider, IProviderFactory, IDisposable
{
    private readonly World _world;
    private readonly HttpClient _http;
    private readonly IProvider _real;

    public SimClient(World world, SimProcess process, TimeProvider time)
    {
        _world = world;
        _http = new HttpClient(new SimHttp(world, process)) { Timeout = Timeout.InfiniteTimeSpan };
        var environment = new ProviderEnvironment(_ => null, _http, time);
        _real = world.Plan.Kind == ApiKind.Anthropic
            ? AnthropicProviderFactory.Create("sim", Account, Reference, new Uri("http://provider.invalid"), "key", environment)
            : OpenAIProviderFactory.Create("sim", Account, Reference, new Uri("http://provider.invalid/v1"), null, null, environment);
    }

    public ProviderReference Reference { get; } = new("sim", "chat", null, null);

    public string Account => "sim@provider#0";

    public IDialect Dialect => _real.Dialect;

    public IBatchApi? Batch => _real.Batch;

    public ILiveApi Live => _real.Live;

    public bool IsSimulator => _world.Plan.IsLocal;

    public string? KeyVariable => null;

    string IProviderFactory.Name => "sim";

    IReadOnlyList<string> IProviderFactory.Apis => ["chat"];

    public IProvider Create(ProviderReference reference, ProviderEnvironment environment) => this;

    public void EnsureCredentials()
    {
    }

    public void Dispose() => _http.Dispose();
}
