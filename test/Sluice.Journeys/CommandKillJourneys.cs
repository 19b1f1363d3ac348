using System.Collections.Concurrent;
using System.Globalization;
using System.Text;
using Sluice.Caching;

namespace Sluice.Journeys;

/// <summary>
/// <c>kill -9</c> at every named point of the commands that look after a workspace, then the same command again: it ends as if nothing had
/// happened, and no answer is lost. SLUICE_LONG=1 takes every point at more of its hits.
/// </summary>
public sealed class CommandKillJourneys : Journey
{
    private const int Samples = 40;

    /// <summary>At how many of its hits the program is killed at a point.</summary>
    private static readonly int Hits = Scale.Of(quick: 1, usual: 1, full: 5);

    [Fact]
    public async Task Adopt_from_the_provider()
    {
        await SweptAsync();
        Directory.Delete(Path.Combine(Folder, ".sluice"), recursive: true);
        await SweepPointsAsync("adopt", 0, Answers, "adopt", "--provider", "openai");
    }

    [Fact]
    public async Task Adopt_of_batches_under_way()
    {
        await ProviderAsync(batchDelay: 600);
        Dataset(Samples);
        Config(more: "batch: { max_requests: 20 }");
        (await RunAsync("submit", "configs", "--sweep", "s")).Is(8);
        Directory.Delete(Path.Combine(Folder, ".sluice"), recursive: true);
        await SweepPointsAsync("adopt", 0, BatchesAsync, "adopt", "--provider", "openai");
    }

    [Fact]
    public async Task Adopt_from_results()
    {
        await SweptAsync();
        Directory.Delete(Path.Combine(Folder, ".sluice"), recursive: true);
        await SweepPointsAsync("adopt.results", 0, Answers, "adopt", "--results", "s");
    }

    [Fact]
    public async Task Adopt_from_files()
    {
        await SweptAsync();
        string[] files = [.. Directory.EnumerateFiles(Path.Combine(Folder, "provider0"), "*", SearchOption.AllDirectories).Where(f => File.ReadLines(f).FirstOrDefault()?.Contains("\"response\"", StringComparison.Ordinal) == true)];
        Directory.Delete(Path.Combine(Folder, ".sluice"), recursive: true);
        await SweepPointsAsync("cache.put", 0, Answers, ["adopt", .. files]);
    }

    [Fact]
    public async Task Doctor_that_forgets()
    {
        await SweptAsync("batch_mode=false");
        foreach (var file in Directory.GetFiles(Path.Combine(Folder, ".sluice"), "cache.db*"))
        {
            File.Delete(file);
        }

        await SweepPointsAsync("ledger", 0, async workspace => (await RunAsync("doctor", "--workspace", workspace)).Is(0).Output, "doctor", "--forget");
    }

    [Fact]
    public async Task Doctor_of_a_damaged_cache_and_a_damaged_ledger()
    {
        await SweptAsync();
        CacheFile.Change(Folder, "UPDATE responses SET body=zeroblob(length(body)) WHERE id=7");
        var ledger = Path.Combine(Folder, ".sluice/ledger.db");
        var bytes = await File.ReadAllBytesAsync(ledger, Cancel);
        bytes.AsSpan(0, 64).Fill(7);
        await File.WriteAllBytesAsync(ledger, bytes, Cancel);
        // The damaged answer is lost, and that is left for people to decide.
        await SweepPointsAsync("repair", 1, Answers, ["doctor", "--repair"], async workspace => Assert.Equal((2 * Samples) - 1, await CacheFile.SoundAsync(workspace)));
    }

    [Fact]
    public async Task Doctor_that_takes_in_what_a_damaged_file_holds()
    {
        await SweptAsync();
        var cache = Path.Combine(Folder, ".sluice/cache.db");
        File.Copy(cache, cache + ".damaged-1");
        CacheFile.Change(Folder, "DELETE FROM responses WHERE id>20; DELETE FROM keys WHERE value>20; DELETE FROM keys_recent WHERE value>20");
        await SweepPointsAsync("repair", 0, Answers, "doctor", "--repair");
    }

    [Theory]
    [InlineData("sqlite")]
    [InlineData("jsonl")]
    public async Task Compact_and_prune(string backend)
    {
        await SweptAsync($"cache.backend={backend}");
        await SweepPointsAsync("cache", 0, Answers, "cache", "compact");
        // A part of the answers goes; those that stay are all there. (A model that is no longer there would be taken for a slip when the command is run again.)
        var sizes = await SizesAsync(backend);
        await SweepPointsAsync("cache", 0, Answers, "cache", "prune", "--min-bytes", sizes.First(size => size > sizes[0]).ToString(CultureInfo.InvariantCulture), "--yes");
    }

    [Theory]
    [InlineData("sqlite:copy.db")]
    [InlineData("jsonl:copy")]
    public async Task Import_and_copy(string target)
    {
        await SweptAsync();
        (await RunAsync("cache", "export", "export.jsonl")).Is(0);
        var (kind, name) = (target.Split(':')[0], target.Split(':')[1]);
        await SweepPointsAsync("group", 0, workspace => AnswersAsync(kind, Path.Combine(workspace, name)), "cache", "copy", "--to", $"{kind}:WORKSPACE/{name}");
        await SweepPointsAsync("group", 0, workspace => AnswersAsync(kind, Path.Combine(workspace, name)), "cache", "import", "export.jsonl", "--cache", $"{kind}:WORKSPACE/{name}");
    }

    private static Task<string> Answers(string workspace) =>
        Directory.Exists(Path.Combine(workspace, ".sluice/cache")) ? AnswersAsync("jsonl", Path.Combine(workspace, ".sluice/cache")) : AnswersAsync("sqlite", Path.Combine(workspace, ".sluice/cache.db"));

    /// <summary>Makes a workspace with answers of two models.</summary>
    private async Task SweptAsync(params string[] more)
    {
        await ProviderAsync();
        Dataset(Samples);
        Config(more: "batch: { max_requests: 20 }");
        Config("two", model: "gpt-4o", more: "batch: { max_requests: 20 }");
        (await RunAsync(["run", "configs", "--sweep", "s", .. more])).Is(0);
    }

    /// <summary>Runs a command in copies of the workspace: once undisturbed, then killed at each point that it comes to and run again.</summary>
    /// <param name="area">The beginning of a point that it must come to, so that the sweep is one of that command.</param>
    /// <param name="exitCode">How it ends.</param>
    /// <param name="state">Tells what a workspace has in the end.</param>
    /// <param name="args">The command; WORKSPACE stands for the workspace's folder.</param>
    private Task SweepPointsAsync(string area, int exitCode, Func<string, Task<string>> state, params string[] args) => SweepPointsAsync(area, exitCode, state, args, _ => Task.CompletedTask);

    /// <param name="area">As above.</param>
    /// <param name="exitCode">How it ends.</param>
    /// <param name="state">Tells what a workspace has in the end.</param>
    /// <param name="args">The command.</param>
    /// <param name="lookAfterKill">Looks at what a killed command has left, before it is run again.</param>
    private async Task SweepPointsAsync(string area, int exitCode, Func<string, Task<string>> state, string[] args, Func<string, Task> lookAfterKill)
    {
        var calm = Copy("calm");
        (await RunInAsync(calm, null, args)).Is(exitCode);
        var points = await File.ReadAllLinesAsync(calm + "-points", Cancel);
        Assert.Contains(points, p => p.StartsWith(area, StringComparison.Ordinal));
        var expected = await state(calm);
        Assert.NotEmpty(expected);
        var problems = new ConcurrentQueue<string>();
        var kills = 0;
        var cases = points.Where(p => int.Parse(p.Split('#')[1], CultureInfo.InvariantCulture) <= Hits).ToList();
        await Parallel.ForEachAsync(cases.Index(), new ParallelOptions { MaxDegreeOfParallelism = 3, CancellationToken = Cancel }, async (one, _) =>
        {
            var workspace = Copy($"case{one.Index}");
            try
            {
                var killed = await RunInAsync(workspace, one.Item, args);
                Interlocked.Add(ref kills, killed.ExitCode == 128 + 9 ? 1 : 0);
                await lookAfterKill(workspace);
                (await RunInAsync(workspace, null, args)).Is(exitCode);
                Assert.Equal(expected, await state(workspace));
                Assert.DoesNotContain(Directory.EnumerateFiles(workspace, "*", SearchOption.AllDirectories), f => f.Contains(".tmp", StringComparison.Ordinal));
            }
            catch (Exception error) when (error is not OperationCanceledException)
            {
                problems.Enqueue($"=== killed at {one.Item}\n{error.Message}");
            }

            Directory.Delete(workspace, recursive: true);
        });
        Directory.Delete(calm, recursive: true);
        Figures.Add($"kill sweep of `{string.Join(' ', args.Take(2))}`: {kills} kills at {cases.Count} points, {problems.Count} violations");
        Assert.True(problems.IsEmpty, string.Join("\n", problems));
        Assert.True(kills * 5 > cases.Count * 4, $"only {kills} of {cases.Count} kills came about");
    }

    private async Task<CliResult> RunInAsync(string workspace, string? at, string[] args)
    {
        var root = Simulator.Address.GetLeftPart(UriPartial.Authority);
        var environment = new Dictionary<string, string> { ["OPENAI_BASE_URL"] = root + "/v1", ["OPENAI_API_KEY"] = "sk-journey", ["SLUICE_CRASH_LOG"] = workspace + "-points" };
        if (at is not null)
        {
            environment["SLUICE_CRASH_AT"] = at;
        }

        File.Delete(workspace + "-points");
        await using var run = CliRun.StartCrashing(Folder, environment, [.. args.Select(a => a.Replace("WORKSPACE", workspace, StringComparison.Ordinal)), "--workspace", workspace]);
        return await run.EndAsync();
    }

    /// <summary>Returns what a store has, without what depends on the moment.</summary>
    private static async Task<string> AnswersAsync(string kind, string path)
    {
        await using ICacheStore store = Open(kind, path);
        var found = new List<string>();
        await foreach (var entry in store.ListAsync(CacheFilter.All, withBodies: true, Cancel))
        {
            Assert.Null(entry.Problem);
            var response = new CachedResponse?[1];
            await store.GetAsync(new[] { entry.Key }, response, cancellationToken: Cancel);
            Assert.Equal(Encoding.UTF8.GetString(entry.Body!), Encoding.UTF8.GetString(response[0]!.Body.Span));
            found.Add($"{entry.Key} {entry.Origin.Model} {entry.Usage} {Encoding.UTF8.GetString(entry.Body!)}");
        }

        return string.Join('\n', found.Order(StringComparer.Ordinal));
    }

    private static ICacheStore Open(string kind, string path) => kind == "sqlite" ? new SqliteResponseCache(path, TimeProvider.System) : new JsonlResponseCache(path, TimeProvider.System, _ => { });

    /// <summary>Returns how large the bodies are that the workspace has, smallest first.</summary>
    private async Task<List<long>> SizesAsync(string backend)
    {
        await using ICacheStore store = Open(backend, Path.Combine(Folder, backend == "sqlite" ? ".sluice/cache.db" : ".sluice/cache"));
        var sizes = new List<long>();
        await foreach (var entry in store.ListAsync(CacheFilter.All, withBodies: false, Cancel))
        {
            sizes.Add(entry.Size);
        }

        sizes.Sort();
        return sizes;
    }

    private async Task<string> BatchesAsync(string workspace) => string.Join(
        '\n', (await RunAsync("status", "--json", "--workspace", workspace)).Is(8).Json["batches"]!.AsArray().Select(b => $"{b!["batch"]} {b["state"]} {b["requests"]}").Order(StringComparer.Ordinal));
}
