using Sluice.Dispatch.Batch;
using Sluice.Memory;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Dispatch.Live;

/// <summary>
/// How many calls to one account may be under way, and when none may start: concurrency, an address where nobody answers, memory; and closed rate windows, which each model has for itself.
/// Says too who is to blame when calls fail: one request, or the account.
/// </summary>
/// <remarks>Thread-safe. Each experiment has its own bound; together they have the largest one. While the account is in doubt, one call at a time is made; the first answer ends the doubt.</remarks>
/// <param name="name">The account as people know it.</param>
/// <param name="time">The clock; only its timestamps count, which nobody sets back.</param>
/// <param name="intake">How much new work memory allows.</param>
/// <param name="observe">Told why calls wait.</param>
internal sealed class LiveGate(string name, TimeProvider time, Intake intake, Action<DispatchEvent> observe) : IDisposable
{
    /// <summary>So many rate limits in a row without an answer in between are no window that opens again.</summary>
    private const int MostRounds = 20;

    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(30);

    private readonly SemaphoreSlim _slots = new(0);
    private readonly Dictionary<DispatchTally, SemaphoreSlim> _places = [];
    private readonly CancellationTokenSource _end = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<RequestKey, (RequestError Error, int Attempts, long At)> _suspects = [];
    private readonly Streak _unreachable = new();
    private readonly Dictionary<string, RateState> _models = new(StringComparer.Ordinal);
    private readonly Streak _waits = new();
    private long _answers;
    private int _concurrency;
    private TimeSpan _patience;
    private SluiceException? _trouble;
    private long _closedUntil = time.GetTimestamp();
    private TaskCompletionSource? _changed;
    private bool _hasAnswered;
    private int _underWay;
    private int _refused;

    /// <summary>Gets how many calls the provider has answered or refused so far: who fails alone while it grows is to blame alone.</summary>
    public long Answers => Interlocked.Read(ref _answers);

    /// <summary>Waits for the model's rate window, for a slot, for the gate to be open, and for memory; returns when the call began, as a timestamp.</summary>
    /// <exception cref="SluiceException">The account is in a trouble that only people can end: no further call of it is made.</exception>
    public async Task<long> EnterAsync(DispatchTally tally, string model, CancellationToken cancellationToken)
    {
        var places = PlacesOf(tally);
        using var either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, _end.Token);
        try
        {
            while (true)
            {
                // Without a slot: who waits for a window takes none from the other models.
                await WaitAsync(() => Closed(StateOf(model).ClosedUntil), either.Token).ConfigureAwait(false);
                await places.WaitAsync(either.Token).ConfigureAwait(false);
                Task? mayBegin;
                try
                {
                    mayBegin = await TakeSlotAsync(model, either.Token).ConfigureAwait(false);
                }
                catch
                {
                    places.Release();
                    throw;
                }

                if (mayBegin is null)
                {
                    return time.GetTimestamp();
                }

                places.Release();
                await mayBegin.WaitAsync(either.Token).ConfigureAwait(false);
            }
        }
        catch (OperationCanceledException) when (_trouble is { } trouble && !cancellationToken.IsCancellationRequested)
        {
            throw Again(trouble);
        }
    }

    /// <summary>Gives the slot back.</summary>
    /// <param name="tally">The experiment that made the call.</param>
    /// <param name="model">The call's model.</param>
    /// <param name="isRefused">Whether the call was noted as <see cref="Refused"/>.</param>
    public void Leave(DispatchTally tally, string model, bool isRefused = false)
    {
        lock (_lock)
        {
            _underWay--;
            _refused -= isRefused ? 1 : 0;
            StateOf(model).UnderWay--;
            Wake();
        }

        _slots.Release();
        PlacesOf(tally).Release();
    }

    /// <summary>Ends every call that waits, and every later one, with an error that only people can cure; the first one stays.</summary>
    public SluiceException End(SluiceException trouble)
    {
        lock (_lock)
        {
            if (_trouble is { } earlier)
            {
                return Again(earlier);
            }

            _trouble = trouble;
        }

        _end.Cancel();
        return trouble;
    }

    /// <summary>Notes an answer: the account was sound when the call began. Returns the requests that were refused before, which are to blame themselves.</summary>
    /// <remarks>A call that began earlier proves nothing: a key may be revoked while answers of calls before are still under way.</remarks>
    /// <param name="model">The model that answered.</param>
    /// <param name="began">When the call began.</param>
    /// <param name="limits">What the answer says about the room that is left.</param>
    public IReadOnlyList<(RequestKey Key, RequestError Error, int Attempts)> Answered(string model, long began, RateLimits limits)
    {
        List<(RequestKey, RequestError, int)> refused;
        TimeSpan? outage;
        var wait = TimeSpan.Zero;
        lock (_lock)
        {
            _hasAnswered = true;
            refused = TakeSuspects(began);
            outage = EndStreaks(model);
            if (limits is { RemainingRequests: 0, RequestsReset: { } requests })
            {
                wait = requests;
            }

            if (limits is { RemainingTokens: 0, TokensReset: { } tokens } && tokens > wait)
            {
                wait = tokens;
            }

            StateOf(model).CloseFor(wait, time);
        }

        Report(outage);
        Waits(wait, $"says that the rate window of `{model}` is used up; its calls wait");
        return refused;
    }

    /// <summary>Says that one call or all of them wait for long, at most once a minute.</summary>
    /// <param name="wait">How long; what is short is not said.</param>
    /// <param name="why">What happened and what waits.</param>
    public void Waits(TimeSpan wait, string why)
    {
        bool speaks;
        lock (_lock)
        {
            speaks = wait >= LongestWait && _waits.Speaks(time);
        }

        if (speaks)
        {
            observe(new Remark($"{name} {why} for {Wait.Text(wait)}"));
        }
    }

    /// <summary>Notes that the provider itself refused a request: it is there, and takes calls.</summary>
    public void Reached(string model)
    {
        TimeSpan? outage;
        lock (_lock)
        {
            outage = EndStreaks(model);
        }

        Report(outage);
    }

    /// <summary>Notes a call that was refused in a way that may be the account's or the request's: a key, a proxy. True when it is the account's.</summary>
    /// <remarks>It is the account's when nobody else is under way who could tell otherwise, and nothing was answered since so many different requests were refused.</remarks>
    /// <param name="key">The request.</param>
    /// <param name="error">What was said.</param>
    /// <param name="attempts">How many tries it had.</param>
    /// <param name="most">How many refusals in a row are the account's, once it has answered.</param>
    public bool Refused(RequestKey key, RequestError error, int attempts, int most)
    {
        lock (_lock)
        {
            _suspects[key] = (error, attempts, time.GetTimestamp());
            // Those that were refused as well, and have not left yet, cannot tell otherwise any more.
            return ++_refused >= _underWay && _suspects.Count >= (_hasAnswered ? most : 1);
        }
    }

    /// <summary>Returns the requests whose refusal nobody has explained, when the account is sound as far as anybody knows.</summary>
    public IReadOnlyList<(RequestKey Key, RequestError Error, int Attempts)> TakeRefused()
    {
        lock (_lock)
        {
            return _trouble is null && _hasAnswered ? TakeSuspects(long.MaxValue) : [];
        }
    }

    /// <summary>Notes that nobody answers at the address: all calls wait together, longer each time. Returns the error when it has lasted too long.</summary>
    public SluiceException? Unreachable(long began, IProvider provider, RequestError error)
    {
        TimeSpan wait, since;
        bool speaks;
        lock (_lock)
        {
            if (!_unreachable.Add(began, time))
            {
                return null;
            }

            wait = Min(TimeSpan.FromSeconds(Math.Pow(2, _unreachable.Rounds - 1)), LongestWait);
            since = _unreachable.Since(time);
            if (since >= _patience)
            {
                return AccountTrouble.Of(provider, error with { Message = $"{error.Message} (for {Wait.Text(since)})" })!;
            }

            _closedUntil = Math.Max(_closedUntil, After(wait, time));
            speaks = _unreachable.Speaks(time);
        }

        if (speaks)
        {
            observe(new Remark($"{name} cannot be reached: {error.Message}; its calls wait{(since > TimeSpan.Zero ? $", for {Wait.Text(since)} so far" : "")}; trying again in {Wait.Text(wait)}"));
        }

        return null;
    }

    /// <summary>Notes a closed rate window: the model's calls wait until it opens, or for growing times. Returns the error when it never opens.</summary>
    public SluiceException? Limited(string model, long began, IProvider provider, RequestError error, TimeSpan? told, double random)
    {
        TimeSpan wait;
        bool speaks;
        lock (_lock)
        {
            var state = StateOf(model);
            // Calls of the same round are refused one after the other: each may tell a later end.
            var isNew = state.Limited.Add(began, time);
            wait = Min(TimeSpan.FromSeconds(0.5 * Math.Pow(2, state.Limited.Rounds - 1)), LongestWait * 2) * (0.5 + (0.5 * random));
            wait = told > wait ? told.Value : wait;
            if (isNew && state.Limited.Rounds >= MostRounds && state.Limited.Since(time) >= _patience)
            {
                return AccountTrouble.Limited(provider, error, state.Limited.Rounds);
            }

            if (isNew || told is not null)
            {
                state.CloseFor(wait, time);
            }

            speaks = wait >= LongestWait && state.Limited.Speaks(time);
        }

        if (speaks)
        {
            observe(new Remark($"{name}: {error}; calls of `{model}` wait for {Wait.Text(wait)}"));
        }

        return null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _slots.Dispose();
        foreach (var places in _places.Values)
        {
            places.Dispose();
        }

        _end.Dispose();
    }

    /// <summary>Returns the places of an experiment; the first time, what it asks for is made room for.</summary>
    private SemaphoreSlim PlacesOf(DispatchTally tally)
    {
        lock (_lock)
        {
            if (!_places.TryGetValue(tally, out var places))
            {
                var limits = tally.Live;
                _places[tally] = places = new SemaphoreSlim(limits.Concurrency);
                var patience = TimeSpan.FromSeconds(limits.UnreachableSeconds);
                _patience = patience > _patience ? patience : _patience;
                if (limits.Concurrency > _concurrency)
                {
                    _slots.Release(limits.Concurrency - _concurrency);
                    _concurrency = limits.Concurrency;
                }
            }

            return places;
        }
    }

    /// <summary>Takes a slot of the account and counts a call as begun; where it may not begin yet, gives the slot back and returns what to wait for.</summary>
    private async Task<Task?> TakeSlotAsync(string model, CancellationToken cancellationToken)
    {
        await _slots.WaitAsync(cancellationToken).ConfigureAwait(false);
        Task? mayBegin = Task.CompletedTask;
        try
        {
            await WaitAsync(() => Closed(_closedUntil), cancellationToken).ConfigureAwait(false);
            mayBegin = TryBegin(model);
        }
        finally
        {
            if (mayBegin is not null)
            {
                _slots.Release();
            }
        }

        return mayBegin;
    }

    /// <summary>Counts a call as begun; where it may not begin yet, returns what to wait for before trying again.</summary>
    private Task? TryBegin(string model)
    {
        // Fetched before the level is looked at, so that no change is missed.
        var changed = intake.Changed;
        lock (_lock)
        {
            // A slot may be given to a caller whose cancellation is still on its way.
            if (_trouble is { } trouble)
            {
                throw Again(trouble);
            }

            var state = StateOf(model);
            if (Closed(state.ClosedUntil) > TimeSpan.Zero)
            {
                return Task.CompletedTask;
            }

            // In doubt one call at a time finds out.
            var isInDoubt = _suspects.Count > 0 || _unreachable.Rounds > 0;
            if (_underWay < (isInDoubt ? 1 : intake.Of(_concurrency)) && (state.Limited.Rounds <= 1 || state.UnderWay == 0))
            {
                _underWay++;
                state.UnderWay++;
                return null;
            }

            _changed ??= new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            return Task.WhenAny(changed, _changed.Task);
        }
    }

    private static SluiceException Again(SluiceException trouble) => new(trouble.Kind, trouble.Message, trouble.Hint, trouble);

    private static TimeSpan Min(TimeSpan a, TimeSpan b) => a < b ? a : b;

    /// <summary>Returns, and forgets, those that were refused no later than that.</summary>
    private List<(RequestKey, RequestError, int)> TakeSuspects(long until)
    {
        List<(RequestKey, RequestError, int)> taken = [.. _suspects.Where(s => s.Value.At <= until).Select(s => (s.Key, s.Value.Error, s.Value.Attempts))];
        foreach (var (key, _, _) in taken)
        {
            _suspects.Remove(key);
        }

        Wake();
        return taken;
    }

    /// <summary>Ends what was waited for; returns how long the address could not be reached, when it could not.</summary>
    private TimeSpan? EndStreaks(string model)
    {
        Interlocked.Increment(ref _answers);
        TimeSpan? outage = _unreachable.Rounds > 0 ? _unreachable.Since(time) : null;
        _unreachable.End();
        StateOf(model).Limited.End();
        Wake();
        return outage;
    }

    private void Report(TimeSpan? outage)
    {
        if (outage is { } lasted)
        {
            observe(new Remark($"{name} answers again, after {Wait.Text(lasted)}"));
        }
    }

    private void Wake()
    {
        _changed?.SetResult();
        _changed = null;
    }

    /// <summary>Returns the state of a model's rate window.</summary>
    private RateState StateOf(string model)
    {
        lock (_lock)
        {
            if (!_models.TryGetValue(model, out var state))
            {
                _models[model] = state = new RateState { ClosedUntil = time.GetTimestamp() };
            }

            return state;
        }
    }

    private TimeSpan Closed(long until)
    {
        lock (_lock)
        {
            return time.GetElapsedTime(time.GetTimestamp(), until);
        }
    }

    private async Task WaitAsync(Func<TimeSpan> closed, CancellationToken cancellationToken)
    {
        for (var wait = closed(); wait > TimeSpan.Zero; wait = closed())
        {
            // Upwards: a delay of less than a millisecond is none, and the loop would spin.
            await Task.Delay(TimeSpan.FromMilliseconds(Math.Ceiling(wait.TotalMilliseconds)), time, cancellationToken).ConfigureAwait(false);
        }
    }

    private static long After(TimeSpan wait, TimeProvider time) => time.GetTimestamp() + (long)(wait.TotalSeconds * time.TimestampFrequency);

    /// <summary>What is known of a model's rate window. Providers count requests and tokens per model.</summary>
    private sealed class RateState
    {
        public Streak Limited { get; } = new();

        public long ClosedUntil { get; set; }

        public int UnderWay { get; set; }

        public void CloseFor(TimeSpan wait, TimeProvider time) => ClosedUntil = Math.Max(ClosedUntil, After(wait, time));
    }

    /// <summary>Rounds of equal failures without an answer in between. Calls that began before the last round was noted belong to it.</summary>
    private sealed class Streak
    {
        private long _first;
        private long _last;
        private long? _said;

        public int Rounds { get; private set; }

        /// <summary>Notes a failure; false when it belongs to the round before.</summary>
        public bool Add(long began, TimeProvider time)
        {
            if (Rounds > 0 && began <= _last)
            {
                return false;
            }

            _last = time.GetTimestamp();
            _first = Rounds++ == 0 ? _last : _first;
            return true;
        }

        public TimeSpan Since(TimeProvider time) => time.GetElapsedTime(_first);

        /// <summary>True at the first time, and once a minute.</summary>
        public bool Speaks(TimeProvider time)
        {
            if (_said is { } said && time.GetElapsedTime(said) < TimeSpan.FromMinutes(1))
            {
                return false;
            }

            _said = time.GetTimestamp();
            return true;
        }

        public void End() => (Rounds, _said) = (0, null);
    }
}
