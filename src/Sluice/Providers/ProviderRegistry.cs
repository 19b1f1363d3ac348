using System.Collections.Concurrent;

namespace Sluice.Providers;

/// <summary>Knows the providers by name and keeps one instance per account. Thread-safe.</summary>
public sealed class ProviderRegistry
{
    private readonly Dictionary<string, IProviderFactory> _factories;
    private readonly ProviderEnvironment _environment;
    private readonly ConcurrentDictionary<ProviderReference, IProvider> _providers = new();

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

        return _providers.GetOrAdd(new ProviderReference(name, endpoint, baseUrl, apiKeyEnv), reference => factory.Create(reference, _environment));
    }

    private SluiceException Unknown(string name) => new(ErrorKind.Usage, $"unknown provider `{name}`", $"known providers: {string.Join(", ", Names)}");

    /// <summary>Returns the provider that a ledger entry refers to.</summary>
    public IProvider Get(ProviderReference reference) => Get(reference.Provider, reference.Api, reference.BaseUrl, reference.ApiKeyEnv);
}
