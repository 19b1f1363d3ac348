using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;

namespace Sluice.Cli;

/// <summary>The provider <c>simulated</c>: the simulator in this process, spoken to over HTTP like any other.</summary>
/// <remarks>Its dialect has its own name, so that rehearsed answers are never taken for real ones.</remarks>
internal sealed class SimulatedProviderFactory(HttpClient http) : IProviderFactory
{
    public const string ProviderName = "simulated";
    private const string Key = "simulated";

    public string Name => ProviderName;

    public IReadOnlyList<string> Apis { get; } = ["chat", "responses", "messages"];

    public bool IsSimulator => true;

    // The port differs from start to start; the account, whose batches lie in the workspace, is always the same.
    public IProvider Create(ProviderReference reference, ProviderEnvironment environment) => reference.BaseUrl is { } url ? Elsewhere(reference, new Uri(url), environment)
        : reference.Api == "messages" ? AnthropicProviderFactory.Create(Name, $"{Name}/anthropic", reference, InProcessSimulator.Address, Key, environment with { Http = http }, isSimulator: true)
        : OpenAIProviderFactory.Create(Name, $"{Name}/openai", reference, new Uri(InProcessSimulator.Address, "/v1"), Key, null, environment with { Http = http }, isSimulator: true);

    /// <summary>Makes an account of a simulator in another process, which was found at another provider's address. Its key is the one that is rehearsed.</summary>
    private IProvider Elsewhere(ProviderReference reference, Uri address, ProviderEnvironment environment)
    {
        var key = reference.ApiKeyEnv is { } variable ? environment.Variable(variable) is { Length: > 0 } text ? text.Trim() : null : Key;
        var account = ProviderAddress.Account(Name, address, key);
        return reference.Api == "messages"
            ? AnthropicProviderFactory.Create(Name, account, reference, address, key, environment, isSimulator: true)
            : OpenAIProviderFactory.Create(Name, account, reference, address, key, reference.ApiKeyEnv, environment, isSimulator: true);
    }
}
