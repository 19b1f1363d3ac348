namespace Sluice.Caching;

/// <summary>Where a cache in Redis is and how it is used.</summary>
/// <param name="url"><c>redis://HOST:PORT/DATABASE</c>, or <c>rediss://</c> for TLS. Without a password: addresses are shown.</param>
public sealed class RedisOptions(string url)
{
    /// <summary>Gets where Redis is.</summary>
    public string Url { get; } = url;

    /// <summary>Gets the name of an ACL's user, or null.</summary>
    public string? User { get; init; }

    /// <summary>Gets the password, or null. It is sent to Redis and written nowhere.</summary>
    public string? Password { get; init; }

    /// <summary>Gets what the names of all keys begin with: stores of different prefixes do not see each other.</summary>
    public string Prefix { get; init; } = "sluice";

    /// <summary>Gets after how long Redis may forget an answer, counted from its put; null: never.</summary>
    public TimeSpan? Expiry { get; init; }

    /// <summary>Gets how long a command may go without an answer before Redis counts as away.</summary>
    public TimeSpan Timeout { get; init; } = TimeSpan.FromSeconds(30);

    /// <summary>Gets a PEM file with the authority that has signed the server's certificate, or null: those that the machine trusts.</summary>
    public string? CertificateAuthority { get; init; }
}
