using Sluice.Caching;
using Sluice.Experiments;
using Sluice.Requests;
using Sluice.Sweeps;

namespace Sluice.Cli;

/// <summary>The cache of a workspace: which store it is in, what stands before and beside it.</summary>
internal sealed class WorkspaceCache(Workspace workspace, TimeProvider time) : IAsyncDisposable
{
    /// <summary>From then on answers are kept beside a store that another process has locked, where a kill cannot take them.</summary>
    private static readonly TimeSpan LockWait = TimeSpan.FromSeconds(5);

    private readonly CacheStores _stores = new(workspace, time);
    private CacheSettings? _settings;
    private RedisResponseCache? _redis;
    private IResponseCache? _cache;
    private ShadowResponseCache? _shadow;
    private TimeSpan? _redisExpiry;

    /// <summary>Gets what a comparison of two stores has shown, or null when there is none.</summary>
    public ShadowReport? Shadow => _shadow?.Report;

    private CacheSettings Settings => _settings ??= Complete(new CacheSettings());

    /// <summary>Takes over what the experiments of a sweep say; they must agree.</summary>
    /// <exception cref="SluiceException">They do not.</exception>
    public void Use(IReadOnlyList<ExperimentPlan> plans)
    {
        var experiments = plans.Select(p => p.Experiment).ToList();
        if (experiments.FirstOrDefault(e => e.Cache.Stores != experiments[0].Cache.Stores) is { } other)
        {
            throw new SluiceException(ErrorKind.Usage, $"{experiments[0].Source} and {other.Source} want different caches", "give backend, tiers, shadow and redis of `cache` the same values in all configs of a sweep, or run them one after the other");
        }

        _settings = Complete(experiments[0].Cache.Stores);
        // Redis may forget what no experiment would take any more.
        _redisExpiry = experiments.All(e => e.Cache.Expiry is not null) ? experiments.Max(e => e.Cache.Expiry) : null;
    }

    /// <summary>Opens the cache for a sweep that sends: a workspace that has its answers in another store must not pay for them again.</summary>
    /// <exception cref="SluiceException">The store lacks answers that the workspace has in another one.</exception>
    public async Task<IResponseCache> OpenAsync(bool sends, CancellationToken cancellationToken)
    {
        var cache = Get();
        if (sends)
        {
            await RequireNoEvictionAsync(cancellationToken).ConfigureAwait(false);
        }

        if (!sends || Settings.Backend is CacheSettings.Memory)
        {
            return cache;
        }

        CacheRecord.DropLeftovers(workspace.CacheRecordPath, time);
        var remembered = _stores.Record();
        foreach (var before in (remembered is null ? _stores.Filled() : [remembered]).Where(b => !IsSame(b, Settings)))
        {
            await RequireAllAsync(cache, before, cancellationToken).ConfigureAwait(false);
        }

        // Written for SQLite too: a copy in another store that comes later must not raise the question which one is meant.
        if (remembered is null || !IsSame(remembered, Settings))
        {
            CacheRecord.Write(workspace.CacheRecordPath, Settings);
        }

        return cache;
    }

    /// <summary>Returns the cache as it is, made when there is none.</summary>
    public IResponseCache Get()
    {
        if (_cache is not null)
        {
            return _cache;
        }

        if (Settings.Backend == CacheSettings.Memory)
        {
            return _cache = Memory();
        }

        workspace.Prepare();
        _cache = Store(Settings.Backend!);
        _redis = _cache as RedisResponseCache;
        _cache = _stores.Buffered((ICacheStore)_cache);
        if (Settings.Shadow is { } shadow)
        {
            _cache = WithShadow(_cache, shadow);
        }

        if (Settings.MemoryFirst)
        {
            _cache = new TieredResponseCache(Memory(), _cache);
        }

        return _cache;
    }

    /// <summary>Returns the cache if the workspace has one, else an empty one: looking must not make one.</summary>
    public IResponseCache GetExisting() => _cache is not null || IsThere(Settings) ? Get() : EmptyCache.Instance;

    /// <summary>Opens the store itself for a look, without waiting where it is away; an empty one when there is none.</summary>
    public IResponseCache Peek() => Settings.Backend == CacheSettings.Memory ? Memory() : IsThere(Settings) ? _stores.Peek() : EmptyCache.Instance;

    /// <summary>Opens the store when it is not SQLite, which has a doctor of its own; else null.</summary>
    public ICacheStore? OpenOtherStore() => Settings.Backend != CacheSettings.Sqlite && IsThere(Settings) ? _stores.Open(location: null) : null;

    public ValueTask DisposeAsync() => _cache?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static bool IsSame(CacheSettings one, CacheSettings other) =>
        one.Backend == other.Backend && (one.Backend != CacheSettings.Redis || (one.RedisUrl == other.RedisUrl && one.RedisPrefix == other.RedisPrefix));

    private MemoryResponseCache Memory() => new(Settings.MemoryMb * 1_000_000L, time);

    private ICacheStore Store(string backend) => _stores.Open(CacheLocation.Of(Settings with { Backend = backend }), Settings.Compress, _redisExpiry, LockWait);

    /// <summary>Refuses a Redis that throws answers away when it is full. One that is away now cannot be asked; the run itself notices answers that are gone.</summary>
    private async Task RequireNoEvictionAsync(CancellationToken cancellationToken)
    {
        try
        {
            if (_redis is not null && await _redis.FindEvictionAsync(cancellationToken).ConfigureAwait(false) is { } problem)
            {
                throw new SluiceException(ErrorKind.Environment, $"{_redis.Name} cannot hold the cache: {problem}", RedisAccess.KeepAdvice);
            }
        }
        catch (CacheAwayException)
        {
            // It is waited for, once there is something to look up.
        }
    }

    /// <summary>Looks whether the store has every answer that the one before it has; once, when a workspace changes over.</summary>
    private async Task RequireAllAsync(IResponseCache cache, CacheSettings before, CancellationToken cancellationToken)
    {
        if (!IsThere(before))
        {
            return;
        }

        var store = _stores.Open(CacheLocation.Of(before));
        await using var _ = store.ConfigureAwait(false);
        var keys = new List<RequestKey>(CacheEntry.GroupSize);
        await foreach (var entry in store.ListAsync(CacheFilter.All, withBodies: false, cancellationToken).ConfigureAwait(false))
        {
            keys.Add(entry.Key);
            if (keys.Count == CacheEntry.GroupSize)
            {
                await RequireAsync().ConfigureAwait(false);
            }
        }

        await RequireAsync().ConfigureAwait(false);

        async Task RequireAsync()
        {
            var found = new CachedResponse?[keys.Count];
            await cache.GetAsync(keys.ToArray(), found, cancellationToken: cancellationToken).ConfigureAwait(false);
            keys.Clear();
            if (Array.Exists(found, f => f is null))
            {
                var (from, to) = (_stores.Spell(CacheLocation.Of(before)), _stores.Spell(CacheLocation.Of(Settings)));
                throw new SluiceException(
                    ErrorKind.Usage,
                    $"the answers of this workspace are in {from}, and {to} does not have all of them: they would be paid for again",
                    $"`sluice cache copy --from {from} --to {to}` brings them over; or take another workspace with --workspace");
            }
        }
    }

    /// <summary>What goes wrong with the store on trial is never in the way.</summary>
    private IResponseCache WithShadow(IResponseCache cache, string shadow)
    {
        try
        {
            return _shadow = new ShadowResponseCache(cache, Store(shadow), Terminal.Warning);
        }
        catch (SluiceException error)
        {
            Terminal.Warning($"the shadow cache is left out: {error.Message}");
            return cache;
        }
    }

    private bool IsThere(CacheSettings settings) => settings.Backend != CacheSettings.Memory && _stores.IsThere(CacheLocation.Of(settings));

    /// <summary>What a config leaves open is what the workspace has used so far, as it remembers or as its files show.</summary>
    private CacheSettings Complete(CacheSettings settings)
    {
        var before = settings.Backend is null ? _stores.Own() : _stores.Record();
        return settings with
        {
            Backend = settings.Backend ?? before?.Backend ?? CacheSettings.Sqlite,
            RedisUrl = settings.RedisUrl ?? before?.RedisUrl,
            RedisPrefix = settings.RedisPrefix ?? before?.RedisPrefix ?? CacheSettings.UsualRedisPrefix,
        };
    }
}
