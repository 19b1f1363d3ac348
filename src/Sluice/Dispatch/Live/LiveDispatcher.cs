using System.Collections.Concurrent;
using Sluice.Caching;
using Sluice.Experiments;
using Sluice.Ledger;
using Sluice.Memory;
using Sluice.Providers;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Dispatch.Live;

/// <summary>Sends requests live: bounded concurrency, retries with jitter, one call per key however many ask for it.</summary>
/// <remarks>Limits are those of the experiment that asks. Only what belongs to an account is shared: the most calls at once, and how long its address is waited for, are the most that any experiment asks for.</remarks>
public sealed class LiveDispatcher : IDispatcher, IDisposable
{
    /// <summary>How often to see whether another process's call has ended.</summary>
    private static readonly TimeSpan OthersCall = TimeSpan.FromMilliseconds(200);

    /// <summary>So many refusals in a row, by permission or by a proxy, are no matter of single requests.</summary>
    private const int MostRefusals = 5;

    private readonly LedgerStore _ledger;
    private readonly IResponseCache _cache;
    private readonly TimeProvider _time;
    private readonly Action<DispatchEvent> _observe;
    private readonly Func<double> _random;
    private readonly TokenEstimator _estimator;
    private readonly FailureStop _failures;
    private readonly ConcurrentDictionary<string, LiveGate> _gates = new();
    private readonly ConcurrentDictionary<RequestKey, LiveCall> _flights = new();
    private readonly ConcurrentDictionary<Route, ResponseOrigin> _origins = new();
    // Claims that this process still has although nothing is under way for them: as many as answers that could not be kept anywhere.
    private readonly ConcurrentDictionary<RequestKey, bool> _strayClaims = new();

    /// <summary>Creates a dispatcher.</summary>
    /// <param name="ledger">Where failures are kept.</param>
    /// <param name="cache">Where responses are stored before anybody sees them.</param>
    /// <param name="time">The clock.</param>
    /// <param name="observe">Told what happens; must not block.</param>
    /// <param name="random">Numbers from 0 to 1 for jitter.</param>
    /// <param name="intake">How much new work may begin; null for no bound.</param>
    /// <param name="failures">Says what is not sent any more; null for a watch of its own.</param>
    public LiveDispatcher(
        LedgerStore ledger, IResponseCache cache, TimeProvider time, Action<DispatchEvent> observe, Func<double> random, Intake? intake = null, FailureStop? failures = null)
    {
        _failures = failures ?? new FailureStop(observe);
        Intake = intake ?? Intake.Open;
        _ledger = ledger;
        _cache = cache;
        _time = time;
        _observe = observe;
        _random = random;
        _estimator = new TokenEstimator(ledger);
    }

    /// <inheritdoc/>
    public int SamplesInFlight(DispatchTally tally)
    {
        ArgumentNullException.ThrowIfNull(tally);
        return tally.Live.Concurrency;
    }

    /// <inheritdoc/>
    public Intake Intake { get; }

    /// <summary>Gets whether the cache has its answers for longer than the command lasts: then one that is empty later has lost them.</summary>
    public bool KeepsAnswers { get; init; } = true;

    /// <inheritdoc/>
    public async ValueTask<DispatchResult> DispatchAsync(Request request, DispatchTally tally, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(tally);
        while (true)
        {
            if (await TryDispatchAsync(request, tally, cancellationToken).ConfigureAwait(false) is { } result)
            {
                return result;
            }
        }
    }

    /// <summary>Sends a request, or waits for another experiment's call; null when that one was not made, for reasons of that experiment alone.</summary>
    private async ValueTask<DispatchResult?> TryDispatchAsync(Request request, DispatchTally tally, CancellationToken cancellationToken)
    {
        var standing = _ledger.Find(request);
        if (standing.Standing == Standing.InFlight && !RequestStanding.IsLive(standing.Holder))
        {
            // A batch has it: paying for it once more would be faster, and is not ours to decide.
            tally.WaitFor(standing.Holder);
            return DispatchResult.Pending;
        }

        if (standing.StaysFailed(tally.RetryFailed))
        {
            return DispatchResult.Failed(standing.Error ?? "failed");
        }

        if (_failures.IsStopped(request, tally))
        {
            tally.AddStopped();
            return DispatchResult.Pending;
        }

        if (tally.HoldsBack)
        {
            tally.AddHeld();
            return DispatchResult.Pending;
        }

        var tokens = _estimator.Estimate(request);
        var estimate = request.Route.Cost(tokens, batch: false);
        if (!tally.TryReserve(estimate))
        {
            tally.AddHeld();
            return DispatchResult.Pending;
        }

        var call = new LiveCall(request, standing, tally, tokens, estimate);
        var flight = _flights.GetOrAdd(request.Key, call);
        if (flight != call)
        {
            tally.Adjust(estimate, 0);
            flight.Join(tally.Live);
            var (joined, joinedHolder) = await flight.Ended.WaitAsync(cancellationToken).ConfigureAwait(false);
            if (joined == DispatchResult.Pending && joinedHolder is null)
            {
                // E.g. its budget is spent. Ours may not be.
                _flights.TryRemove(KeyValuePair.Create(request.Key, flight));
                return null;
            }

            Await(joinedHolder);
            return joined;
        }

        try
        {
            var (result, holder) = await SendOnceAsync(call, cancellationToken).ConfigureAwait(false);
            tally.Adjust(call.Reserved, (result.Response is { } response ? request.Route.Cost(response.Usage, batch: false) : 0) + call.Lost);
            Await(holder);
            call.End(result, holder);
            return result;
        }
        catch (Exception error)
        {
            call.End(error);
            throw;
        }
        finally
        {
            _flights.TryRemove(KeyValuePair.Create(request.Key, call));
        }

        void Await(long? holder)
        {
            if (holder is { } row)
            {
                tally.WaitFor(row);
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var gate in _gates.Values)
        {
            Blame(gate.TakeRefused());
            gate.Dispose();
        }
    }

    /// <summary>Sends a request unless another process does so at this moment: then its answer is waited for. Returns the result and what it waits for, if it does.</summary>
    private async Task<(DispatchResult Result, long? Holder)> SendOnceAsync(LiveCall call, CancellationToken cancellationToken)
    {
        var (request, tally) = (call.Request, call.Tally);
        request.Route.Provider.EnsureCredentials();
        while (true)
        {
            if (request.LegacyKey is not null && _ledger.Find(request) is { IsLegacy: true, Standing: Standing.InFlight })
            {
                await Task.Delay(OthersCall, _time, cancellationToken).ConfigureAwait(false);
                continue;
            }

            var holder = _ledger.ClaimLive(request.Key, tally.RetryFailed);
            if (holder == 0 || (_ledger.IsOwnLive(holder) && _strayClaims.TryRemove(request.Key, out _)))
            {
                return (await SendClaimedAsync(call, cancellationToken).ConfigureAwait(false), null);
            }

            if (holder == RequestStanding.FailedForGood)
            {
                return (DispatchResult.Failed(_ledger.Find(request.Key).Error ?? "failed"), null);
            }

            if (!RequestStanding.IsLive(holder))
            {
                return (DispatchResult.Pending, holder);
            }

            await Task.Delay(OthersCall, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<DispatchResult> SendClaimedAsync(LiveCall call, CancellationToken cancellationToken)
    {
        var request = call.Request;
        var isClaimed = true;
        try
        {
            // Somebody may have answered it between the caller's look-up and the claim.
            RequestKey[] keys = request.LegacyKey is { } legacy ? [request.Key, legacy] : [request.Key];
            var found = new CachedResponse?[keys.Length];
            await _cache.GetAsync(keys, found, request.Caching.NotBefore, cancellationToken).ConfigureAwait(false);
            if (Array.Find(found, f => f is not null) is { } cached)
            {
                return DispatchResult.Answered(cached);
            }

            var (result, end) = await TryAsync(call, cancellationToken).ConfigureAwait(false);
            isClaimed = false;
            end();
            return result;
        }
        catch (UnstoredException)
        {
            // Its claim stays: the next command says how many calls were lost. Whoever asks again here has it already.
            isClaimed = false;
            _strayClaims.TryAdd(request.Key, true);
            throw;
        }
        finally
        {
            if (isClaimed)
            {
                _ledger.EndLive(request.Key);
            }
        }
    }

    /// <summary>Calls until there is an answer, or an error that stays; returns it with what the ledger is to be told.</summary>
    private async Task<(DispatchResult Result, Action End)> TryAsync(LiveCall call, CancellationToken cancellationToken)
    {
        var (request, tally, provider) = (call.Request, call.Tally, call.Request.Route.Provider);
        var gate = _gates.GetOrAdd(provider.Account, _ => new LiveGate(AccountTrouble.NameOf(provider), _time, Intake, _observe));
        while (true)
        {
            var wait = TimeSpan.Zero;
            var isRefused = false;
            var began = await gate.EnterAsync(tally, request.Route.Model, cancellationToken).ConfigureAwait(false);
            try
            {
                // What cannot be stored is not paid for: waits for a store that is away, and throws where people have to do something first.
                await _cache.ReadyAsync(cancellationToken).ConfigureAwait(false);
                if (_failures.IsStopped(request, tally))
                {
                    tally.AddStopped();
                    return (DispatchResult.Pending, () => _ledger.EndLive(request.Key));
                }

                if (!call.TryBegin())
                {
                    tally.AddHeld();
                    return (DispatchResult.Pending, () => _ledger.EndLive(request.Key));
                }

                var (response, limits) = await CallAsync(call).ConfigureAwait(false);
                tally.AddAnswered();
                _failures.Answered(request, tally);
                Blame(gate.Answered(request.Route.Model, began, limits));
                var learned = new ModelUsage(request.Body.Length, response.Usage.Input, response.Usage.Output, 1);
                return (DispatchResult.Answered(response), () => _ledger.EndLive(request.Key, request.Route.Model, learned, isKept: KeepsAnswers && request.Caching.Write));
            }
            catch (ProviderException problem)
            {
                var error = problem.Error;
                // A gateway also loses its server to one request: it crashes, or takes too much memory.
                var failsAlone = error.Class == ErrorClass.Unreachable && problem.Status is not null && call.FailsAlone(gate.Answers);
                if (IsUnknown(problem) || (failsAlone && problem.Status == 502))
                {
                    call.Lose();
                    _observe(new LiveUnknown(request.Route, call.Tokens));
                }

                switch (failsAlone ? ErrorClass.Transient : error.Class)
                {
                    case ErrorClass.Quota:
                        throw gate.End(AccountTrouble.Of(provider, error)!);
                    case ErrorClass.Credentials or ErrorClass.Address:
                        isRefused = true;
                        // A wrong key is refused whatever is asked; other refusals, and pages of a proxy, may mean one request.
                        if (gate.Refused(request.Key, error, call.Standing.Attempts + 1, problem.Status == 401 ? 2 : MostRefusals))
                        {
                            throw gate.End(AccountTrouble.Of(provider, error)!);
                        }

                        _observe(new LiveSettled(request.Route, default, Failed: true));
                        return (DispatchResult.Failed(error.ToString()), () => _ledger.EndLive(request.Key));
                    case ErrorClass.Unreachable when gate.Unreachable(began, provider, error) is { } gone:
                        throw gate.End(gone);
                    case ErrorClass.RateLimited when gate.Limited(request.Route.Model, began, provider, error, problem.RetryAfter, _random()) is { } limited:
                        throw gate.End(limited);
                    case ErrorClass.Unreachable or ErrorClass.RateLimited:
                        // The gate is closed: this call waits there with all others, and no try of it is used up.
                        break;
                    case ErrorClass.Permanent:
                        gate.Reached(request.Route.Model);
                        return Failed(error);
                    default:
                        call.Tries++;
                        if (call.Unknown > call.Limits.ResendUnknown)
                        {
                            return Failed(error with { Message = $"{error.Message} (sent {call.Unknown} times without a known outcome; each may have been paid for)" });
                        }

                        if (call.Tries >= call.Limits.MaxAttempts)
                        {
                            return Failed(error);
                        }

                        wait = Backoff(call.Tries, problem.RetryAfter);
                        gate.Waits(wait, $"asks for patience ({error}); a call is made again after waiting");
                        break;
                }
            }
            finally
            {
                gate.Leave(tally, request.Route.Model, isRefused);
            }

            await Task.Delay(wait, _time, cancellationToken).ConfigureAwait(false);
        }

        (DispatchResult, Action) Failed(RequestError error)
        {
            _failures.Failed(request, tally, error);
            _observe(new LiveSettled(request.Route, default, Failed: true));
            return (DispatchResult.Failed(error.ToString()), () => _ledger.EndLive(request.Key, error.ToString(), call.Standing.Attempts + 1));
        }
    }

    /// <summary>Tells whether the provider may have carried a call out, and billed it: it was sent, and neither answered nor refused.</summary>
    private static bool IsUnknown(ProviderException problem) =>
        problem.OutcomeUnknown && problem.Error.Class is ErrorClass.Transient && problem.Status is null or (>= 200 and < 300) or 504 or 520 or 524;

    /// <summary>Records failures of requests that were refused while the account is sound.</summary>
    private void Blame(IReadOnlyList<(RequestKey Key, RequestError Error, int Attempts)> refused)
    {
        foreach (var (key, error, attempts) in refused)
        {
            _ledger.RecordFailure(key, error.ToString(), attempts);
        }
    }

    /// <summary>Makes one call. Once begun it is paid for, so it is not cancelled with the command, but ended by its own time-out.</summary>
    private async Task<(CachedResponse Response, RateLimits Limits)> CallAsync(LiveCall call)
    {
        var request = call.Request;
        var route = request.Route;
        CrashPoint.Hit("provider.live.before");
        var answer = await route.Provider.Live.SendAsync(request.Body, TimeSpan.FromSeconds(call.Limits.TimeoutSeconds), CancellationToken.None).ConfigureAwait(false);
        CrashPoint.Hit("provider.live.after");
        TokenUsage usage;
        RequestError? failure;
        try
        {
            (usage, failure) = route.Provider.Dialect.Inspect(answer.Body.Span);
        }
        catch (FormatException error)
        {
            throw new ProviderException(new RequestError(ErrorClass.Transient, "bad_answer", error.Message), outcomeUnknown: true, inner: error);
        }

        if (failure is not null)
        {
            // An answer that is not finished is still worked on, and paid for.
            throw new ProviderException(failure, outcomeUnknown: failure.Code == ErrorRules.Unfinished);
        }

        var body = JsonText.SingleLine(answer.Body);
        // It is paid for, whether it can be stored or not.
        _observe(new LiveSettled(route, usage, Failed: false));
        if (request.Caching.Write)
        {
            await StoreAsync(request, body, usage).ConfigureAwait(false);
        }

        return (new CachedResponse(body, usage, IsBatch: false), answer.Limits);
    }

    private async Task StoreAsync(Request request, ReadOnlyMemory<byte> body, TokenUsage usage)
    {
        var entry = new CacheEntry(request.Key, body, usage)
        {
            Origin = _origins.GetOrAdd(request.Route, static r => new ResponseOrigin(r.Provider.Reference.Provider, r.Model, ResponseOrigin.LiveSource)),
            Request = request.Caching.StoresRequests ? request.Body.ToArray() : null,
        };
        try
        {
            await _cache.PutAsync([entry], request.Caching.NotBefore, CancellationToken.None).ConfigureAwait(false);
        }
        catch (AnswersKeptException)
        {
            // It is kept, and found where it is: the next call is told what is in the way.
        }
        catch (SluiceException error)
        {
            throw new UnstoredException(error);
        }
    }

    /// <summary>Exponential from half a second to half a minute, jittered over its upper half; the provider's own wish wins.</summary>
    private TimeSpan Backoff(int attempt, TimeSpan? asked)
    {
        var most = Math.Min(30, 0.5 * Math.Pow(2, attempt - 1));
        var wait = TimeSpan.FromSeconds(most * (0.5 + (0.5 * _random())));
        return asked > wait ? asked.Value : wait;
    }
}
