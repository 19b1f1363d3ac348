using System.Diagnostics;
using System.Globalization;
using Sluice.Ledger;
using Sluice.Simulation;

var from = 1;
var to = 10_000;
var trace = false;
for (var i = 0; i < args.Length; i++)
{
    switch (args[i])
    {
        case "--trace":
            trace = true;
            break;
        case "--seed" when i + 1 < args.Length:
            from = to = int.Parse(args[++i], CultureInfo.InvariantCulture);
            break;
        case "--seeds" when i + 1 < args.Length && args[i + 1].Split("..") is [var first, var last]:
            (from, to) = (int.Parse(first, CultureInfo.InvariantCulture), int.Parse(last, CultureInfo.InvariantCulture));
            i++;
            break;
        default:
            Console.Error.WriteLine("usage: Sluice.Simulation [--seeds FROM..TO | --seed N] [--trace]");
            return 2;
    }
}

CrashPoints.Watch();
var root = Path.Combine(Directory.Exists("/dev/shm") ? "/dev/shm" : Path.GetTempPath(), $"sluice-simulation-{Environment.ProcessId}");
Directory.CreateDirectory(root);
try
{
    // On the pool: there is one worker, and everything runs on it.
    return await Task.Run(() => new Runs(root, trace).RunAsync(from, to));
}
finally
{
    Directory.Delete(root, recursive: true);
}

/// <summary>Runs seeds and counts.</summary>
internal sealed class Runs(string root, bool trace)
{
    private const int CheckedTwice = 100;

    private readonly string _template = Path.Combine(root, "template.db");
    private long _requests;
    private long _kills;
    private long _faults;
    private long _events;
    private int _failed;

    public async Task<int> RunAsync(int from, int to)
    {
        // The schema is made once; each seed begins with a copy.
        new LedgerStore(_template, TimeProvider.System, "0:0@simulated", _ => null).Dispose();
        var clock = Stopwatch.StartNew();
        var told = clock.Elapsed;
        for (var seed = from; seed <= to; seed++)
        {
            var world = await RunOneAsync(seed, trace ? Console.Out : null);
            _requests += world.Plan.Requests;
            _kills += world.Kills;
            _faults += world.Faults;
            _events += world.Events;
            if (world.Violations.Count == 0 && !trace && seed % CheckedTwice == 0 && (await RunOneAsync(seed, null)).Hash != world.Hash)
            {
                world.Violations.Add("two runs differ");
            }

            if (world.Violations.Count > 0)
            {
                _failed++;
                Console.WriteLine($"seed {seed}: {world.Violations.Count} violations [FAIL]");
                foreach (var violation in world.Violations.Take(5))
                {
                    Console.WriteLine("    " + world.WithNames(violation));
                }
            }

            if (trace)
            {
                Console.WriteLine($"trace {world.Hash:x16}");
            }

            if (clock.Elapsed - told > TimeSpan.FromSeconds(10))
            {
                told = clock.Elapsed;
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{seed - from + 1} seeds, {_failed} failed, {told.TotalSeconds:0} s"));
            }
        }

        var count = to - from + 1;
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"simulation: {count:#,0} seeds, {_requests:#,0} requests, {_kills:#,0} kills, {_faults:#,0} faults, {_events:#,0} events, {_failed} violations, {clock.Elapsed.TotalSeconds:0} s"));
        Console.WriteLine($"Total: {count}, Errors: 0, Failed: {_failed}, Skipped: 0");
        return _failed == 0 ? 0 : 1;
    }

    private async Task<World> RunOneAsync(int seed, TextWriter? log)
    {
        var folder = Path.Combine(root, seed.ToString(CultureInfo.InvariantCulture));
        Directory.CreateDirectory(folder);
        File.Copy(_template, Path.Combine(folder, "ledger.db"));
        var world = new World(seed, folder, log);
        try
        {
            await world.RunAsync();
        }
        catch (Exception error) when (error is not OutOfMemoryException)
        {
            world.Violations.Add($"the simulation itself: {error}");
            world.Stage.CleanUp();
        }

        Directory.Delete(folder, recursive: true);
        return world;
    }
}
