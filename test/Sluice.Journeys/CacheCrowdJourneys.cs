using System.Diagnostics;
using System.Globalization;
using Sluice.CacheWorker;
using Sluice.Caching;
using Sluice.Testing;

namespace Sluice.Journeys;

/// <summary>Many processes on one store, some of them killed: nothing that was acknowledged is lost, nothing is torn.</summary>
public sealed class CacheCrowdJourneys : IDisposable
{
    private const int Processes = 20;
    private const int Killed = 5;
    private const int Entries = 2000;

    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-crowd-").FullName;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    [InlineData("redis")]
    public async Task Twenty_processes_share_a_store_and_five_are_killed(string kind)
    {
        Assert.SkipUnless(kind != "redis" || RedisServer.IsInstalled, RedisServer.Advice);
        using var server = kind == "redis" ? new RedisServer() : null;
        var store = server is not null ? server.Url : kind == "sqlite" ? $"sqlite:{Path.Combine(_folder, "cache.db")}" : $"jsonl:{Path.Combine(_folder, "cache")}";
        var random = new Random(11);
        var doomed = Enumerable.Range(0, Processes).OrderBy(_ => random.Next()).Take(Killed).ToHashSet();
        var workers = Enumerable.Range(0, Processes).Select(n => (Number: n, Process: Start(store, n))).ToList();
        try
        {
            // At various points of their work, told by what they have written down: sooner or later, but never before the first entry.
            await Task.WhenAll(workers.Where(w => doomed.Contains(w.Number)).Select(w => KillAfterAsync(w.Process, AcknowledgedBy(w.Number), lines: 1 + random.Next(60))));
            foreach (var (number, process) in workers)
            {
                await process.WaitForExitAsync(Cancel);
                Assert.Equal((number, doomed.Contains(number) ? 137 : 0), (number, process.ExitCode));
            }
        }
        finally
        {
            foreach (var (_, process) in workers)
            {
                process.Kill();
                process.Dispose();
            }
        }

        var warnings = new List<string>();
        await using var cache = Stores.Open(store, warnings.Add);
        var acknowledged = Enumerable.Range(0, Processes).SelectMany(Acknowledged).Distinct().ToList();
        Assert.True(acknowledged.Count > (Processes - Killed) * Entries / 2);
        foreach (var numbers in acknowledged.Chunk(500))
        {
            var found = new CachedResponse?[numbers.Length];
            await cache.GetAsync(numbers.Select(CacheWorker.Entries.KeyOf).ToArray(), found, cancellationToken: Cancel);
            for (var i = 0; i < numbers.Length; i++)
            {
                CacheWorker.Entries.Require(numbers[i], found[i] is { } response ? response.Body.Span : default);
            }
        }

        var stored = 0;
        var keys = new HashSet<string>();
        await foreach (var entry in cache.ListAsync(CacheFilter.All, withBodies: true, Cancel))
        {
            stored++;
            Assert.True(keys.Add(entry.Key.ToString()), "an entry is stored twice");
            Assert.Null(entry.Problem);
        }

        Assert.True(stored >= acknowledged.Count);
        Figures.Add($"cache crowd, {kind}: {Processes} processes, {Killed} killed, {acknowledged.Count} acknowledged entries, 0 lost, 0 torn");
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private string AcknowledgedBy(int worker) => Path.Combine(_folder, string.Create(CultureInfo.InvariantCulture, $"acknowledged-{worker}"));

    private Process Start(string store, int worker)
    {
        var program = Path.Combine(AppContext.BaseDirectory, "Sluice.CacheWorker.dll");
        return Process.Start(new ProcessStartInfo("dotnet", ["exec", program, store, $"{worker}", $"{Entries}", AcknowledgedBy(worker)]) { RedirectStandardInput = true })!;
    }

    private static Task KillAfterAsync(Process process, string acknowledged, int lines) => Poll.UntilAsync(
        () =>
        {
            if (!File.Exists(acknowledged) || File.ReadAllText(acknowledged).Count(c => c == '\n') < lines)
            {
                return false;
            }

            process.Kill();
            return true;
        },
        () => "a worker does not get on");

    /// <summary>Returns what a worker was told to be stored; a last line that it could not finish counts as not told.</summary>
    private IEnumerable<int> Acknowledged(int worker) => File.ReadAllText(AcknowledgedBy(worker)).Split('\n')[..^1]
        .SelectMany(line => line.Split(' ').Select(n => int.Parse(n, CultureInfo.InvariantCulture)));
}
