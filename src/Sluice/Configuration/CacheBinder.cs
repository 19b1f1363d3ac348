using System.Globalization;
using Sluice.Caching;
using Sluice.Experiments;

namespace Sluice.Configuration;

/// <summary>Binds <c>cache</c>.</summary>
internal static class CacheBinder
{
    private static readonly CacheSettings Defaults = new();

    /// <summary>Gives the options.</summary>
    /// <param name="experiment">The experiment's fields.</param>
    /// <param name="batchMode">Whether it goes through a Batch API, whose answers have to be kept.</param>
    public static CacheOptions Bind(MappingBinder experiment, bool batchMode)
    {
        if (experiment.Mapping("cache", ExperimentFields.Cache) is not { } binder)
        {
            return new CacheOptions();
        }

        binder.RefuseUnknown();
        var options = new CacheOptions
        {
            Scope = Scope(binder),
            Read = binder.Boolean("read", fallback: true),
            Write = binder.Boolean("write", fallback: true),
            Expiry = Expiry(binder),
            NotBefore = NotBefore(binder),
            StoreRequests = binder.Boolean("store_requests", fallback: false),
            LegacyKeys = binder.Boolean("legacy_keys", fallback: true),
            Stores = Stores(binder),
        };
        if (batchMode && !options.Write)
        {
            binder.Mistake("write", "a batch's answers come when nobody waits for them, and have to be kept", "keep it true, or set batch_mode: false");
        }

        if (batchMode && options.Stores.Backend == CacheSettings.Memory)
        {
            binder.Mistake("backend", "a batch's answers come when nobody waits for them, and have to outlive the command", "take sqlite, jsonl or redis, or set batch_mode: false");
        }

        return options;
    }

    private static string? Scope(MappingBinder binder)
    {
        var scope = binder.Text("scope");
        if (scope is not null && (scope.Length > 100 || scope.Any(char.IsControl)))
        {
            binder.Mistake("scope", $"{Say.Quoted(scope)} is no name: expected 1 to 100 characters on one line");
        }

        return scope;
    }

    private static TimeSpan? Expiry(MappingBinder binder)
    {
        if (binder.Text("expiry") is not { } text)
        {
            return null;
        }

        if (!Age.TryParse(text, out var age) || age == TimeSpan.Zero)
        {
            binder.Mistake("expiry", $"{Say.Quoted(text)} is no age; expected {Age.Expected}", "a refresh of everything is `--refresh`");
            return null;
        }

        return age;
    }

    private static DateTimeOffset? NotBefore(MappingBinder binder)
    {
        if (binder.Text("not_before") is not { } text)
        {
            return null;
        }

        if (!DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal | DateTimeStyles.AdjustToUniversal, out var time))
        {
            binder.Mistake("not_before", $"{Say.Quoted(text)} is no time; expected one such as 2026-11-24 or 2026-11-24T12:00:00Z");
            return null;
        }

        return time;
    }

    private static CacheSettings Stores(MappingBinder binder)
    {
        var (backend, isMemoryFirst) = Backend(binder);
        var redis = binder.Mapping("redis", ExperimentFields.Redis);
        redis?.RefuseUnknown();
        var settings = new CacheSettings
        {
            Backend = backend,
            MemoryFirst = isMemoryFirst,
            MemoryMb = (int)(binder.Integer("memory_mb", 1, 1_000_000) ?? Defaults.MemoryMb),
            Compress = binder.Boolean("compress", Defaults.Compress),
            Shadow = binder.OneOf("shadow", ExperimentFields.Stores, "store"),
            RedisUrl = redis is null ? null : RedisUrl(redis),
            RedisPrefix = redis?.Text("prefix"),
        };
        if (settings.Shadow is { } shadow && shadow == (backend ?? CacheSettings.Sqlite))
        {
            binder.Mistake("shadow", $"{Say.Quoted(shadow)} is the store itself", "name the other one that is to be compared");
        }

        if (settings.RedisPrefix is { } prefix && (prefix.Length is 0 or > 100 || prefix.Any(c => char.IsControl(c) || "*?[]\\".Contains(c, StringComparison.Ordinal))))
        {
            redis!.Mistake("prefix", $"{Say.Quoted(prefix)} cannot be one: expected 1 to 100 characters without * ? [ ] \\");
        }

        return settings;
    }

    private static (string? Backend, bool IsMemoryFirst) Backend(MappingBinder binder)
    {
        var backend = binder.OneOf("backend", [.. ExperimentFields.Stores, CacheSettings.Memory], "store");
        if (binder.Sequence("tiers") is not { } tiers)
        {
            return (backend, false);
        }

        var names = tiers.Items.Select(item => (item as ConfigScalar)?.Text).ToList();
        switch (names)
        {
            case [CacheSettings.Memory, { } store] when ExperimentFields.Stores.Contains(store):
                return Agreed(store, isMemoryFirst: true);
            case [{ } store] when ExperimentFields.Stores.Contains(store):
                return Agreed(store, isMemoryFirst: false);
            default:
                binder.Mistake("tiers", tiers, $"expected memory and then one store, such as [memory, sqlite], found [{string.Join(", ", names.Select(n => n ?? "?"))}]", $"stores: {Say.OneOf(ExperimentFields.Stores)}");
                return (backend, false);
        }

        (string?, bool) Agreed(string store, bool isMemoryFirst)
        {
            if (backend is not null && backend != store)
            {
                binder.Mistake("backend", $"{Say.Quoted(backend)} is not the last of the tiers, {Say.Quoted(store)}", "leave one of them out");
            }

            return (store, isMemoryFirst);
        }
    }

    private static string? RedisUrl(MappingBinder redis)
    {
        var url = redis.Text("url");
        if (url is null)
        {
            return null;
        }

        if (!Uri.TryCreate(url, UriKind.Absolute, out var address) || address.Scheme is not ("redis" or "rediss") || address.Host.Length == 0)
        {
            redis.Mistake("url", "it is no address of Redis; expected one such as redis://localhost:6379/0, or rediss:// for TLS");
            return null;
        }

        if (address.UserInfo.Length > 0)
        {
            // Configs are shared and stored beside results.
            redis.Mistake("url", "a user or a password does not belong into a config", "set SLUICE_REDIS_USER and SLUICE_REDIS_PASSWORD");
            return null;
        }

        return url;
    }
}
