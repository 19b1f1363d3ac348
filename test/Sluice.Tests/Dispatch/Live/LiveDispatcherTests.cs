using System.Text;
using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Dispatch.Live;
using Sluice.Experiments;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch.Live;

public sealed class LiveDispatcherTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();

    private LiveOptions _limits = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ScriptedProvider Provider => _fixture.Provider;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    private LiveDispatcher Dispatcher(int concurrency = 4, int maxAttempts = 3, double random = 0)
    {
        _limits = new LiveOptions { Concurrency = concurrency, MaxAttempts = maxAttempts };
        return new(_fixture.Ledger, _fixture.Cache, _fixture.Time, _fixture.Events.Enqueue, () => random);
    }

    private DispatchTally Tally(bool retryFailed = false) => new() { Live = _limits, RetryFailed = retryFailed };

    /// <summary>Moves the clock whenever somebody waits for it, until the work is done; returns how long that took on the clock.</summary>
    private async Task<TimeSpan> DriveAsync(Task work, double step = 0.05)
    {
        DateTimeOffset began = _fixture.Time.GetUtcNow();
        for (int idle = 0; !work.IsCompleted;)
        {
            if (await _fixture.Time.ArmedAsync(Token))
            {
                // One timer at a time: to its end and no further.
                while (!work.IsCompleted && _fixture.Time.HasWaiters)
                {
                    _fixture.Time.Advance(TimeSpan.FromSeconds(step));
                    await Task.Yield();
                }
            }
            else
            {
                Assert.True(++idle < 60_000, "nothing happens");
            }
        }

        return _fixture.Time.GetUtcNow() - began;
    }

    private Task<DispatchResult> SendAsync(LiveDispatcher dispatcher, int number, DispatchTally? tally = null) =>
        dispatcher.DispatchAsync(_fixture.Request(number), tally ?? Tally(), Token).AsTask();

    private static string Text(DispatchResult result) => Encoding.UTF8.GetString(result.Response!.Body.Span);

    [Fact]
    public async Task An_answer_is_stored_before_it_is_returned()
    {
        using LiveDispatcher dispatcher = Dispatcher();
        var tally = Tally();

        DispatchResult result = await SendAsync(dispatcher, 1, tally);

        Assert.Equal(ScriptedProvider.Body("live"), Text(result));
        Assert.False((await _fixture.GetAsync(_fixture.Request(1).Key))!.IsBatch);
        Assert.Equal((1, 1), (tally.Sent, Provider.CountOf("send")));
        Assert.Equal(new ModelUsage(_fixture.Request(1).Body.Length, 3, 2, 1), _fixture.Ledger.UsageOf("m"));
        Assert.False(Assert.Single(_fixture.Events.OfType<LiveSettled>()).Failed);
    }

    [Fact]
    public async Task What_the_cache_has_is_not_sent()
    {
        using LiveDispatcher dispatcher = Dispatcher();
        await _fixture.PutAsync(_fixture.Request(1).Key, "cached");

        Assert.Equal(ScriptedProvider.Body("cached"), Text(await SendAsync(dispatcher, 1)));
        Assert.Equal(0, Provider.CountOf("send"));
    }

    [Fact]
    public async Task What_a_batch_has_is_waited_for()
    {
        await _fixture.SpoolAsync(1);
        using LiveDispatcher dispatcher = Dispatcher();
        var tally = Tally();

        Assert.Equal(DispatchResult.Pending, await SendAsync(dispatcher, 0, tally));
        Assert.Equal(0, Provider.CountOf("send"));
        Assert.Equal([_fixture.Ledger.Open().Single().Row], tally.WaitingFor());
    }

    [Fact]
    public async Task A_call_that_one_experiment_does_not_make_is_made_for_the_one_that_has_joined()
    {
        var answer = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Provider.OnSend = async (_, _) =>
        {
            if (begun.TrySetResult())
            {
                await answer.Task;
                throw ScriptedProvider.Error(ErrorClass.Permanent, status: 400);
            }

            return ScriptedProvider.Answer("made");
        };
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 1);
        var stops = new DispatchTally { Live = _limits with { StopAfter = 1 } };
        var one = SendAsync(dispatcher, 1, stops);
        await begun.Task.WaitAsync(Token);
        var two = SendAsync(dispatcher, 2, stops);
        var joined = SendAsync(dispatcher, 2);
        answer.SetResult();
        await DriveAsync(Task.WhenAll(one, two, joined));

        Assert.NotNull((await one).Failure);
        Assert.Equal(DispatchResult.Pending, await two);
        Assert.Equal(ScriptedProvider.Body("made"), Text(await joined));
        Assert.Equal(2, Provider.CountOf("send"));
    }

    [Fact]
    public async Task A_transient_failure_is_tried_again_with_growing_waits()
    {
        var times = new List<DateTimeOffset>();
        Provider.OnSend = (_, _) =>
        {
            times.Add(_fixture.Time.GetUtcNow());
            return times.Count < 3 ? throw ScriptedProvider.Error(ErrorClass.Transient, unknown: true, status: 500) : Task.FromResult(ScriptedProvider.Answer("at last"));
        };
        using LiveDispatcher dispatcher = Dispatcher(random: 1);

        Task<DispatchResult> sending = SendAsync(dispatcher, 1);
        await DriveAsync(sending);

        Assert.Equal(ScriptedProvider.Body("at last"), Text(await sending));
        Assert.True(times[1] - times[0] >= TimeSpan.FromSeconds(0.5), $"{times[1] - times[0]}");
        Assert.True(times[2] - times[1] >= TimeSpan.FromSeconds(1), $"{times[2] - times[1]}");
        Assert.Equal(Standing.New, _fixture.Ledger.Find(_fixture.Request(1).Key).Standing);
    }

    [Fact]
    public async Task A_rate_limit_holds_everybody_back_for_as_long_as_asked()
    {
        var times = new List<DateTimeOffset>();
        Provider.OnSend = (_, _) =>
        {
            lock (times)
            {
                times.Add(_fixture.Time.GetUtcNow());
                return times.Count == 1 ? throw ScriptedProvider.Error(ErrorClass.RateLimited, status: 429, retryAfter: TimeSpan.FromSeconds(40)) : Task.FromResult(ScriptedProvider.Answer("ok"));
            }
        };
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 1);

        await DriveAsync(Task.WhenAll(SendAsync(dispatcher, 1), SendAsync(dispatcher, 2), SendAsync(dispatcher, 3)));

        Assert.Equal(4, times.Count);
        Assert.All(times.Skip(1), time => Assert.True(time - times[0] >= TimeSpan.FromSeconds(40), $"{time - times[0]}"));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task When_the_headers_say_that_nothing_is_left_the_next_call_waits_for_the_window(bool tokens)
    {
        var times = new List<DateTimeOffset>();
        Provider.OnSend = (_, _) =>
        {
            times.Add(_fixture.Time.GetUtcNow());
            TimeSpan reset = TimeSpan.FromSeconds(20);
            return Task.FromResult(ScriptedProvider.Answer("ok", tokens ? new RateLimits(5, null, 0, reset) : new RateLimits(0, reset, null, null)));
        };
        using LiveDispatcher dispatcher = Dispatcher();
        await SendAsync(dispatcher, 1);

        await DriveAsync(SendAsync(dispatcher, 2));

        Assert.True(times[1] - times[0] >= TimeSpan.FromSeconds(20), $"{times[1] - times[0]}");
    }

    [Fact]
    public async Task A_failure_for_good_is_recorded_told_and_not_tried_again()
    {
        Provider.OnSend = (_, _) => throw ScriptedProvider.Error(ErrorClass.Permanent, "too long", status: 400);
        using LiveDispatcher dispatcher = Dispatcher();

        DispatchResult result = await SendAsync(dispatcher, 1);

        Assert.Contains("too long", result.Failure, StringComparison.Ordinal);
        Assert.Equal(1, Provider.CountOf("send"));
        Assert.Equal((Standing.Failed, 1), (_fixture.Ledger.Find(_fixture.Request(1).Key).Standing, _fixture.Ledger.Find(_fixture.Request(1).Key).Attempts));
        Assert.Equal(result, await SendAsync(dispatcher, 1));
        Assert.Equal(1, Provider.CountOf("send"));
    }

    [Fact]
    public async Task After_enough_tries_a_request_counts_as_failed()
    {
        Provider.OnSend = (_, _) => throw ScriptedProvider.Error(ErrorClass.Transient, "down", unknown: true, status: 500);
        using LiveDispatcher dispatcher = Dispatcher(maxAttempts: 4);

        Task<DispatchResult> sending = SendAsync(dispatcher, 1);
        await DriveAsync(sending);

        Assert.Contains("down", (await sending).Failure, StringComparison.Ordinal);
        Assert.Equal(4, Provider.CountOf("send"));
    }

    [Fact]
    public async Task A_failure_that_is_sent_again_on_request_and_succeeds_is_forgotten()
    {
        _fixture.Ledger.RecordFailure(_fixture.Request(1).Key, "old", 2);
        using LiveDispatcher dispatcher = Dispatcher();

        DispatchResult result = await SendAsync(dispatcher, 1, Tally(retryFailed: true));

        Assert.NotNull(result.Response);
        Assert.Equal(Standing.New, _fixture.Ledger.Find(_fixture.Request(1).Key).Standing);
    }

    [Theory]
    [InlineData(ErrorClass.Credentials)]
    [InlineData(ErrorClass.Quota)]
    public async Task A_refused_key_or_an_empty_account_ends_the_command_and_fails_no_request(ErrorClass kind)
    {
        Provider.OnSend = (_, _) => throw ScriptedProvider.Error(kind, "pay", status: 401);
        using LiveDispatcher dispatcher = Dispatcher();

        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => SendAsync(dispatcher, 1));

        Assert.Equal(ErrorKind.Credentials, error.Kind);
        Assert.Equal(Standing.New, _fixture.Ledger.Find(_fixture.Request(1).Key).Standing);
        Provider.OnSend = (_, _) => Task.FromResult(ScriptedProvider.Answer("ok"));
        using LiveDispatcher next = Dispatcher();
        Assert.NotNull((await SendAsync(next, 1)).Response);
    }

    [Fact]
    public async Task An_answer_that_is_no_answer_is_tried_again_and_never_stored()
    {
        int calls = 0;
        Provider.OnSend = (_, _) => Task.FromResult(++calls == 1 ? new LiveAnswer("<html>"u8.ToArray(), RateLimits.Unknown) : ScriptedProvider.Answer("ok"));
        using LiveDispatcher dispatcher = Dispatcher();

        Task<DispatchResult> sending = SendAsync(dispatcher, 1);
        await DriveAsync(sending);

        Assert.Equal(ScriptedProvider.Body("ok"), Text(await sending));
        Assert.Equal(ScriptedProvider.Body("ok"), Encoding.UTF8.GetString((await _fixture.GetAsync(_fixture.Request(1).Key))!.Body.Span));
    }

    [Fact]
    public async Task Two_who_ask_for_the_same_share_one_call()
    {
        var answer = new TaskCompletionSource<LiveAnswer>();
        Provider.OnSend = (_, _) => answer.Task;
        using LiveDispatcher dispatcher = Dispatcher();
        Task<DispatchResult> first = SendAsync(dispatcher, 1);
        Task<DispatchResult> second = SendAsync(dispatcher, 1);
        Assert.Equal((false, false), (first.IsCompleted, second.IsCompleted));

        answer.SetResult(ScriptedProvider.Answer("shared"));

        Assert.Equal([ScriptedProvider.Body("shared"), ScriptedProvider.Body("shared")], (await Task.WhenAll(first, second)).Select(Text));
        Assert.Equal(1, Provider.CountOf("send"));
    }

    [Fact]
    public async Task Who_stops_waiting_for_a_shared_call_does_not_end_it()
    {
        var answer = new TaskCompletionSource<LiveAnswer>();
        Provider.OnSend = (_, _) => answer.Task;
        using LiveDispatcher dispatcher = Dispatcher();
        using var impatient = new CancellationTokenSource();
        Task<DispatchResult> first = SendAsync(dispatcher, 1);
        Task<DispatchResult> second = dispatcher.DispatchAsync(_fixture.Request(1), Tally(), impatient.Token).AsTask();

        await impatient.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => second);
        answer.SetResult(ScriptedProvider.Answer("shared"));

        Assert.NotNull((await first).Response);
    }

    [Fact]
    public async Task Never_more_calls_are_under_way_than_allowed()
    {
        int underWay = 0, most = 0;
        var full = new TaskCompletionSource();
        Provider.OnSend = async (_, _) =>
        {
            int now = Interlocked.Increment(ref underWay);
            InterlockedMax(ref most, now);
            if (now == 5)
            {
                full.TrySetResult();
            }

            // The first ones wait until as many as may are there; then a sixth would be seen.
            await full.Task.WaitAsync(TimeSpan.FromSeconds(30), Token);
            await Task.Yield();

            Interlocked.Decrement(ref underWay);
            return ScriptedProvider.Answer("ok");
        };
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 5);

        await Task.WhenAll(Enumerable.Range(0, 200).Select(i => Task.Run(() => SendAsync(dispatcher, i), Token)));

        Assert.Equal((5, 200), (most, Provider.CountOf("send")));
    }

    [Fact]
    public async Task An_answer_that_cannot_be_stored_ends_all_calls_and_is_counted_as_lost()
    {
        await using var full = new FullCache();
        _limits = new LiveOptions { Concurrency = 1 };
        using var dispatcher = new LiveDispatcher(_fixture.Ledger, full, _fixture.Time, _fixture.Events.Enqueue, () => 0);

        var calls = Enumerable.Range(0, 20).Select(i => SendAsync(dispatcher, i)).ToList();
        foreach (var call in calls)
        {
            var error = await Assert.ThrowsAnyAsync<SluiceException>(() => call);
            Assert.Equal("the disk is full", error.Message);
            Assert.StartsWith("free some space and run the same command again: it ", error.Hint, StringComparison.Ordinal);
        }

        Assert.Equal(1, Provider.CountOf("send"));
        using var next = _fixture.OpenRival();
        Assert.Equal(1, next.SweepDead(_fixture.SpoolFolder));
    }

    /// <summary>A cache that has nothing and can store nothing.</summary>
    private sealed class FullCache : IResponseCache
    {
        public ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore, CancellationToken cancellationToken) => default;

        private bool _isKnown;

        public ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore, CancellationToken cancellationToken)
        {
            _isKnown = true;
            throw Trouble();
        }

        public ValueTask ReadyAsync(CancellationToken cancellationToken) => _isKnown ? throw Trouble() : default;

        private static SluiceException Trouble() => new(ErrorKind.Environment, "the disk is full", "free some space and run the same command again: it goes on from what is stored");

        public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken) => new(true);

        public ValueTask SyncAsync(CancellationToken cancellationToken) => default;

        public ValueTask DisposeAsync() => default;
    }

    private static void InterlockedMax(ref int target, int value)
    {
        for (int seen = Volatile.Read(ref target); value > seen;)
        {
            int before = Interlocked.CompareExchange(ref target, value, seen);
            seen = before == seen ? value : before;
        }
    }
}
