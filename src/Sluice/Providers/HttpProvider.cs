namespace Sluice.Providers;

/// <summary>A provider put together from its parts.</summary>
internal sealed class HttpProvider(ProviderReference reference, string account, IDialect dialect, Uri address, Action ensureCredentials) : IProvider
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
    public bool IsLocal => address.IsLoopback;

    /// <inheritdoc/>
    public void EnsureCredentials() => ensureCredentials();
}
