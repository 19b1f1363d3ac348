using Sluice.Caching;

namespace Sluice.Cli;

/// <summary>How Redis is reached: addresses from configs, options or the environment, user and password from the environment alone.</summary>
internal static class RedisAccess
{
    private const string DefaultUrl = "redis://localhost:6379/0";

    /// <summary>What to do about a server that throws answers away.</summary>
    public const string KeepAdvice = "`redis-cli config set maxmemory-policy noeviction`, and the same in its configuration; a full Redis then makes a run wait, and loses nothing";

    /// <summary>Returns the address that is meant when none is given.</summary>
    public static string UsualUrl => Environment.GetEnvironmentVariable("SLUICE_REDIS_URL") is { Length: > 0 } url ? url : DefaultUrl;

    /// <summary>Returns the options of a store.</summary>
    public static RedisOptions Options(string url, string prefix, TimeSpan? expiry) => new(url)
    {
        Prefix = prefix,
        Expiry = expiry,
        User = Secret("SLUICE_REDIS_USER"),
        Password = Secret("SLUICE_REDIS_PASSWORD"),
    };

    private static string? Secret(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
