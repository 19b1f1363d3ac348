using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Dispatch.Live;
using Sluice.Experiments;
using Sluice.Requests;
using Sluice.Tests.Caching;

namespace Sluice.Tests.Dispatch.Live;

/// <summary>Live answers and a store that cannot take them: what is paid for is kept, nothing more is paid for, and it is over when storing works again.</summary>
public sealed class LiveStorageTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-live-storage-").FullName;
    private readonly FlakyStore _store;
    private readonly Remarks _remarks = new();

    public LiveStorageTests() => _store = new FlakyStore(_fixture.Cache);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private string Buffer => Path.Combine(_folder, "buffer");

    public async ValueTask DisposeAsync()
    {
        await _fixture.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task One_full_disk_does_not_stop_calls_of_a_later_healthy_moment()
    {
        await using OutageBufferedCache cache = Buffered();
        using LiveDispatcher dispatcher = Dispatcher(cache);
        _store.PutTrouble = Full();

        Assert.NotNull((await SendAsync(dispatcher, 1)).Response);
        SluiceException error = await Assert.ThrowsAnyAsync<SluiceException>(() => SendAsync(dispatcher, 2));
        Assert.Equal("the disk is full", error.Message);
        Assert.Contains(Buffer, error.Hint, StringComparison.Ordinal);
        Assert.Equal(1, _fixture.Provider.CountOf("send"));

        _store.PutTrouble = null;
        Assert.NotNull((await SendAsync(dispatcher, 2)).Response);
        Assert.Equal(2, _fixture.Provider.CountOf("send"));
        var found = new CachedResponse?[2];
        await _fixture.Cache.GetAsync(new[] { _fixture.Request(1).Key, _fixture.Request(2).Key }, found, cancellationToken: Token);
        Assert.All(found, Assert.NotNull);
        // Nothing was lost, and nobody is told so.
        using var next = _fixture.OpenRival();
        Assert.Equal(0, next.SweepDead(_fixture.SpoolFolder));
    }

    [Fact]
    public async Task While_the_store_is_away_no_call_begins_and_those_under_way_are_kept()
    {
        await using OutageBufferedCache cache = Buffered();
        using LiveDispatcher dispatcher = Dispatcher(cache);
        _store.IsAway = true;
        await cache.PutAsync([TemporaryCache.Entry(77, "makes it known")], cancellationToken: Token);

        Task<DispatchResult> waiting = SendAsync(dispatcher, 1);
        await _remarks.SaidAsync("is away");
        Assert.Equal((false, 0), (waiting.IsCompleted, _fixture.Provider.CountOf("send")));

        _store.IsAway = false;
        while (!waiting.IsCompleted)
        {
            _fixture.Time.Advance(TimeSpan.FromSeconds(1));
            await Task.Yield();
        }

        Assert.NotNull((await waiting).Response);
        Assert.Equal(1, _fixture.Provider.CountOf("send"));
    }

    [Fact]
    public async Task An_answer_that_no_place_took_is_stored_when_the_store_takes_answers_again()
    {
        await File.WriteAllTextAsync(Buffer, "a file where the folder would be", Token);
        await using OutageBufferedCache cache = Buffered();
        using LiveDispatcher dispatcher = Dispatcher(cache);
        _store.PutTrouble = Full();
        SluiceException lost = await Assert.ThrowsAnyAsync<SluiceException>(() => SendAsync(dispatcher, 1));
        Assert.Contains("how many calls under way were lost", lost.Hint, StringComparison.Ordinal);
        // It is paid for, and counts as such; the cache has not got it, and so cannot lose it.
        Assert.Single(_fixture.Events.OfType<LiveSettled>());
        Assert.Equal(0, _fixture.Ledger.KeptLiveAnswers(default));

        _store.PutTrouble = null;
        while (await _fixture.Time.ArmedAsync(Token))
        {
            // What has waited until now does not count.
        }

        Assert.NotNull((await AtOnceAsync(2)).Response);
        Assert.NotNull((await AtOnceAsync(1)).Response);
        Assert.Equal(2, _fixture.Provider.CountOf("send"));
        using var next = _fixture.OpenRival();
        Assert.Equal(0, next.SweepDead(_fixture.SpoolFolder));

        // Not polled for ever, as a call of another process would be.
        async Task<DispatchResult> AtOnceAsync(int number)
        {
            Task<DispatchResult> sending = SendAsync(dispatcher, number);
            while (!sending.IsCompleted)
            {
                Assert.False(await _fixture.Time.ArmedAsync(Token), "it is waited for");
            }

            return await sending;
        }
    }

    [Fact]
    public async Task Where_no_place_takes_an_answer_no_more_calls_are_made_than_were_under_way()
    {
        await File.WriteAllTextAsync(Buffer, "a file where the folder would be", Token);
        await using OutageBufferedCache cache = Buffered();
        using LiveDispatcher dispatcher = Dispatcher(cache);
        _store.PutTrouble = Full();

        var calls = Enumerable.Range(0, 50).Select(i => SendAsync(dispatcher, i)).ToList();
        foreach (Task<DispatchResult> call in calls)
        {
            await Assert.ThrowsAnyAsync<SluiceException>(() => call);
        }

        Assert.InRange(_fixture.Provider.CountOf("send"), 1, 4);
    }

    [Fact]
    public async Task Only_answers_that_are_stored_to_stay_count_as_kept()
    {
        using LiveDispatcher dispatcher = Dispatcher(_fixture.Cache);
        using var memory = new LiveDispatcher(_fixture.Ledger, _fixture.Cache, _fixture.Time, _fixture.Events.Enqueue, () => 0) { KeepsAnswers = false };
        await SendAsync(dispatcher, 1);
        await SendAsync(memory, 2);
        await dispatcher.DispatchAsync(_fixture.Request(3) with { Caching = new CachePolicy { Write = false } }, new DispatchTally(), Token);
        // The second look finds it in the cache: nothing is paid for.
        await SendAsync(dispatcher, 1);

        Assert.Equal((3, 1L), (_fixture.Provider.CountOf("send"), _fixture.Ledger.KeptLiveAnswers(default)));
    }

    private static SluiceException Full() => new(ErrorKind.Environment, "the disk is full", "free some space and run the same command again: it goes on from what is stored");

    private OutageBufferedCache Buffered() => new(_store, Buffer, _remarks.Add, _fixture.Time);

    private LiveDispatcher Dispatcher(IResponseCache cache) => new(_fixture.Ledger, cache, _fixture.Time, _fixture.Events.Enqueue, () => 0);

    private Task<DispatchResult> SendAsync(LiveDispatcher dispatcher, int number) => dispatcher.DispatchAsync(_fixture.Request(number), new DispatchTally(), Token).AsTask();
}
