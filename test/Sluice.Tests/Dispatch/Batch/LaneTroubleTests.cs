using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch.Batch;

/// <summary>A process that lives on after something went wrong while requests were spooled: no claim is left without a line, and no lane keeps the trouble of another.</summary>
public sealed class LaneTroubleTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();
    private readonly List<Intent> _sealed = [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    private BatchDispatcher Dispatcher(IResponseCache? cache = null) =>
        new(_fixture.Ledger, cache ?? _fixture.Cache, _fixture.SpoolFolder, _sealed.Add);

    private async Task DispatchAsync(BatchDispatcher dispatcher, params int[] numbers)
    {
        foreach (int number in numbers)
        {
            await dispatcher.DispatchAsync(_fixture.Request(number), new DispatchTally(), Token);
        }
    }

    [Fact]
    public async Task What_was_claimed_when_the_second_look_failed_is_sent_with_the_next_attempt()
    {
        var cache = new TroubledCache(_fixture.Cache);
        using BatchDispatcher dispatcher = Dispatcher(cache);
        await DispatchAsync(dispatcher, 1, 2);

        await Assert.ThrowsAsync<SluiceException>(() => dispatcher.FlushAsync(Token));
        Assert.Equal(Standing.New, _fixture.Ledger.Find(_fixture.Request(1).Key).Standing);

        cache.IsWell = true;
        await DispatchAsync(dispatcher, 3);
        await dispatcher.FlushAsync(Token);

        Assert.Equal(3, Assert.Single(_sealed).Count);
        Assert.Equal(3, File.ReadAllLines(Assert.Single(_fixture.Spools)).Length);
    }

    [Fact]
    public async Task One_callers_impatience_takes_nothing_from_the_others()
    {
        var cache = new TroubledCache(_fixture.Cache) { IsWell = true };
        using BatchDispatcher dispatcher = Dispatcher(cache);
        await DispatchAsync(dispatcher, 1, 2);
        using var impatient = new CancellationTokenSource();
        cache.OnLook = impatient.Cancel;

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => dispatcher.FlushAsync(impatient.Token));
        cache.OnLook = () => { };
        await dispatcher.FlushAsync(Token);

        Assert.Equal(2, Assert.Single(_sealed).Count);
    }

    [Fact]
    public async Task A_spool_that_cannot_be_described_gives_its_claims_back_while_the_process_lives()
    {
        using BatchDispatcher dispatcher = Dispatcher();
        await DispatchAsync(dispatcher, [.. Enumerable.Range(0, 2100)]);
        // A folder stands where the description would be written.
        Directory.CreateDirectory(Path.ChangeExtension(Assert.Single(_fixture.Spools), ".json"));

        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => dispatcher.FlushAsync(Token));

        Assert.Equal(ErrorKind.Environment, error.Kind);
        Assert.Contains("cannot write", error.Message, StringComparison.Ordinal);
        Assert.Empty(_fixture.Ledger.Open());
        Assert.Equal(Standing.New, _fixture.Ledger.Find(_fixture.Request(1).Key).Standing);
        Directory.Delete(_fixture.SpoolFolder, recursive: true);
        await DispatchAsync(dispatcher, 1, 2);
        await dispatcher.FlushAsync(Token);
        Assert.Equal(2, Assert.Single(_sealed).Count);
    }

    [Fact]
    public async Task A_lane_without_a_key_keeps_no_other_from_being_sealed()
    {
        var keyless = new KeylessProvider();
        using BatchDispatcher dispatcher = Dispatcher();
        await DispatchAsync(dispatcher, 1);
        Request request = _fixture.Request(2) with { Route = new Route(keyless, "m", null) };
        await Assert.ThrowsAsync<SluiceException>(() => dispatcher.DispatchAsync(request, new DispatchTally(), Token).AsTask());

        await dispatcher.FlushAsync(Token);

        Assert.Equal(1, Assert.Single(_sealed).Count);
        keyless.HasKey = true;
        await dispatcher.DispatchAsync(request, new DispatchTally(), Token);
        await dispatcher.FlushAsync(Token);
        Assert.Equal(2, _sealed.Count);
    }

    /// <summary>A cache that cannot be read until it is well.</summary>
    private sealed class TroubledCache(IResponseCache inner) : IResponseCache
    {
        public bool IsWell { get; set; }

        public Action OnLook { get; set; } = () => { };

        public ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> found, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default)
        {
            OnLook();
            cancellationToken.ThrowIfCancellationRequested();
            return IsWell ? inner.GetAsync(keys, found, notBefore, cancellationToken) : throw new SluiceException(ErrorKind.Environment, "the cache is not well");
        }

        public ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default) => inner.PutAsync(entries, notBefore, cancellationToken);

        public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => inner.IsEmptyAsync(cancellationToken);

        public ValueTask SyncAsync(CancellationToken cancellationToken = default) => inner.SyncAsync(cancellationToken);

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    /// <summary>An account whose key is missing until it is set.</summary>
    private sealed class KeylessProvider : IProvider
    {
        private readonly ScriptedProvider _inner = new();

        public bool HasKey { get; set; }

        public ProviderReference Reference => _inner.Reference;

        public string Account => "scripted@elsewhere#0";

        public IDialect Dialect => _inner.Dialect;

        public IBatchApi? Batch => _inner.Batch;

        public ILiveApi Live => _inner.Live;

        public bool IsSimulator => false;

        public string? KeyVariable => "KEY";

        public void EnsureCredentials()
        {
            if (!HasKey)
            {
                throw new SluiceException(ErrorKind.Credentials, "no key");
            }
        }
    }
}
