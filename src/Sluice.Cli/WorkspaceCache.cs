using Sluice.Caching;
using Sluice.Experiments;
using Sluice.Sweeps;

namespace Sluice.Cli;

/// <summary>The cache of a workspace: which store it is in, what stands before and beside it.</summary>
internal sealed class WorkspaceCache(Workspace workspace, TimeProvider time) : IAsyncDisposable
{
    private readonly CacheStores _stores = new(workspace, time);
    private CacheSettings? _settings;
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
    /// <exception cref="SluiceException">The store is empty, and another one is not.</exception>
    public async Task<IResponseCache> OpenAsync(bool sends, CancellationToken cancellationToken)
    {
        var cache = Get();
        var before = CacheRecord.Read(workspace.CacheRecordPath) ?? new CacheSettings { Backend = CacheSettings.Sqlite };
        if (!sends || Settings.Backend is CacheSettings.Memory || IsSame(before, Settings))
        {
            return cache;
        }

        if (await cache.IsEmptyAsync(cancellationToken).ConfigureAwait(false) && await HasAnswersAsync(before, cancellationToken).ConfigureAwait(false))
        {
            throw new SluiceException(
                ErrorKind.Usage,
                $"the answers of this workspace are in {before.Backend}, and {Settings.Backend} is empty: everything would be paid for again",
                $"`sluice cache copy --from {before.Backend} --to {Settings.Backend}` brings them over; or take another workspace with --workspace");
        }

        CacheRecord.Write(workspace.CacheRecordPath, Settings);
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
        if (Settings.Backend == CacheSettings.Redis)
        {
            _cache = new PatientResponseCache((ICacheStore)_cache, workspace.CacheAwayFolder, Terminal.Warning, time);
        }

        if (Settings.Shadow is { } shadow)
        {
            _cache = _shadow = new ShadowResponseCache(_cache, Store(shadow), Terminal.Warning);
        }

        if (Settings.MemoryFirst)
        {
            _cache = new TieredResponseCache(Memory(), _cache);
        }

        return _cache;
    }

    /// <summary>Returns the cache if the workspace has one, else an empty one: looking must not make one.</summary>
    public IResponseCache GetExisting() => _cache is not null || IsThere(Settings) ? Get() : EmptyCache.Instance;

    /// <summary>Opens the store itself, without waiting where it is away, for a look; null when there is none.</summary>
    public ICacheStore? OpenStore() => Settings.Backend != CacheSettings.Memory && IsThere(Settings) ? Store(Settings.Backend!) : null;

    public ValueTask DisposeAsync() => _cache?.DisposeAsync() ?? ValueTask.CompletedTask;

    private static bool IsSame(CacheSettings one, CacheSettings other) =>
        one.Backend == other.Backend && (one.Backend != CacheSettings.Redis || (one.RedisUrl == other.RedisUrl && one.RedisPrefix == other.RedisPrefix));

    private MemoryResponseCache Memory() => new(Settings.MemoryMb * 1_000_000L, time);

    private ICacheStore Store(string backend) => _stores.Open(CacheLocation.Of(Settings with { Backend = backend }), Settings.Compress, _redisExpiry);

    private async Task<bool> HasAnswersAsync(CacheSettings settings, CancellationToken cancellationToken)
    {
        if (!IsThere(settings))
        {
            return false;
        }

        var store = _stores.Open(CacheLocation.Of(settings));
        await using var _ = store.ConfigureAwait(false);
        return !await store.IsEmptyAsync(cancellationToken).ConfigureAwait(false);
    }

    private bool IsThere(CacheSettings settings) => settings.Backend != CacheSettings.Memory && _stores.IsThere(CacheLocation.Of(settings));

    /// <summary>What a config leaves open is what the workspace has used so far.</summary>
    private CacheSettings Complete(CacheSettings settings)
    {
        if (settings.Backend is not null)
        {
            return settings;
        }

        var before = CacheRecord.Read(workspace.CacheRecordPath);
        return settings with { Backend = before?.Backend ?? CacheSettings.Sqlite, RedisUrl = settings.RedisUrl ?? before?.RedisUrl, RedisPrefix = before?.RedisPrefix ?? settings.RedisPrefix };
    }
}
