using System.Net.Http.Headers;

namespace Sluice.Providers.Anthropic;

/// <summary>Makes accounts of Anthropic: <c>ANTHROPIC_API_KEY</c>, <c>ANTHROPIC_BASE_URL</c>.</summary>
public sealed class AnthropicProviderFactory : IProviderFactory
{
    private const string KeyVariable = "ANTHROPIC_API_KEY";
    private const string Version = "2023-06-01";
    private const string VendorAddress = "https://api.anthropic.com";

    /// <inheritdoc/>
    public string Name => "anthropic";

    /// <inheritdoc/>
    public IReadOnlyList<string> Apis { get; } = ["messages"];

    /// <inheritdoc/>
    public string? KeyAddress(string? baseUrl) => ProviderAddress.ForKeys(baseUrl, VendorAddress);

    /// <inheritdoc/>
    public ProviderReference? Rehearsal(ProviderReference reference, ProviderEnvironment environment) =>
        ProviderAddress.Rehearsal(reference, environment, "ANTHROPIC_BASE_URL", VendorAddress, KeyVariable, needsKey: true);

    /// <inheritdoc/>
    public IProvider Create(ProviderReference reference, ProviderEnvironment environment)
    {
        var address = ProviderAddress.Resolve(reference, environment, "ANTHROPIC_BASE_URL", VendorAddress);
        var key = ProviderAddress.Key(reference, environment, KeyVariable);
        return Create(Name, ProviderAddress.Account(Name, address, key), reference, address, key, environment);
    }

    /// <summary>Creates an account that speaks Anthropic's API under another name, e.g. the simulator's.</summary>
    /// <param name="dialectName">The name that goes into keys.</param>
    /// <param name="account">The account, as <see cref="IProvider.Account"/> tells it.</param>
    /// <param name="reference">How the account is found again.</param>
    /// <param name="address">The base address, without the version.</param>
    /// <param name="key">The API key, or null.</param>
    /// <param name="environment">Client and clock.</param>
    /// <param name="isSimulator">Whether there is nothing but the simulator behind it.</param>
    public static IProvider Create(string dialectName, string account, ProviderReference reference, Uri address, string? key, ProviderEnvironment environment, bool isSimulator = false)
    {
        var mask = new KeyMask(key);
        var dialect = new MaskedDialect(new AnthropicMessagesDialect(dialectName), mask);
        var http = new ProviderHttp(environment, headers => Authorise(headers, reference, key), dialect.ReadError, mask, isSimulator);
        return new HttpProvider(reference, account, dialect, http, () => ProviderAddress.RequireKey(reference, key, KeyVariable))
        {
            IsAlwaysSimulator = isSimulator,
            KeyVariable = reference.ApiKeyEnv ?? KeyVariable,
            Batch = new AnthropicBatchApi(http, address, TimeSpan.FromMinutes(30)),
            Live = new HttpLiveApi(http, ProviderAddress.At(address, dialect.Endpoint), environment.Time),
        };
    }

    private static void Authorise(HttpRequestHeaders headers, ProviderReference reference, string? key)
    {
        headers.Add("anthropic-version", Version);
        if (key is not null)
        {
            ProviderAddress.RequireSendable(reference, key);
            headers.Add("x-api-key", key);
        }
    }
}
