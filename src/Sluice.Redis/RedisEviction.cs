using System.Globalization;
using StackExchange.Redis;

namespace Sluice.Caching;

/// <summary>Looks whether a server throws answers away when it is full, as far as it tells.</summary>
internal static class RedisEviction
{
    /// <summary>Returns what is wrong with the server's settings, or null: nothing, or it does not say.</summary>
    /// <param name="connection">The server.</param>
    /// <param name="expires">Whether answers are stored with an end: some policies take only those.</param>
    /// <param name="cancellationToken">Ends the look.</param>
    /// <exception cref="CacheAwayException">Redis cannot be reached now.</exception>
    public static ValueTask<string?> FindAsync(RedisConnection connection, bool expires, CancellationToken cancellationToken) => connection.AskAsync(
        async database =>
        {
            try
            {
                return Problem((string?)await database.ExecuteAsync("INFO", "memory").ConfigureAwait(false) ?? "", expires);
            }
            catch (Exception error) when (error is RedisServerException or RedisCommandException)
            {
                // The user may not ask, or the server has no such command: nobody needs it to hold a cache.
                return null;
            }
        },
        cancellationToken);

    /// <summary>Reads what a server says of its memory.</summary>
    internal static string? Problem(string info, bool expires)
    {
        var most = Value(info, "maxmemory");
        var policy = Value(info, "maxmemory_policy");
        var evicts = policy is not (null or "noeviction") && (expires || !policy.StartsWith("volatile-", StringComparison.Ordinal));
        return evicts && long.TryParse(most, CultureInfo.InvariantCulture, out var bytes) && bytes > 0
            ? $"its `maxmemory-policy` is {policy}: when its {bytes.ToString("N0", CultureInfo.InvariantCulture)} bytes (`maxmemory`) are full it throws answers away, and they would be paid for again"
            : null;
    }

    private static string? Value(string info, string name) =>
        info.Split('\n').Select(line => line.TrimEnd('\r')).FirstOrDefault(line => line.StartsWith(name + ":", StringComparison.Ordinal))?[(name.Length + 1)..];
}
