using System.Net.Sockets;
using StackExchange.Redis;

namespace Sluice.Caching;

/// <summary>Tells what an error of Redis or its client means for a cache.</summary>
internal static class RedisTrouble
{
    // What a server says that starts, is full, or cannot write to its disk. It may be all right a minute later.
    private static readonly string[] Passing = ["LOADING", "BUSY", "MASTERDOWN", "CLUSTERDOWN", "TRYAGAIN", "MISCONF", "OOM", "READONLY", "NOREPLICAS", "ERR max number of clients"];

    /// <summary>Explains why a look-up or an inspection failed; null for a bug.</summary>
    public static SluiceException? OfReading(Exception error, string store, TimeSpan timeout) => error switch
    {
        RedisServerException server when IsPassing(server) => new CacheAwayException(store, server.Message, error),
        RedisServerException server => new SluiceException(ErrorKind.Environment, $"{store} has refused a command: {server.Message}", HintFor(server.Message), error),
        _ => OfConnection(error, store, timeout),
    };

    /// <summary>Tells whether a server says that it cannot now; it may be all right a minute later.</summary>
    public static bool IsPassing(RedisServerException error) => Array.Exists(
        Passing,
        // Where a script has met it, it stands in the middle.
        p => error.Message.StartsWith(p, StringComparison.Ordinal) || error.Message.Contains(" -" + p, StringComparison.Ordinal));

    /// <summary>Explains why a put failed; null for a bug. What waiting does not cure is an error: nobody would come to mend it otherwise.</summary>
    public static SluiceException? OfWriting(Exception error, string store, TimeSpan timeout) => error switch
    {
        RedisServerException server when IsPassing(server) => new CacheAwayException(store, $"it has refused an answer: {server.Message}", error),
        RedisServerException server => new SluiceException(ErrorKind.Environment, $"{store} has refused an answer: {server.Message}", HintFor(server.Message), error),
        _ => OfConnection(error, store, timeout),
    };

    /// <summary>Explains why the first connection failed: wrong credentials are not waited for.</summary>
    public static SluiceException OfConnecting(Exception error, string store, TimeSpan timeout)
    {
        var failures = Causes(error).OfType<RedisConnectionException>().ToList();
        if (failures.Exists(f => f.FailureType == ConnectionFailureType.AuthenticationFailure))
        {
            return new SluiceException(ErrorKind.Credentials, $"{store} has refused the user or the password, or wants one", "docs/cache.md says which environment variables hold them", error);
        }

        return OfConnection(error, store, timeout) ?? new CacheAwayException(store, "it cannot be connected to", error);
    }

    /// <summary>Explains that something which is no answer has the name of one.</summary>
    public static SluiceException OfForeign(string store, string name, RedisServerException error) => new(
        ErrorKind.Environment,
        $"{store}: what is stored under `{name}` is none of our answers, and is in the way of one: {error.Message}",
        $"`redis-cli type {name}` shows what it is; delete or rename it there, or choose another `cache.redis.prefix`, then run the same command again",
        error);

    /// <summary>Tells whether a command has met a value of another kind.</summary>
    public static bool IsForeign(RedisServerException error) => error.Message.Contains("WRONGTYPE", StringComparison.Ordinal);

    private static CacheAwayException? OfConnection(Exception error, string store, TimeSpan timeout) => error switch
    {
        RedisTimeoutException => new CacheAwayException(store, $"no answer within {timeout.TotalSeconds:0.#} s", error),
        RedisConnectionException connection => new CacheAwayException(store, Words(connection), error),
        _ => null,
    };

    private static string Words(RedisConnectionException error) =>
        Causes(error).OfType<SocketException>().LastOrDefault()?.Message ?? error.FailureType switch
        {
            ConnectionFailureType.AuthenticationFailure => "it has refused the user or the password",
            ConnectionFailureType.SocketClosed or ConnectionFailureType.SocketFailure => "the connection was lost",
            _ => "there is no connection",
        };

    private static string HintFor(string message) =>
        message.Contains("NOPERM", StringComparison.Ordinal) ? "docs/cache.md says what the user must be allowed to do" :
        message.StartsWith("NOAUTH", StringComparison.Ordinal) || message.StartsWith("WRONGPASS", StringComparison.Ordinal) ? "docs/cache.md says which environment variables hold user and password" :
        message.StartsWith("MOVED", StringComparison.Ordinal) || message.StartsWith("CROSSSLOT", StringComparison.Ordinal) ? "a Redis Cluster cannot hold the cache: use a single server" :
        "those are the server's words; mend that, then run the same command again";

    private static IEnumerable<Exception> Causes(Exception? error)
    {
        if (error is AggregateException many)
        {
            return many.InnerExceptions.SelectMany(Causes);
        }

        return error is null ? [] : Causes(error.InnerException).Prepend(error);
    }
}
