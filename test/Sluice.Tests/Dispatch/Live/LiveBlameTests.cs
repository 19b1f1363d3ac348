using System.Collections.Concurrent;
using System.Text;
using Sluice.Dispatch;
using Sluice.Dispatch.Live;
using Sluice.Experiments;
using Sluice.Ledger;
using Sluice.Providers;

namespace Sluice.Tests.Dispatch.Live;

/// <summary>When calls fail, the right one is blamed: the request, the account, or the address.</summary>
public sealed class LiveBlameTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();

    private LiveOptions _limits = new();
    private DispatchTally _tally = new();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private ScriptedProvider Provider => _fixture.Provider;

    private IEnumerable<string> Remarks => _fixture.Events.OfType<Remark>().Select(r => r.Text);

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    private LiveDispatcher Dispatcher(int concurrency = 4, int maxAttempts = 3, int resendUnknown = 1, double unreachable = 600, int stopAfter = 20)
    {
        _limits = new LiveOptions { Concurrency = concurrency, MaxAttempts = maxAttempts, ResendUnknown = resendUnknown, UnreachableSeconds = unreachable, StopAfter = stopAfter };
        // One experiment asks, unless a test says otherwise.
        _tally = Tally();
        return new(_fixture.Ledger, _fixture.Cache, _fixture.Time, _fixture.Events.Enqueue, () => 1);
    }

    private DispatchTally Tally() => new() { Live = _limits };

    private Task<DispatchResult> SendAsync(LiveDispatcher dispatcher, int number, DispatchTally? tally = null) =>
        dispatcher.DispatchAsync(_fixture.Request(number), tally ?? _tally, Token).AsTask();

    private List<Task<DispatchResult>> SendAll(LiveDispatcher dispatcher, int count, DispatchTally? tally = null) =>
        [.. Enumerable.Range(0, count).Select(i => SendAsync(dispatcher, i, tally))];

    /// <summary>Says which request a body is.</summary>
    private static int NumberOf(ReadOnlyMemory<byte> body) => System.Text.Json.JsonDocument.Parse(body).RootElement.GetProperty("i").GetInt32();

    /// <summary>Moves the clock whenever somebody waits for it, until the work is done, however it ends; returns how long that took on the clock.</summary>
    private async Task<TimeSpan> DriveAsync(IEnumerable<Task> work, double step = 0.1)
    {
        Task all = Task.WhenAll(work);
        DateTimeOffset began = _fixture.Time.GetUtcNow();
        for (int idle = 0; !all.IsCompleted;)
        {
            if (await _fixture.Time.ArmedAsync(Token))
            {
                while (!all.IsCompleted && _fixture.Time.HasWaiters)
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

        await all.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        return _fixture.Time.GetUtcNow() - began;
    }

    private Standing StandingOf(int number) => _fixture.Ledger.Find(_fixture.Request(number).Key).Standing;

    [Fact]
    public async Task A_server_that_cannot_be_reached_is_waited_for_by_all_calls_together()
    {
        var back = _fixture.Time.GetUtcNow() + TimeSpan.FromSeconds(25);
        int refused = 0;
        Provider.OnSend = (_, _) =>
        {
            if (_fixture.Time.GetUtcNow() < back)
            {
                Interlocked.Increment(ref refused);
                throw ScriptedProvider.Error(ErrorClass.Unreachable, "Connection refused");
            }

            return Task.FromResult(ScriptedProvider.Answer("ok"));
        };
        using LiveDispatcher dispatcher = Dispatcher(maxAttempts: 1);

        var calls = SendAll(dispatcher, 40);
        await DriveAsync(calls);

        Assert.All(await Task.WhenAll(calls), r => Assert.NotNull(r.Response));
        // Four at once, then one at a time, after 1, 2, 4, 8 and 16 seconds.
        Assert.InRange(refused, 5, 4 + 5);
        Assert.Contains("`scripted` at here cannot be reached: Connection refused; its calls wait; trying again in 1 s", Remarks);
        Assert.Single(Remarks, r => r.StartsWith("`scripted` at here answers again, after ", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_server_that_stays_away_ends_the_command_and_marks_no_request()
    {
        var began = _fixture.Time.GetUtcNow();
        Provider.OnSend = (_, _) => throw ScriptedProvider.Error(ErrorClass.Unreachable, "Connection refused");
        using LiveDispatcher dispatcher = Dispatcher(unreachable: 120);

        var calls = SendAll(dispatcher, 40);
        await DriveAsync(calls);

        foreach (var call in calls)
        {
            var error = await Assert.ThrowsAsync<SluiceException>(() => call);
            Assert.Equal(ErrorKind.Environment, error.Kind);
            Assert.Contains("cannot be reached", error.Message, StringComparison.Ordinal);
        }

        // Not when the last call began: while its failure is on its way, the clock may go on.
        var waited = _fixture.Time.GetUtcNow() - began;
        Assert.True(waited >= TimeSpan.FromSeconds(120), $"{waited}");
        Assert.InRange(Provider.CountOf("send"), 5, 14);
        Assert.All(Enumerable.Range(0, 40), i => Assert.Equal(Standing.New, StandingOf(i)));
    }

    /// <summary>A gateway says it of one request, too: its server has crashed over it. 502 leaves open whether that one was carried out.</summary>
    [Theory]
    [InlineData(502, 4)]
    [InlineData(503, 5)]
    public async Task A_request_that_no_server_answers_while_others_are_answered_has_failed_by_itself(int status, int most)
    {
        int calls = 0;
        Provider.OnSend = (body, _) =>
        {
            if (NumberOf(body) == 3)
            {
                calls++;
                throw ScriptedProvider.Error(ErrorClass.Unreachable, "<html>Bad Gateway</html>", status: status);
            }

            return Task.FromResult(ScriptedProvider.Answer("ok"));
        };
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 1, maxAttempts: 3);
        var failing = SendAsync(dispatcher, 3);
        var others = Enumerable.Range(10, 8).Select(i => SendAsync(dispatcher, i)).ToList();

        await DriveAsync([failing, .. others]);

        Assert.All(await Task.WhenAll(others), r => Assert.NotNull(r.Response));
        Assert.Contains("Bad Gateway", (await failing).Failure!, StringComparison.Ordinal);
        Assert.Equal(Standing.Failed, StandingOf(3));
        Assert.InRange(calls, 2, most);
    }

    /// <summary>Providers count requests and tokens per model.</summary>
    [Fact]
    public async Task A_closed_window_of_one_model_keeps_no_other_models_calls()
    {
        var opens = _fixture.Time.GetUtcNow() + TimeSpan.FromMinutes(10);
        var answered = new ConcurrentBag<string>();
        Provider.OnSend = (body, _) =>
        {
            var (isOther, now) = (NumberOf(body) >= 100, _fixture.Time.GetUtcNow());
            if (!isOther && now < opens)
            {
                throw ScriptedProvider.Error(ErrorClass.RateLimited, "requests per day", status: 429, retryAfter: opens - now);
            }

            answered.Add(isOther ? "other" : "limited");
            return Task.FromResult(ScriptedProvider.Answer("ok"));
        };
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 2);
        var limited = SendAll(dispatcher, 20);
        var others = Enumerable.Range(100, 20).Select(i => dispatcher.DispatchAsync(_fixture.Request(i) with { Route = new Sluice.Requests.Route(Provider, "other", null) }, Tally(), Token).AsTask()).ToList();

        // The clock stands: nobody has waited for the other model's window.
        await Task.WhenAll(others).WaitAsync(TimeSpan.FromMinutes(1), TimeProvider.System, Token);
        Assert.DoesNotContain("limited", answered);

        await DriveAsync(limited, step: 1);
        Assert.Equal((20, 20), (answered.Count(a => a == "other"), answered.Count(a => a == "limited")));
    }

    [Fact]
    public async Task A_window_that_stays_closed_for_long_is_told_of()
    {
        Provider.OnSend = (_, _) => Task.FromResult(ScriptedProvider.Answer("ok", new RateLimits(0, TimeSpan.FromHours(6), null, null)));
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 1);

        await DriveAsync(SendAll(dispatcher, 2), step: 60);

        Assert.Contains($"`scripted` at here says that the rate window of `{_fixture.Request(0).Route.Model}` is used up; its calls wait for 21600 s", Remarks);
    }

    [Fact]
    public async Task With_no_patience_an_unreachable_server_ends_the_command_at_once()
    {
        Provider.OnSend = (_, _) => throw ScriptedProvider.Error(ErrorClass.Unreachable, "no such host");
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 1, unreachable: 0);

        var calls = SendAll(dispatcher, 5);

        Assert.Equal(TimeSpan.Zero, await DriveAsync(calls));
        Assert.Equal(1, Provider.CountOf("send"));
        Assert.All(calls, call => Assert.IsType<SluiceException>(call.Exception!.InnerException));
    }

    [Fact]
    public async Task A_closed_rate_window_uses_up_no_tries()
    {
        var opens = _fixture.Time.GetUtcNow() + TimeSpan.FromSeconds(100);
        Provider.OnSend = (_, _) => _fixture.Time.GetUtcNow() < opens
            ? throw ScriptedProvider.Error(ErrorClass.RateLimited, "slow down", status: 429, retryAfter: TimeSpan.FromSeconds(12))
            : Task.FromResult(ScriptedProvider.Answer("ok"));
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 4, maxAttempts: 1);

        var calls = SendAll(dispatcher, 8);
        await DriveAsync(calls);

        Assert.All(await Task.WhenAll(calls), r => Assert.NotNull(r.Response));
        // Twice four, then one call at a time finds out.
        Assert.InRange(Provider.CountOf("send"), 8 + 4, 8 + 18);
    }

    [Fact]
    public async Task A_rate_window_without_a_told_end_is_tried_with_growing_waits_and_given_up()
    {
        Provider.OnSend = (_, _) => throw ScriptedProvider.Error(ErrorClass.RateLimited, "slow down", status: 429);
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 4, unreachable: 300);

        var calls = SendAll(dispatcher, 8);
        await DriveAsync(calls, step: 0.5);

        var error = await Assert.ThrowsAsync<SluiceException>(() => calls[0]);
        Assert.Equal((ErrorKind.Environment, true), (error.Kind, error.Message.Contains("by its rate limit", StringComparison.Ordinal)));
        Assert.InRange(Provider.CountOf("send"), 20, 30);
        Assert.All(Enumerable.Range(0, 8), i => Assert.Equal(Standing.New, StandingOf(i)));
    }

    [Fact]
    public async Task A_wait_of_zero_seconds_is_no_reason_to_call_without_a_pause()
    {
        int calls = 0;
        Provider.OnSend = (_, _) => ++calls < 5 ? throw ScriptedProvider.Error(ErrorClass.RateLimited, status: 429, retryAfter: TimeSpan.Zero) : Task.FromResult(ScriptedProvider.Answer("ok"));
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 1);

        Assert.True(await DriveAsync([SendAsync(dispatcher, 1)]) >= TimeSpan.FromSeconds(0.5 + 1 + 2 + 4));
    }

    /// <summary>No credit: 402 on the 4th of 200 calls.</summary>
    [Theory]
    [InlineData(ErrorClass.Quota, 402, 1, 0)]
    [InlineData(ErrorClass.Quota, 400, 4, 3)]
    // One refused key may be one request's matter; the next one is not.
    [InlineData(ErrorClass.Credentials, 401, 1, 1)]
    [InlineData(ErrorClass.Credentials, 403, 1, 4)]
    [InlineData(ErrorClass.Address, 302, 1, 4)]
    public async Task A_refused_account_ends_the_calls_that_wait_at_the_gate_too(ErrorClass kind, int status, int concurrency, int more)
    {
        int number = 0;
        Provider.OnSend = (_, _) => Interlocked.Increment(ref number) >= 4 ? throw ScriptedProvider.Error(kind, "pay", status: status) : Task.FromResult(ScriptedProvider.Answer("ok"));
        LiveDispatcher dispatcher = Dispatcher(concurrency);

        var calls = SendAll(dispatcher, 200);
        await DriveAsync(calls);
        dispatcher.Dispose();

        Assert.InRange(number, 4, 4 + more);
        Assert.Equal(3, (await Task.WhenAll(calls.Where(c => c.IsCompletedSuccessfully))).Count(r => r.Response is not null));
        var error = await Assert.ThrowsAsync<SluiceException>(() => calls[^1]);
        Assert.Equal(kind == ErrorClass.Address ? ErrorKind.Environment : ErrorKind.Credentials, error.Kind);
        Assert.All(Enumerable.Range(0, 200), i => Assert.NotEqual(Standing.Failed, StandingOf(i)));
    }

    [Fact]
    public async Task A_refused_account_ends_the_calls_that_wait_for_a_rate_window_at_once()
    {
        var window = TimeSpan.FromHours(1);
        var begun = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        var refused = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        Provider.OnSend = async (body, _) =>
        {
            if (NumberOf(body) == 0)
            {
                await begun.Task;
                throw ScriptedProvider.Error(ErrorClass.RateLimited, "requests per day", status: 429, retryAfter: window);
            }

            begun.SetResult();
            await refused.Task;
            throw ScriptedProvider.Error(ErrorClass.Quota, "pay", status: 402);
        };
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 2);

        var calls = SendAll(dispatcher, 2);
        while (!_fixture.Time.HasWaiters)
        {
            Token.ThrowIfCancellationRequested();
            await Task.Yield();
        }

        refused.SetResult();
        Assert.True(await DriveAsync(calls) < window, "it waited for the window");
        Assert.All(calls, call => Assert.Equal(ErrorKind.Credentials, Assert.IsType<SluiceException>(call.Exception!.InnerException).Kind));
        Assert.Equal(2, Provider.CountOf("send"));
    }

    [Theory]
    [InlineData(ErrorClass.Credentials, 403)]
    [InlineData(ErrorClass.Credentials, 401)]
    [InlineData(ErrorClass.Address, 413)]
    public async Task A_refusal_of_one_request_while_others_succeed_is_that_requests_failure(ErrorClass kind, int status)
    {
        Provider.OnSend = (body, _) => NumberOf(body) is 7 ? throw ScriptedProvider.Error(kind, "not this one", status: status) : Task.FromResult(ScriptedProvider.Answer("ok"));
        foreach (int concurrency in (int[])[1, 4])
        {
            using LiveDispatcher dispatcher = Dispatcher(concurrency);
            var calls = SendAll(dispatcher, 20);
            await DriveAsync(calls);

            Assert.Contains("not this one", (await calls[7]).Failure, StringComparison.Ordinal);
            Assert.Equal(19, (await Task.WhenAll(calls)).Count(r => r.Response is not null));
            Assert.Equal(Standing.Failed, StandingOf(7));
        }

        // The second dispatcher did not ask again.
        Assert.Equal(20, Provider.CountOf("send"));
    }

    /// <summary>A key is revoked while calls of before are still under way: what they are answered says nothing about the key now.</summary>
    [Theory]
    [InlineData(401, 2)]
    [InlineData(403, 5)]
    public async Task An_answer_to_a_call_that_began_before_a_refusal_does_not_make_it_the_requests_own(int status, int most)
    {
        using LiveDispatcher dispatcher = Dispatcher();
        Provider.OnSend = async (body, _) =>
        {
            var isBefore = NumberOf(body) < 2;
            await Task.Delay(TimeSpan.FromSeconds(isBefore ? 10 * (NumberOf(body) + 1) : 1), _fixture.Time, Token);
            return isBefore ? ScriptedProvider.Answer("ok") : throw ScriptedProvider.Error(ErrorClass.Credentials, "revoked", status: status);
        };
        var calls = SendAll(dispatcher, 20);
        await DriveAsync(calls);

        Assert.Equal(2, (await Task.WhenAll(calls.Where(c => c.IsCompletedSuccessfully))).Count(r => r.Response is not null));
        Assert.Contains(calls, c => c.IsFaulted);
        Assert.All(Enumerable.Range(2, 18), number => Assert.NotEqual(Standing.Failed, StandingOf(number)));
        Assert.InRange(Provider.CountOf("send"), 2 + most, 4 + most);
    }

    /// <summary>Two calls with a wrong key are refused at the same moment: neither may wait for the other to tell whose fault it is.</summary>
    [Fact]
    public async Task Of_two_calls_that_are_refused_at_once_the_second_tells_that_it_is_the_account()
    {
        using var gate = new LiveGate("here", _fixture.Time, Sluice.Memory.Intake.Open, _ => { });
        await gate.EnterAsync(_tally, "m", Token);
        await gate.EnterAsync(_tally, "m", Token);
        var error = new RequestError(ErrorClass.Credentials, "invalid_api_key", "no");

        Assert.False(gate.Refused(_fixture.Request(1).Key, error, 1, most: 2));
        Assert.True(gate.Refused(_fixture.Request(2).Key, error, 1, most: 2));
        gate.Leave(_tally, "m", isRefused: true);
        gate.Leave(_tally, "m", isRefused: true);

        // Who has left is not counted twice: the next one is in doubt while a second one is under way.
        await gate.EnterAsync(_tally, "m", Token);
        Assert.True(gate.Refused(_fixture.Request(3).Key, error, 1, most: 2));
    }

    /// <summary>Whether the last request or the account was refused, nobody can tell any more: what was answered before decides.</summary>
    [Fact]
    public async Task The_last_request_of_all_is_to_blame_itself_once_the_account_has_answered()
    {
        Provider.OnSend = (body, _) => NumberOf(body) is 4 ? throw ScriptedProvider.Error(ErrorClass.Credentials, "no", status: 403) : Task.FromResult(ScriptedProvider.Answer("ok"));
        using (LiveDispatcher dispatcher = Dispatcher(concurrency: 1))
        {
            var calls = SendAll(dispatcher, 5);
            await DriveAsync(calls);
            Assert.NotNull((await calls[4]).Failure);
        }

        Assert.Equal(Standing.Failed, StandingOf(4));
    }

    [Fact]
    public async Task A_refusal_before_any_answer_waits_for_the_calls_under_way()
    {
        var others = new ConcurrentQueue<TaskCompletionSource<LiveAnswer>>();
        Provider.OnSend = (body, _) =>
        {
            if (NumberOf(body) == 0)
            {
                throw ScriptedProvider.Error(ErrorClass.Credentials, "moderated", status: 403);
            }

            var answer = new TaskCompletionSource<LiveAnswer>(TaskCreationOptions.RunContinuationsAsynchronously);
            others.Enqueue(answer);
            return answer.Task;
        };
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 3);
        var slow = (Task<DispatchResult>[])[SendAsync(dispatcher, 1), SendAsync(dispatcher, 2)];
        while (others.Count < 2)
        {
            await Task.Yield();
        }

        Assert.NotNull((await SendAsync(dispatcher, 0)).Failure);
        foreach (var answer in others)
        {
            answer.SetResult(ScriptedProvider.Answer("ok"));
        }

        Assert.All(await Task.WhenAll(slow), result => Assert.NotNull(result.Response));
        Assert.Equal(Standing.Failed, StandingOf(0));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 2)]
    [InlineData(3, 4)]
    public async Task A_call_without_a_known_outcome_has_a_bound_of_its_own(int resend, int calls)
    {
        Provider.OnSend = (_, _) => throw ScriptedProvider.Error(ErrorClass.Transient, "no answer within 600 s", unknown: true);
        using LiveDispatcher dispatcher = Dispatcher(maxAttempts: 6, resendUnknown: resend);
        var tally = Tally();

        var sending = SendAsync(dispatcher, 1, tally);
        await DriveAsync([sending]);

        Assert.Contains($"(sent {calls} times without a known outcome; each may have been paid for)", (await sending).Failure, StringComparison.Ordinal);
        Assert.Equal((calls, calls, calls), (Provider.CountOf("send"), (int)tally.Sent, _fixture.Events.OfType<LiveUnknown>().Count()));
    }

    [Theory]
    [InlineData(500, 6)]
    [InlineData(503, 6)]
    [InlineData(504, 2)]
    [InlineData(524, 2)]
    [InlineData(200, 2)]
    [InlineData(null, 2)]
    public async Task An_error_that_the_provider_tells_is_no_unknown_outcome(int? status, int calls)
    {
        Provider.OnSend = (_, _) => throw ScriptedProvider.Error(ErrorClass.Transient, "down", unknown: true, status: status);
        using LiveDispatcher dispatcher = Dispatcher(maxAttempts: 6);

        await DriveAsync([SendAsync(dispatcher, 1)]);

        Assert.Equal(calls, Provider.CountOf("send"));
    }

    [Fact]
    public async Task What_a_lost_call_may_have_cost_stays_out_of_the_budget()
    {
        int calls = 0;
        Provider.OnSend = (_, _) => ++calls == 1 ? throw ScriptedProvider.Error(ErrorClass.Transient, "lost", unknown: true) : Task.FromResult(ScriptedProvider.Answer("ok"));
        using LiveDispatcher dispatcher = Dispatcher();
        var request = new Sluice.Requests.Request(_fixture.Request(1).Key, _fixture.Request(1).Body, new Sluice.Requests.Route(Provider, "m", new ModelPrice(1e6, 1e6, 1e6, 1e6)), 10);
        // A call is expected to cost 4 for the body of 13 bytes, and 10 for the answer; the answer costs 5.
        var tally = Tally();
        tally.BeginReplay(false, 33);

        var sending = dispatcher.DispatchAsync(request, tally, Token).AsTask();
        await DriveAsync([sending]);

        Assert.NotNull((await sending).Response);
        Assert.False(tally.TryReserve(14.5));
        Assert.True(tally.TryReserve(14));
        tally.BeginReplay(false, 20);
        Assert.False(tally.TryReserve(6.5));
    }

    [Fact]
    public async Task A_lost_call_is_not_made_again_when_the_budget_has_no_room()
    {
        Provider.OnSend = (_, _) => throw ScriptedProvider.Error(ErrorClass.Transient, "lost", unknown: true);
        using LiveDispatcher dispatcher = Dispatcher();
        var request = new Sluice.Requests.Request(_fixture.Request(1).Key, _fixture.Request(1).Body, new Sluice.Requests.Route(Provider, "m", new ModelPrice(1e6, 1e6, 1e6, 1e6)), 10);
        var tally = Tally();
        tally.BeginReplay(false, 20);

        var sending = dispatcher.DispatchAsync(request, tally, Token).AsTask();
        await DriveAsync([sending]);

        Assert.Equal(DispatchResult.Pending, await sending);
        Assert.Equal((1, 1L), (Provider.CountOf("send"), tally.Held));
        Assert.Equal(Standing.New, StandingOf(1));
    }

    [Fact]
    public async Task After_twenty_equal_failures_no_more_of_a_step_is_sent()
    {
        Provider.OnSend = (body, _) => throw ScriptedProvider.Error(ErrorClass.Permanent, $"`temperature` is not supported (request req_{NumberOf(body)}, 17{NumberOf(body)} bytes)", status: 400);
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 4);
        var tally = Tally();

        var calls = SendAll(dispatcher, 300, tally);
        await DriveAsync(calls);

        Assert.InRange(Provider.CountOf("send"), 20, 23);
        Assert.Equal(300 - Provider.CountOf("send"), tally.Stopped);
        Assert.Equal(Provider.CountOf("send"), (await Task.WhenAll(calls)).Count(r => r.Failure is not null));
        Assert.Single(Remarks, r => r.Contains("its first 20 answers are the same failure, so no further calls of it are made: Permanent: `temperature` is not supported", StringComparison.Ordinal));
        Assert.Equal(Standing.New, StandingOf(299));
    }

    [Theory]
    [InlineData(20)]
    [InlineData(0)]
    public async Task One_other_answer_or_a_stop_after_of_0_keeps_a_step_going(int stopAfter)
    {
        Provider.OnSend = (_, _) => stopAfter > 0 && Provider.CountOf("send") == 3 ? Task.FromResult(ScriptedProvider.Answer("ok")) : throw ScriptedProvider.Error(ErrorClass.Permanent, "bad", status: 400);
        // One after the other: an answer counts once it is stored, and others may fail meanwhile.
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 1, stopAfter: stopAfter);

        await DriveAsync(SendAll(dispatcher, 100));

        Assert.Equal(100, Provider.CountOf("send"));
    }

    [Fact]
    public async Task Steps_and_experiments_stop_each_for_itself()
    {
        Provider.OnSend = (_, _) => throw ScriptedProvider.Error(ErrorClass.Permanent, "bad", status: 400);
        using LiveDispatcher dispatcher = Dispatcher(concurrency: 1, stopAfter: 3);
        var (one, other) = (Tally(), Tally());
        for (int i = 0; i < 10; i++)
        {
            await dispatcher.DispatchAsync(_fixture.Request(i) with { Step = "answer" }, one, Token);
            await dispatcher.DispatchAsync(_fixture.Request(100 + i) with { Step = "judge" }, one, Token);
            await dispatcher.DispatchAsync(_fixture.Request(200 + i) with { Step = "answer" }, other, Token);
        }

        Assert.Equal((9, 14L, 7L), (Provider.CountOf("send"), one.Stopped, other.Stopped));
    }

    /// <summary>The wall clock is set back by an hour while a rate window is closed for two seconds.</summary>
    [Fact]
    public async Task A_clock_that_is_set_back_closes_no_gate()
    {
        var time = new SteppedTime();
        using var gate = new LiveGate("here", time, Sluice.Memory.Intake.Open, _ => { });
        long began = await gate.EnterAsync(_tally, "m", Token);
        Assert.Null(gate.Limited("m", began, Provider, new RequestError(ErrorClass.RateLimited, "429", "m"), TimeSpan.FromSeconds(2), 0));
        gate.Leave(_tally, "m");
        time.WallClockStep = -TimeSpan.FromHours(1);

        Task next = gate.EnterAsync(_tally, "m", Token);
        Assert.True(await time.ArmedAsync(Token));
        Assert.False(next.IsCompleted);
        time.Advance(TimeSpan.FromSeconds(2));
        Assert.False(time.HasWaiters, "it waits on");
        await next;
        gate.Leave(_tally, "m");
    }

    [Fact]
    public async Task Who_joins_a_call_that_a_batch_has_waits_for_that_batch_too()
    {
        // A batch claims the request while the first caller waits for another process's call.
        using LedgerStore other = _fixture.OpenLedger("2:2@elsewhere");
        Assert.Equal(0, other.ClaimLive(_fixture.Request(0).Key, retryFailed: false));
        using LiveDispatcher dispatcher = Dispatcher();
        var (one, joined) = (Tally(), Tally());
        var first = SendAsync(dispatcher, 0, one);
        var second = SendAsync(dispatcher, 0, joined);
        Assert.Equal((false, false), (first.IsCompleted, second.IsCompleted));

        other.EndLive(_fixture.Request(0).Key);
        await _fixture.SpoolAsync(1);
        await DriveAsync([first, second]);

        long row = _fixture.Ledger.Open().Single().Row;
        Assert.Equal((DispatchResult.Pending, DispatchResult.Pending), (await first, await second));
        Assert.Equal([row], one.WaitingFor());
        Assert.Equal([row], joined.WaitingFor());
    }

    /// <summary>An experiment that waits a second for an answer cuts off nobody else's calls, and has no say about tries and patience of others.</summary>
    [Fact]
    public async Task Limits_of_one_experiment_do_not_hold_for_another()
    {
        Provider.OnSend = (_, _) => throw ScriptedProvider.Error(ErrorClass.Transient, "overloaded", status: 500);
        using LiveDispatcher dispatcher = Dispatcher();
        var strict = new DispatchTally { Live = new LiveOptions { Concurrency = 1, MaxAttempts = 1, TimeoutSeconds = 1 } };
        var usual = new DispatchTally { Live = new LiveOptions { MaxAttempts = 4, TimeoutSeconds = 600 } };

        await DriveAsync([SendAsync(dispatcher, 1, strict), SendAsync(dispatcher, 2, usual)]);

        Assert.Equal((5, 1L, 1L), (Provider.CountOf("send"), strict.Sent, usual.Sent));
        Assert.Equal([1, 600, 600, 600, 600], Provider.Timeouts.Select(t => t.TotalSeconds).Order());
    }

    [Fact]
    public async Task Who_joins_a_call_is_given_the_tries_that_it_may_have()
    {
        Provider.OnSend = (_, _) => throw ScriptedProvider.Error(ErrorClass.Transient, "overloaded", status: 500);
        using LiveDispatcher dispatcher = Dispatcher();
        var strict = new DispatchTally { Live = new LiveOptions { MaxAttempts = 2 } };
        var patient = new DispatchTally { Live = new LiveOptions { MaxAttempts = 5 } };

        await DriveAsync([SendAsync(dispatcher, 1, strict), SendAsync(dispatcher, 1, patient)]);

        Assert.Equal(5, Provider.CountOf("send"));
    }

    /// <summary>Two experiments with one account: one may have 2 calls under way, the other one 5. Together they have at most 5.</summary>
    [Fact]
    public async Task Each_experiment_has_the_calls_under_way_that_it_asks_for()
    {
        var (underWay, most) = (new int[2], new int[3]);
        var gate = new TaskCompletionSource();
        Provider.OnSend = async (body, _) =>
        {
            var whose = NumberOf(body) < 100 ? 0 : 1;
            lock (underWay)
            {
                underWay[whose]++;
                (most[0], most[1], most[2]) = (Math.Max(most[0], underWay[0]), Math.Max(most[1], underWay[1]), Math.Max(most[2], underWay.Sum()));
            }

            await gate.Task;
            lock (underWay)
            {
                underWay[whose]--;
            }

            return ScriptedProvider.Answer("ok");
        };
        using LiveDispatcher dispatcher = Dispatcher();
        var (two, five) = (new DispatchTally { Live = new LiveOptions { Concurrency = 2 } }, new DispatchTally { Live = new LiveOptions { Concurrency = 5 } });
        List<Task<DispatchResult>> calls = [.. SendAll(dispatcher, 20, two), .. Enumerable.Range(100, 20).Select(i => SendAsync(dispatcher, i, five))];
        Assert.Equal(5, Volatile.Read(ref most[2]));
        gate.SetResult();

        await DriveAsync(calls);

        Assert.Equal((2, 5), (most[0], most[2]));
        Assert.InRange(most[1], 3, 5);
        Assert.Equal(40, Provider.CountOf("send"));
    }
}
