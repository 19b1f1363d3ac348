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
public sealed class LiveDispatcher : IDispatcher, IDisposable
{
    /// <summary>How often to see whether another process's call has ended.</summary>
    private static readonly TimeSpan OthersCall = TimeSpan.FromMilliseconds(200);

    private readonly LedgerStore _ledger;
    private readonly IResponseCache _cache;
    private readonly LiveOptions _options;
    private readonly TimeProvider _time;
    private readonly Action<DispatchEvent> _observe;
    private readonly Func<double> _random;
    private readonly TokenEstimator _estimator;
    private readonly ConcurrentDictionary<string, LiveGate> _gates = new();
    private readonly ConcurrentDictionary<RequestKey, Task<DispatchResult>> _flights = new();
    private readonly ConcurrentDictionary<Route, ResponseOrigin> _origins = new();
    // Claims that this process still has although nothing is under way for them: as many as answers that could not be kept anywhere.
    private readonly ConcurrentDictionary<RequestKey, bool> _strayClaims = new();

    /// <summary>Creates a dispatcher.</summary>
    /// <param name="ledger">Where failures are kept.</param>
    /// <param name="cache">Where responses are stored before anybody sees them.</param>
    /// <param name="options">Limits.</param>
    /// <param name="time">The clock.</param>
    /// <param name="observe">Told what happens; must not block.</param>
    /// <param name="random">Numbers from 0 to 1 for jitter.</param>
    /// <param name="intake">How much new work may begin; null for no bound.</param>
    public LiveDispatcher(LedgerStore ledger, IResponseCache cache, LiveOptions options, TimeProvider time, Action<DispatchEvent> observe, Func<double> random, Intake? intake = null)
    {
        Intake = intake ?? Intake.Open;
        _ledger = ledger;
        _cache = cache;
        _options = options;
        _time = time;
        _observe = observe;
        _random = random;
        _estimator = new TokenEstimator(ledger);
    }

    /// <inheritdoc/>
    public int SamplesInFlight => _options.Concurrency;

    /// <inheritdoc/>
    public Intake Intake { get; }

    /// <inheritdoc/>
    public async ValueTask<DispatchResult> DispatchAsync(Request request, DispatchTally tally, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(request);
        ArgumentNullException.ThrowIfNull(tally);
        var standing = _ledger.Find(request);
        if (standing.Standing == Standing.InFlight && !RequestStanding.IsLive(standing.Holder))
        {
            // A batch has it: paying for it once more would be faster, and is not ours to decide.
            tally.WaitFor(standing.Holder);
            return DispatchResult.Pending;
        }

        if (standing.Standing == Standing.Failed && !tally.RetryFailed)
        {
            return DispatchResult.Failed(standing.Error ?? "failed");
        }

        if (tally.HoldsBack)
        {
            tally.AddHeld();
            return DispatchResult.Pending;
        }

        var estimate = request.Route.Cost(_estimator.Estimate(request), batch: false);
        if (!tally.TryReserve(estimate))
        {
            tally.AddHeld();
            return DispatchResult.Pending;
        }

        var own = new TaskCompletionSource<DispatchResult>(TaskCreationOptions.RunContinuationsAsynchronously);
        var flight = _flights.GetOrAdd(request.Key, own.Task);
        if (flight != own.Task)
        {
            tally.Adjust(estimate, 0);
            return await flight.WaitAsync(cancellationToken).ConfigureAwait(false);
        }

        try
        {
            var result = await SendOnceAsync(request, standing, tally, cancellationToken).ConfigureAwait(false);
            tally.Adjust(estimate, result.Response is { } response ? request.Route.Cost(response.Usage, batch: false) : 0);
            own.SetResult(result);
            return result;
        }
        catch (Exception error)
        {
            own.SetException(error);
            _ = own.Task.Exception;
            throw;
        }
        finally
        {
            _flights.TryRemove(request.Key, out _);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var gate in _gates.Values)
        {
            gate.Dispose();
        }
    }

    /// <summary>Sends a request unless another process does so at this moment: then its answer is waited for.</summary>
    private async Task<DispatchResult> SendOnceAsync(Request request, RequestStanding standing, DispatchTally tally, CancellationToken cancellationToken)
    {
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
                return await SendClaimedAsync(request, standing, tally, cancellationToken).ConfigureAwait(false);
            }

            if (holder == RequestStanding.FailedForGood)
            {
                return DispatchResult.Failed(_ledger.Find(request.Key).Error ?? "failed");
            }

            if (!RequestStanding.IsLive(holder))
            {
                tally.WaitFor(holder);
                return DispatchResult.Pending;
            }

            await Task.Delay(OthersCall, _time, cancellationToken).ConfigureAwait(false);
        }
    }

    private async Task<DispatchResult> SendClaimedAsync(Request request, RequestStanding standing, DispatchTally tally, CancellationToken cancellationToken)
    {
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

            var (result, end) = await TryAsync(request, standing, tally, cancellationToken).ConfigureAwait(false);
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
    private async Task<(DispatchResult Result, Action End)> TryAsync(Request request, RequestStanding standing, DispatchTally tally, CancellationToken cancellationToken)
    {
        var gate = _gates.GetOrAdd(request.Route.Provider.Account, _ => new LiveGate(_options.Concurrency, _time, Intake));
        RequestError error;
        for (var attempt = 1; ; attempt++)
        {
            TimeSpan wait;
            await gate.EnterAsync(cancellationToken).ConfigureAwait(false);
            try
            {
                // What cannot be stored is not paid for: waits for a store that is away, and throws where people have to do something first.
                await _cache.ReadyAsync(cancellationToken).ConfigureAwait(false);
                if (attempt == 1)
                {
                    tally.AddSent();
                }

                var response = await CallAsync(request, gate).ConfigureAwait(false);
                tally.AddAnswered();
                var learned = new ModelUsage(request.Body.Length, response.Usage.Input, response.Usage.Output, 1);
                return (DispatchResult.Answered(response), () => _ledger.EndLive(request.Key, request.Route.Model, learned));
            }
            catch (ProviderException problem)
            {
                error = problem.Error;
                if (AccountTrouble.Of(request.Route.Provider, error) is { } refusal)
                {
                    throw refusal;
                }

                if (error.Class == ErrorClass.Permanent || attempt >= _options.MaxAttempts)
                {
                    break;
                }

                wait = Backoff(attempt, problem.RetryAfter);
                if (error.Class == ErrorClass.RateLimited)
                {
                    gate.Close(wait);
                }
            }
            finally
            {
                gate.Leave();
            }

            await Task.Delay(wait, _time, cancellationToken).ConfigureAwait(false);
        }

        _observe(new LiveSettled(request.Route, default, Failed: true));
        return (DispatchResult.Failed(error.ToString()), () => _ledger.EndLive(request.Key, error.ToString(), standing.Attempts + 1));
    }

    /// <summary>Makes one call. Once begun it is paid for, so it is not cancelled with the command, but ended by its own time-out.</summary>
    private async Task<CachedResponse> CallAsync(Request request, LiveGate gate)
    {
        var route = request.Route;
        CrashPoint.Hit("provider.live.before");
        var answer = await route.Provider.Live.SendAsync(request.Body, TimeSpan.FromSeconds(_options.TimeoutSeconds), CancellationToken.None).ConfigureAwait(false);
        CrashPoint.Hit("provider.live.after");
        gate.Observe(answer.Limits);
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
            throw new ProviderException(failure, outcomeUnknown: false);
        }

        var body = JsonText.SingleLine(answer.Body);
        if (request.Caching.Write)
        {
            await StoreAsync(request, body, usage).ConfigureAwait(false);
        }

        _observe(new LiveSettled(route, usage, Failed: false));
        return new CachedResponse(body, usage, IsBatch: false);
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
