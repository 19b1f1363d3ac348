namespace Sluice.Providers;

/// <summary>A provider's account: one dialect spoken to one address with one key.</summary>
/// <remarks>Implementations are thread-safe. They never retry: retry, packing, polling and accounting live once, in the dispatchers.</remarks>
public interface IProvider
{
    /// <summary>Gets how this account is found again in another process.</summary>
    ProviderReference Reference { get; }

    /// <summary>Gets a short text that tells accounts apart without telling the key; equal accounts share limits.</summary>
    string Account { get; }

    /// <summary>Gets how requests and responses look.</summary>
    IDialect Dialect { get; }

    /// <summary>Gets the Batch API, or null when the provider has none.</summary>
    IBatchApi? Batch { get; }

    /// <summary>Gets the live API.</summary>
    ILiveApi Live { get; }

    /// <summary>Gets whether answers come from the simulator: they are made up, cost nothing, and polling fast disturbs nobody.</summary>
    /// <remarks>An account is the simulator's by its name, or while its latest answer says so. An address on this machine says nothing: a proxy or a tunnel may stand there. Thread-safe.</remarks>
    bool IsSimulator { get; }

    /// <summary>Gets the environment variable that holds the key, or null when no key is used.</summary>
    string? KeyVariable { get; }

    /// <summary>Throws when no API key is at hand, before anything is sent.</summary>
    /// <exception cref="SluiceException">The key is missing; the hint names the environment variable.</exception>
    void EnsureCredentials();
}

/// <summary>Makes providers of one registered name.</summary>
public interface IProviderFactory
{
    /// <summary>Gets the name used in configurations.</summary>
    string Name { get; }

    /// <summary>Gets the values that <c>model.api</c> may have; the first is the default.</summary>
    IReadOnlyList<string> Apis { get; }

    /// <summary>Returns the address that goes into keys, in its normal form; null where none does, as for the vendor's own address and the environment's.</summary>
    /// <param name="baseUrl">The configured base address, or null.</param>
    string? KeyAddress(string? baseUrl) => null;

    /// <summary>Gets whether its accounts are the simulator's.</summary>
    bool IsSimulator => false;

    /// <summary>Returns how an account is rehearsed, with its address and the variable of its key written out; null where there is no simulator, as at the vendor's own address.</summary>
    /// <exception cref="SluiceException">The reference lacks something, e.g. a base address.</exception>
    ProviderReference? Rehearsal(ProviderReference reference, ProviderEnvironment environment) => null;

    /// <summary>Creates the provider for an account.</summary>
    /// <exception cref="SluiceException">The reference lacks something, e.g. a base address.</exception>
    IProvider Create(ProviderReference reference, ProviderEnvironment environment);
}

/// <summary>All that is needed to reach an account again, but no secret. Kept in the ledger.</summary>
/// <param name="Provider">The registered name.</param>
/// <param name="Api">The endpoint family: <c>chat</c>, <c>responses</c>, <c>messages</c>.</param>
/// <param name="BaseUrl">The configured base address, or null for the environment's or the vendor's own.</param>
/// <param name="ApiKeyEnv">The environment variable of the key, or null for the vendor's usual one.</param>
public sealed record ProviderReference(string Provider, string Api, string? BaseUrl, string? ApiKeyEnv);

/// <summary>What providers take from the outside world.</summary>
/// <param name="Variable">Reads an environment variable.</param>
/// <param name="Http">The client for all calls; it has no time-out of its own and follows no redirects.</param>
/// <param name="Time">The clock.</param>
public sealed record ProviderEnvironment(Func<string, string?> Variable, HttpClient Http, TimeProvider Time)
{
    /// <summary>Gets whether the simulator's answers are refused where a provider's were expected. Whoever sets it calls <see cref="ProviderRegistry.FindSimulatorsAsync"/> first.</summary>
    public bool SeparatesRehearsals { get; init; }
}
