namespace Sluice.Caching;

/// <summary>An address of Redis, taken apart.</summary>
/// <param name="Host">A name or an IP address.</param>
/// <param name="Port">6379 when the address has none.</param>
/// <param name="Database">0 when the address has none.</param>
/// <param name="Tls">Whether the scheme is <c>rediss</c>.</param>
internal sealed record RedisAddress(string Host, int Port, int Database, bool Tls)
{
    private const int DefaultPort = 6379;
    private const string Hint = "write it as redis://HOST:PORT/DATABASE, or rediss:// for TLS";

    /// <summary>Reads an address.</summary>
    /// <exception cref="SluiceException">It is none. The message does not hold what was given: it may be secret.</exception>
    public static RedisAddress Parse(string url)
    {
        if (!Uri.TryCreate(url, UriKind.Absolute, out var uri) || uri.Scheme is not ("redis" or "rediss") || uri.Host.Length == 0)
        {
            throw new SluiceException(ErrorKind.Usage, "the address of Redis cannot be read", Hint);
        }

        if (uri.UserInfo.Length > 0)
        {
            throw new SluiceException(ErrorKind.Usage, $"the address of Redis on {uri.Host} holds a user or a password", "give them through the environment: addresses are shown and stored");
        }

        var database = uri.AbsolutePath.Trim('/');
        var number = 0;
        if ((database.Length > 0 && (!int.TryParse(database, out number) || number < 0)) || uri.Query.Length > 0 || uri.Fragment.Length > 0)
        {
            throw new SluiceException(ErrorKind.Usage, $"the address of Redis on {uri.Host} does not end with a number of a database", Hint);
        }

        return new RedisAddress(uri.DnsSafeHost, uri.IsDefaultPort || uri.Port < 0 ? DefaultPort : uri.Port, number, uri.Scheme == "rediss");
    }

    /// <inheritdoc/>
    public override string ToString() => $"{(Tls ? "rediss" : "redis")}://{(Host.Contains(':', StringComparison.Ordinal) ? $"[{Host}]" : Host)}:{Port}/{Database}";
}
