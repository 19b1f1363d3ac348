using System.Net.Http.Headers;

namespace Sluice.Providers.OpenAI;

/// <summary>Makes accounts of OpenAI and of services that speak its API.</summary>
public sealed class OpenAIProviderFactory : IProviderFactory
{
    private readonly string _keyVariable;
    private readonly string? _addressVariable;
    private readonly string? _vendorAddress;
    private readonly bool _needsKey;

    private OpenAIProviderFactory(string name, string keyVariable, string? addressVariable, string? vendorAddress, bool needsKey)
    {
        Name = name;
        _keyVariable = keyVariable;
        _addressVariable = addressVariable;
        _vendorAddress = vendorAddress;
        _needsKey = needsKey;
    }

    /// <summary>Gets the factory of OpenAI itself: <c>OPENAI_API_KEY</c>, <c>OPENAI_BASE_URL</c>.</summary>
    public static OpenAIProviderFactory OpenAI { get; } = new("openai", "OPENAI_API_KEY", "OPENAI_BASE_URL", "https://api.openai.com/v1", needsKey: true);

    /// <summary>Gets the factory of compatible services: any <c>base_url</c>; the key is optional, since local servers often have none.</summary>
    public static OpenAIProviderFactory Compatible { get; } = new("openai-compatible", "OPENAI_COMPATIBLE_API_KEY", null, null, needsKey: false);

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public IReadOnlyList<string> Apis { get; } = ["chat", "responses"];

    /// <inheritdoc/>
    public string? KeyAddress(string? baseUrl) => ProviderAddress.ForKeys(baseUrl, _vendorAddress);

    /// <inheritdoc/>
    public ProviderReference? Rehearsal(ProviderReference reference, ProviderEnvironment environment) =>
        ProviderAddress.Rehearsal(reference, environment, _addressVariable, _vendorAddress, _keyVariable, _needsKey);

    /// <inheritdoc/>
    public IProvider Create(ProviderReference reference, ProviderEnvironment environment)
    {
        var address = ProviderAddress.Resolve(reference, environment, _addressVariable, _vendorAddress);
        var key = ProviderAddress.Key(reference, environment, _keyVariable);
        return Create(Name, ProviderAddress.Account(Name, address, key), reference, address, key, _needsKey ? _keyVariable : null, environment);
    }

    /// <summary>Creates an account that speaks OpenAI's API under another name, e.g. the simulator's.</summary>
    /// <param name="dialectName">The name that goes into keys.</param>
    /// <param name="account">The account, as <see cref="IProvider.Account"/> tells it.</param>
    /// <param name="reference">How the account is found again.</param>
    /// <param name="address">The base address, ending in the version.</param>
    /// <param name="key">The API key, or null.</param>
    /// <param name="requiredVariable">The variable to name when a key is needed and missing; null when none is needed.</param>
    /// <param name="environment">Client and clock.</param>
    /// <param name="isSimulator">Whether there is nothing but the simulator behind it.</param>
    public static IProvider Create(string dialectName, string account, ProviderReference reference, Uri address, string? key, string? requiredVariable, ProviderEnvironment environment, bool isSimulator = false)
    {
        var mask = new KeyMask(key);
        var dialect = new MaskedDialect(reference.Api == "responses" ? new OpenAIResponsesDialect(dialectName) : new OpenAIChatDialect(dialectName), mask);
        var http = new ProviderHttp(environment, headers => Authorise(headers, reference, key), dialect.ReadError, mask, isSimulator);
        var path = dialect.Endpoint["/v1".Length..];
        return new HttpProvider(reference, account, dialect, http, () => RequireKey(reference, key, requiredVariable))
        {
            IsAlwaysSimulator = isSimulator,
            KeyVariable = reference.ApiKeyEnv ?? requiredVariable,
            Batch = new OpenAIBatchApi(http, address, dialect.Endpoint, TimeSpan.FromMinutes(30)),
            Live = new HttpLiveApi(http, ProviderAddress.At(address, path), environment.Time),
        };
    }

    private static void RequireKey(ProviderReference reference, string? key, string? requiredVariable)
    {
        if (requiredVariable is not null)
        {
            ProviderAddress.RequireKey(reference, key, requiredVariable);
        }
    }

    private static void Authorise(HttpRequestHeaders headers, ProviderReference reference, string? key)
    {
        if (key is not null)
        {
            ProviderAddress.RequireSendable(reference, key);
            headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        }
    }
}
