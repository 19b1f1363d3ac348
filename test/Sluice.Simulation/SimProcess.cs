using System.Globalization;
using System.Text;
using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Dispatch.Live;
using Sluice.Experiments;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Simulation;

/// <summary>A killed process runs no further. Thrown out of every crash point, so that no clean-up code writes either: real death has none.</summary>
internal sealed class SimulatedDeathException : Exception;

/// <summary>How a process ended.</summary>
internal enum Ending
{
    /// <summary>It still runs, or stands still.</summary>
    None,

    /// <summary>Everything it wanted is answered or failed for good.</summary>
    Done,

    /// <summary>It was asked to stop, or the provider refused its key.</summary>
    Stopped,

    /// <summary>It was killed.</summary>
    Killed,
}

/// <summary>One run of the program: a ledger of its own over the shared file, dispatchers, an engine, and the loop around them that a sweep is.</summary>
internal sealed class SimProcess
{
    private static readonly AsyncLocal<SimProcess?> Running = new();

    private readonly World _world;
    private readonly SimTime _time;
    private readonly SimClient _client;
    private readonly IResponseCache _cache;
    private readonly CancellationTokenSource _stop = new();
    private readonly bool _isLive;
    private readonly int[] _numbers;
    private readonly TimeSpan _coarseness;
    private Task? _settled;

    public SimProcess(World world, int slot, int number, int[] requests, bool isLive)
    {
        _world = world;
        Slot = slot;
        Name = string.Create(CultureInfo.InvariantCulture, $"p{slot}.{number}");
        var host = world.Plan.Host switch { HostKind.OneNamespace => "simulated_1", HostKind.Containers => $"simulated_{slot + 1}", _ => $"machine{slot + 1}_1" };
        Owner = string.Create(CultureInfo.InvariantCulture, $"{number}:{slot}@{host}");
        _time = new SimTime(world, this);
        _client = new SimClient(world, this, _time);
        _cache = world.Cache.For(this);
        _numbers = requests;
        _isLive = isLive;
        _coarseness = TimeSpan.FromMilliseconds((world.Plan.IsLocal ? [200, 2000, 4000] : new[] { 2000, 6000, 10_000 })[world.Random.Next(3)]);
    }

    /// <summary>Gets the process whose code runs now; null for the driver.</summary>
    public static SimProcess? Current => Running.Value;

    public int Slot { get; }

    public string Name { get; }

    public string Owner { get; }

    public LedgerStore? Ledger { get; private set; }

    public Ending Ending { get; private set; }

    public bool IsDead { get; private set; }

    public bool IsStopped { get; set; }

    /// <summary>Gets or sets whether it has stood still for longer than its lease: what it does then, others may have done too.</summary>
    public bool HasLostLease { get; set; }

    /// <summary>Gets what would have happened to it while it stood still.</summary>
    public List<Action> Missed { get; } = [];

    public int Hits { get; private set; }

    /// <summary>Gets or sets at which crash point it dies.</summary>
    public int DieAt { get; set; }

    /// <summary>Gets or sets at which crash point it stands still for longer than its lease.</summary>
    public int StandAt { get; set; }

    /// <summary>Gets which requests failed for good, and why.</summary>
    public Dictionary<int, string> Failed { get; } = [];

    public bool IsRunning => Ending == Ending.None && !IsDead;

    /// <summary>Gets how late its timers are at most. Long waits are walked through in longer steps.</summary>
    public TimeSpan Coarseness => _world.Elapsed > TimeSpan.FromMinutes(15) ? TimeSpan.FromSeconds(10) : _coarseness;

    /// <summary>Runs code as this process.</summary>
    public void Do(Action action) => ExecutionContext.Run(
        ExecutionContext.Capture()!,
        _ =>
        {
            Running.Value = this;
            action();
        },
        null);

    public void RequireAlive()
    {
        _world.Step();
        if (IsDead)
        {
            throw new SimulatedDeathException();
        }
    }

    /// <summary>Lets others go first, with this chance.</summary>
    public async ValueTask TurnAsync(double chance)
    {
        RequireAlive();
        if (chance > 0 && _world.Chance(chance))
        {
            var turn = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
            _world.After(_world.Between(0, 0.5), this, turn.SetResult);
            await turn.Task;
            RequireAlive();
        }
    }

    public void Begin()
    {
        _world.Trace(Name, _isLive ? "starts, live" : "starts");
        Do(() => _ = MainAsync());
    }

    public void Kill(string where)
    {
        if (IsRunning)
        {
            IsDead = true;
            Ending = Ending.Killed;
            _world.Kills++;
            _world.Trace(Name, "killed " + where);
            _world.Stage.Ended(this);
        }
    }

    public void Interrupt()
    {
        _world.Trace(Name, "asked to stop");
        Do(_stop.Cancel);
    }

    public void Stop(TimeSpan time)
    {
        if (!IsRunning || IsStopped)
        {
            return;
        }

        _world.Trace(Name, "stopped");
        IsStopped = true;
        HasLostLease |= time > LedgerStore.LeaseTime / 2;
        _world.After(time, null, Continue);
    }

    public void Continue()
    {
        if (IsStopped)
        {
            _world.Trace(Name, "goes on");
            IsStopped = false;
            foreach (var missed in Missed)
            {
                _world.After(TimeSpan.Zero, this, missed);
            }

            Missed.Clear();
        }
    }

    /// <summary>Comes at each crash point that this process's code passes.</summary>
    public void Hit(string point)
    {
        RequireAlive();
        Hits++;
        if (Hits == DieAt)
        {
            Kill("at " + point);
            throw new SimulatedDeathException();
        }

        if (Hits == StandAt)
        {
            _world.Stage.StandStill(this, point);
        }
    }

    private async Task MainAsync()
    {
        try
        {
            await SweepAsync();
            End(Ending.Done);
        }
        catch (SimulatedDeathException)
        {
            // Dead already.
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            End(Ending.Stopped);
        }
        catch (SluiceException error) when (IsOfTheWorld(error) && !IsDead)
        {
            _world.Trace(Name, "says: " + _world.WithNames(error.Message));
            End(Ending.Stopped);
        }
        catch (Exception error) when (!IsDead)
        {
            _world.Violate($"{Name} ends with an error: {error}");
            End(Ending.Stopped);
        }
    }

    /// <summary>Tells whether a command may end with an error: where a key was refused, or where something stood between it and the provider.</summary>
    private bool IsOfTheWorld(SluiceException error) =>
        error.Kind == ErrorKind.Credentials || (error.Kind is ErrorKind.Environment or ErrorKind.Usage && _world.Plan.Redirects + _world.Plan.Pages > 0);

    private void End(Ending ending)
    {
        if (!IsDead)
        {
            Ending = ending;
            _world.Trace(Name, $"ends: {ending}");
            _world.Stage.Ended(this);
        }
    }

    private async Task SweepAsync()
    {
        var ledger = new LedgerStore(_world.LedgerPath, _time, Owner, _world.Stage.IsAlive);
        Ledger = ledger;
        try
        {
            using var done = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
            var registry = new ProviderRegistry([_client], new ProviderEnvironment(_ => null, _world.Stage.NoHttp, _time));
            var engine = new BatchEngine(new BatchContext(ledger, _cache, registry, _world.SpoolFolder, _time, Observe));
            using var batches = new BatchDispatcher(ledger, _cache, _world.SpoolFolder, _ => engine.Notify());
            using var live = new LiveDispatcher(ledger, _cache, _time, Observe, _world.Random.NextDouble);
            engine.ClearUp();
            foreach (var unknown in ledger.UnknownSpools(_world.SpoolFolder))
            {
                _world.Violate($"{Name} finds a spool that the ledger does not know: {unknown}");
            }

            var carrying = engine.RunAsync(submit: true, done.Token);
            var work = RunAsync(batches, live, engine, done.Token);
            try
            {
                await await Task.WhenAny(work, carrying);
                await work;
            }
            finally
            {
                await done.CancelAsync();
                await ledger.KeepLeaseWhileAsync(Task.WhenAll(carrying, work)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }

            await engine.CloseSettledAsync(_stop.Token);
        }
        finally
        {
            ledger.Dispose();
            _client.Dispose();
        }
    }

    private async Task RunAsync(BatchDispatcher batches, LiveDispatcher live, BatchEngine engine, CancellationToken cancellationToken)
    {
        var routes = Enumerable.Range(0, _world.Plan.Models).Select(i => new Route(_client, $"m{i}", null)).ToArray();
        var pending = _numbers.ToList();
        var tally = new DispatchTally
        {
            Terms = BatchTerms.Default with { MaxAttempts = Stage.MaxAttempts },
            BatchSize = new BatchDispatchOptions(_world.Plan.MaxRequests, null),
            Live = new LiveOptions { Concurrency = 4, MaxAttempts = Stage.MaxAttempts },
        };
        while (true)
        {
            await TurnAsync(1);
            IDispatcher dispatcher = _isLive ? live : batches;
            var left = new List<int>();
            foreach (var chunk in pending.Chunk(_isLive ? 4 : 1))
            {
                var results = await Task.WhenAll(chunk.Select(number => AskAsync(number, routes, dispatcher, tally, cancellationToken)));
                left.AddRange(chunk.Where((_, i) => !results[i]));
            }

            foreach (var route in routes)
            {
                await batches.FlushAsync(route, cancellationToken);
            }

            engine.Notify();
            pending = left;
            if (pending.Count == 0)
            {
                return;
            }

            if (tally.WaitingFor().Count == 0)
            {
                _world.Violate($"{Name} waits for nothing, and {pending.Count} requests are neither answered nor failed");
                return;
            }

            await NextAsync(tally, engine, cancellationToken);
        }
    }

    /// <summary>Returns whether a request is answered or failed for good; else it is on its way.</summary>
    private async Task<bool> AskAsync(int number, Route[] routes, IDispatcher dispatcher, DispatchTally tally, CancellationToken cancellationToken)
    {
        var request = Stage.RequestOf(number, routes, _client.Dialect);
        var found = new CachedResponse?[1];
        await _cache.GetAsync(new[] { request.Key }, found, cancellationToken: cancellationToken);
        if (found[0] is not null)
        {
            return true;
        }

        var result = await dispatcher.DispatchAsync(request, tally, cancellationToken);
        if (result.Failure is { } failure)
        {
            Failed[number] = failure;
        }

        return result.Response is not null || result.Failure is not null;
    }

    /// <summary>Waits until another replay would see more, as a sweep does.</summary>
    private async Task NextAsync(DispatchTally tally, BatchEngine engine, CancellationToken cancellationToken)
    {
        for (var ticked = false; ; ticked = true)
        {
            var open = Ledger!.Open().Select(i => i.Row).ToHashSet();
            var settled = tally.WaitingFor().Where(row => !open.Contains(row) && (ticked || !RequestStanding.IsLive(row))).ToList();
            settled.ForEach(row => tally.Settle(row));
            if (settled.Count > 0)
            {
                return;
            }

            // Other processes settle batches too: they are seen once a second.
            _settled ??= engine.Settled.WaitToReadAsync(cancellationToken).AsTask();
            await Task.WhenAny(_settled, Task.Delay(TimeSpan.FromSeconds(1), _time, cancellationToken));
            cancellationToken.ThrowIfCancellationRequested();
            if (_settled.IsCompleted)
            {
                await _settled;
                _settled = null;
                while (engine.Settled.TryRead(out _))
                {
                }
            }
        }
    }

    private void Observe(DispatchEvent told)
    {
        if (IsDead)
        {
            return;
        }

        switch (told)
        {
            case Remark remark:
                _world.Remarks.Add(remark.Text);
                _world.Trace(Name, "says: " + _world.WithNames(remark.Text));
                break;
            case BatchChanged changed when changed.Info is null:
                _world.Trace(Name, string.Create(CultureInfo.InvariantCulture, $"{_world.NameOf(changed.Intent.Id)} {changed.Intent.State} attempt {changed.Intent.Attempt} fence {changed.Intent.Fence} {changed.Intent.BatchId}"));
                break;
            case BatchSettled settled:
                _world.Trace(Name, _world.WithNames($"{settled.Intent.Id} settled: {settled.Report.Responses} responses, {settled.Report.Retryable} to retry, {settled.Report.Failed} failed, {settled.Report.Missing} missing"));
                break;
            default:
                break;
        }
    }
}
