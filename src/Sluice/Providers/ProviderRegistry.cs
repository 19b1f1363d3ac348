using System.Collections.Concurrent;

namespace Sluice.Providers;

/// <summary>Knows the providers by name and keeps one instance per account. Thread-safe.</summary>
public sealed class ProviderRegistry
{
    private readonly Dictionary<string, IProviderFactory> _factories;
    private readonly ProviderEnvironment _environment;
    private readonly ConcurrentDictionary<ProviderReference, IProvider> _providers = new();
    private readonly ConcurrentDictionary<ProviderReference, ProviderReference> _rehearsals = new();
    private readonly ConcurrentDictionary<string, bool> _isSimulator = new();

    /// <summary>Creates a registry.</summary>
    public ProviderRegistry(IEnumerable<IProviderFactory> factories, ProviderEnvironment environment)
    {
        _factories = factories.ToDictionary(f => f.Name, StringComparer.Ordinal);
        _environment = environment;
    }

    /// <summary>Gets the registered names, sorted.</summary>
    public IReadOnlyList<string> Names => [.. _factories.Keys.Order(StringComparer.Ordinal)];

    /// <summary>Returns the kinds of request that a provider takes.</summary>
    /// <exception cref="SluiceException">The name is not known.</exception>
    public IReadOnlyList<string> ApisOf(string name) => _factories.TryGetValue(name, out var factory) ? factory.Apis : throw Unknown(name);

    /// <summary>Returns the address of a provider that goes into keys, in its normal form; null where none does.</summary>
    /// <exception cref="SluiceException">The name is not known.</exception>
    public string? KeyAddress(string name, string? baseUrl) => _factories.TryGetValue(name, out var factory) ? factory.KeyAddress(baseUrl) : throw Unknown(name);

    /// <summary>Returns the provider of an account.</summary>
    /// <exception cref="SluiceException">The name or the api is not known.</exception>
    public IProvider Get(string name, string? api, string? baseUrl, string? apiKeyEnv)
    {
        if (!_factories.TryGetValue(name, out var factory))
        {
            throw Unknown(name);
        }

        var endpoint = api ?? factory.Apis[0];
        if (!factory.Apis.Contains(endpoint))
        {
            throw new SluiceException(ErrorKind.Usage, $"provider `{name}` has no api `{endpoint}`", $"it has: {string.Join(", ", factory.Apis)}");
        }

        var account = new ProviderReference(name, endpoint, baseUrl, apiKeyEnv);
        return _rehearsals.TryGetValue(account, out var rehearsal)
            ? _providers.GetOrAdd(rehearsal, reference => _factories[reference.Provider].Create(reference, _environment))
            : _providers.GetOrAdd(account, reference => factory.Create(reference, _environment));
    }

    /// <summary>
    /// Asks the addresses of accounts, those of vendors aside, whether they are the simulator's. An account at such an address is the simulator's from here on,
    /// with a name of its own in cache, ledger and keys, so that no real run takes what is made up for an answer.
    /// </summary>
    /// <param name="references">The accounts; of one that lacks something is said so when it is used.</param>
    /// <param name="wasSimulator">Tells whether an address that cannot be reached was the simulator's when it was last reached.</param>
    /// <param name="found">Told of each address whether it is the simulator's; null of one that was, and cannot be reached.</param>
    /// <param name="cancellationToken">Ends it.</param>
    public async Task FindSimulatorsAsync(IEnumerable<ProviderReference> references, Func<string, bool> wasSimulator, Action<string, bool?> found, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(references);
        ArgumentNullException.ThrowIfNull(wasSimulator);
        ArgumentNullException.ThrowIfNull(found);
        if (_factories.Values.FirstOrDefault(f => f.IsSimulator)?.Name is not { } simulator)
        {
            return;
        }

        foreach (var reference in references.Distinct())
        {
            if (_rehearsals.ContainsKey(reference) || RehearsalOf(reference) is not { } rehearsal)
            {
                continue;
            }

            var address = new Uri(rehearsal.BaseUrl!).GetLeftPart(UriPartial.Authority);
            if (!_isSimulator.TryGetValue(address, out var isOne))
            {
                var answer = await SimulatorProbe.AskAsync(_environment, address, cancellationToken).ConfigureAwait(false);
                isOne = answer ?? wasSimulator(address);
                _isSimulator[address] = isOne;
                if (answer is not null || isOne)
                {
                    found(address, answer);
                }
            }

            if (isOne)
            {
                _rehearsals[reference] = rehearsal with { Provider = simulator };
            }
        }
    }

    private ProviderReference? RehearsalOf(ProviderReference reference)
    {
        try
        {
            return _factories.TryGetValue(reference.Provider, out var factory) ? factory.Rehearsal(reference, _environment) : null;
        }
        catch (SluiceException)
        {
            // Nothing can be sent there; whoever tries is told why.
            return null;
        }
    }

    /// <summary>Returns how an account is referred to: with the provider's usual kind of request when none is named.</summary>
    public ProviderReference Refer(string name, string? api, string? baseUrl, string? apiKeyEnv) =>
        new(name, api ?? (_factories.TryGetValue(name, out var factory) ? factory.Apis[0] : ""), baseUrl, apiKeyEnv);

    private SluiceException Unknown(string name) => new(ErrorKind.Usage, $"unknown provider `{name}`", $"known providers: {string.Join(", ", Names)}");

    /// <summary>Returns the provider that a ledger entry refers to.</summary>
    public IProvider Get(ProviderReference reference) => Get(reference.Provider, reference.Api, reference.BaseUrl, reference.ApiKeyEnv);
}
