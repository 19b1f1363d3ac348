namespace Sluice.Caching;

/// <summary>Which stores make up the cache of a sweep; what is null is what the workspace has used so far, or the default.</summary>
public sealed record CacheSettings
{
    /// <summary>The names of the stores that can hold the cache of a workspace.</summary>
    public const string Sqlite = "sqlite", Jsonl = "jsonl", Redis = "redis", Memory = "memory";

    /// <summary>What the names of keys in Redis begin with where nobody says it.</summary>
    public const string UsualRedisPrefix = "sluice";

    /// <summary>Gets the store: <c>sqlite</c>, <c>jsonl</c>, <c>redis</c> or <c>memory</c>.</summary>
    public string? Backend { get; init; }

    /// <summary>Gets whether answers that were used lately are kept in memory too, before the store.</summary>
    public bool MemoryFirst { get; init; }

    /// <summary>Gets how much memory the cache in memory may take, in MB (10^6 bytes).</summary>
    public int MemoryMb { get; init; } = 256;

    /// <summary>Gets whether SQLite compresses answers as they come; <c>sluice cache compact</c> does it later in any case.</summary>
    public bool Compress { get; init; }

    /// <summary>Gets a second store that is written too and compared with, or null.</summary>
    public string? Shadow { get; init; }

    /// <summary>Gets where Redis is, as <c>redis://HOST:PORT/DATABASE</c>, or <c>rediss://</c> for TLS; null: the environment says it. Never a password.</summary>
    public string? RedisUrl { get; init; }

    /// <summary>Gets what the names of all keys in Redis begin with; null: what the workspace has used so far, or <see cref="UsualRedisPrefix"/>.</summary>
    public string? RedisPrefix { get; init; }
}
