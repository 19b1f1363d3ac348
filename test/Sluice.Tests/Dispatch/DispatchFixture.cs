using System.Collections.Concurrent;
using System.Text;
using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Ledger;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch;

/// <summary>A workspace with a real ledger and cache, a scripted provider and a clock that the test moves.</summary>
internal sealed class DispatchFixture : IAsyncDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-dispatch-").FullName;

    public DispatchFixture(ScriptedProvider? provider = null)
    {
        Provider = provider ?? new ScriptedProvider();
        Ledger = new LedgerStore(Path.Combine(_folder, "ledger.db"), Time);
        Cache = new SqliteResponseCache(Path.Combine(_folder, "cache.db"), Time);
        Route = new Route(Provider, "m", null);
    }

    public SteppedTime Time { get; } = new();

    public ScriptedProvider Provider { get; }

    public LedgerStore Ledger { get; }

    public SqliteResponseCache Cache { get; }

    public Route Route { get; }

    public ConcurrentQueue<DispatchEvent> Events { get; } = new();

    /// <summary>The experiment that asks.</summary>
    public DispatchTally Tally { get; set; } = new();

    /// <summary>What the dispatchers and engines of the fixture stop by.</summary>
    public FailureStop Failures { get; set; } = new(_ => { });

    public string SpoolFolder => Path.Combine(_folder, "spool");

    public IReadOnlyList<string> Spools => Directory.Exists(SpoolFolder) ? [.. Directory.GetFiles(SpoolFolder, "*.jsonl").Order()] : [];

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public Request Request(int number, int padding = 0) => RequestOf($$"""{"i":{{number}},"p":"{{new string('x', padding)}}"}""");

    public Request RequestOf(string body)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(body);
        return new Request(RequestKey.Compute("scripted", "/v1/chat/completions", bytes, 0), bytes, Route, null);
    }

    public BatchDispatcher Batches(Action<Intent>? onSealed = null) =>
        new(Ledger, Cache, SpoolFolder, onSealed ?? (_ => { }), failures: Failures);

    /// <summary>Opens the ledger as another process does.</summary>
    public LedgerStore OpenLedger(string owner) => new(Path.Combine(_folder, "ledger.db"), Time, owner);

    /// <summary>Opens the ledger as a process does for which every other one is dead.</summary>
    public LedgerStore OpenRival() => new(Path.Combine(_folder, "ledger.db"), Time, "1:1@elsewhere", _ => false);

    /// <summary>Spools and seals requests; returns their keys.</summary>
    public async Task<RequestKey[]> SpoolAsync(int count, int from = 0)
    {
        using BatchDispatcher dispatcher = Batches();
        var requests = Enumerable.Range(from, count).Select(i => Request(i)).ToList();
        foreach (Request request in requests)
        {
            await dispatcher.DispatchAsync(request, Tally, Token);
        }

        await dispatcher.FlushAsync(Token);
        return [.. requests.Select(r => r.Key)];
    }

    public BatchEngine Engine(ScriptedProvider? provider = null) => new(new BatchContext(Ledger, Cache, (provider ?? Provider).Registry(), SpoolFolder, Time, Events.Enqueue) { Failures = Failures });

    /// <summary>Lets the experiment that asks have so many tries of a request in batches.</summary>
    public void AllowTries(int most) => Tally = new DispatchTally { Terms = BatchTerms.Of(null, deletesFiles: false, most), Live = Tally.Live };

    /// <summary>Runs an engine, moving the clock, until a condition holds; returns how far the clock was moved.</summary>
    public async Task<TimeSpan> RunUntilAsync(Func<bool> condition, BatchEngine? engine = null, bool submit = true)
    {
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Token);
        engine ??= Engine();
        Task running = engine.RunAsync(submit, stop.Token);
        DateTimeOffset began = Time.GetUtcNow();
        int idle = 0;
        while (!condition() && !running.IsCompleted)
        {
            // The clock moves only when the engine has come to wait for it, so that hours pass in a second and nothing is missed.
            if (await Time.ArmedAsync(Token))
            {
                Time.Advance(TimeSpan.FromMilliseconds(200));
            }
            else
            {
                Assert.True(++idle < 60_000, "the engine hangs: " + string.Join(' ', Provider.Calls));
            }

            Assert.True(Time.GetUtcNow() - began < TimeSpan.FromHours(6), "the engine never got there: " + string.Join(' ', Provider.Calls.Take(100)));
        }

        await stop.CancelAsync();
        try
        {
            await running;
        }
        catch (OperationCanceledException)
        {
            // As asked.
        }

        return Time.GetUtcNow() - began;
    }

    public async Task<CachedResponse?> GetAsync(RequestKey key)
    {
        var found = new CachedResponse?[1];
        await Cache.GetAsync(new[] { key }, found, cancellationToken: Token);
        return found[0];
    }

    public async Task PutAsync(RequestKey key, string text = "cached") =>
        await Cache.PutAsync([new CacheEntry(key, Encoding.UTF8.GetBytes(ScriptedProvider.Body(text)), new TokenUsage(1, 1)) { Origin = new ResponseOrigin("scripted", "m", "b") }], cancellationToken: Token);

    public async ValueTask DisposeAsync()
    {
        await Cache.DisposeAsync();
        Ledger.Dispose();
        Directory.Delete(_folder, recursive: true);
    }
}
