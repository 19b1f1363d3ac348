namespace Sluice.Providers;

/// <summary>A provider put together from its parts.</summary>
internal sealed class HttpProvider(ProviderReference reference, string account, IDialect dialect, ProviderHttp http, Action ensureCredentials) : IProvider
{
    /// <inheritdoc/>
    public ProviderReference Reference => reference;

    /// <inheritdoc/>
    public string Account => account;

    /// <inheritdoc/>
    public IDialect Dialect => dialect;

    /// <inheritdoc/>
    public required IBatchApi? Batch { get; init; }

    /// <inheritdoc/>
    public required ILiveApi Live { get; init; }

    /// <inheritdoc/>
    public required string? KeyVariable { get; init; }

    /// <inheritdoc/>
    public bool IsSimulator => IsAlwaysSimulator || http.IsSimulator;

    /// <summary>Gets whether there is nothing but the simulator behind this account, so that its answers need not say so.</summary>
    public bool IsAlwaysSimulator { get; init; }

    /// <inheritdoc/>
    public void EnsureCredentials() => ensureCredentials();
}
