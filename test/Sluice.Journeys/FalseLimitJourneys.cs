using System.Text.Json.Nodes;

namespace Sluice.Journeys;

/// <summary>The real program below a container's limit, which gets scarce and free again while it runs.</summary>
public sealed class FalseLimitJourneys : Journey
{
    private const long MiB = 1L << 20;
    private const long Limit = 1024 * MiB;

    [Fact]
    public async Task The_containers_limit_is_shown_and_a_run_that_needs_more_is_refused()
    {
        var limit = new FalseLimit(Folder, Limit);
        limit.Use(424 * MiB);
        var memory = (await RunBelowAsync(limit, "memory", "--json")).Is(0).Json;
        Assert.Equal((Limit, 600 * MiB), (memory["limit_bytes"]!.GetValue<long>(), memory["headroom_bytes"]!.GetValue<long>()));
        (await RunBelowAsync(limit, "memory")).Is(0).Says("this container may use 1 GiB");

        await ProviderAsync();
        Dataset(20);
        Config();
        (await RunBelowAsync(limit, "run", "configs", "memory.required_gb=0.7", "memory.enforce=true")).Explains(5, "600 MiB", "0.7 GB");
        Assert.Equal(0, OpenAI.BatchesCreated);

        limit.Use(100 * MiB);
        (await RunBelowAsync(limit, "run", "configs", "memory.required_gb=0.7", "memory.enforce=true")).Is(0);
    }

    [Fact]
    public async Task A_run_begins_nothing_while_the_container_is_full_and_goes_on_when_it_is_not()
    {
        var limit = new FalseLimit(Folder, Limit);
        limit.Use(980 * MiB);
        await ProviderAsync();
        Dataset(20);
        Config();
        var run = StartBy(limit.Way, "run", "configs", "memory.required_gb=0.01");
        await run.SaysAsync("nothing new is begun");
        Assert.Equal(0, OpenAI.BatchesCreated);

        limit.Use(100 * MiB);
        await run.SaysAsync("it goes on");
        (await run.EndAsync()).Is(0);
        Assert.Equal((20L, 0L), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task Jobs_are_paused_and_resumed_by_the_containers_limit_and_all_of_them_end_well()
    {
        var limit = new FalseLimit(Folder, Limit);
        limit.Use(200 * MiB);
        var launch = StartBy(limit.Way, "launch", "-j", "2", "--mem", "20MB", "--name", "jobs", "-m", "x=1,2", "--",
            "sh", "-c", "while [ ! -e go ]; do sleep 0.05; done", "sh");
        await DecidesAsync("start", "start");

        limit.Use(940 * MiB);
        await DecidesAsync("start", "start", "pause");
        Assert.Equal(1, Decisions()[^1]["job"]!.GetValue<int>());
        limit.Use(400 * MiB);
        await DecidesAsync("start", "start", "pause", "resume");
        await File.WriteAllTextAsync(Path.Combine(Folder, "go"), "", Cancel);

        (await launch.EndAsync()).Is(0).Says("job 0 done", "job 1 done");
        Assert.All(Decisions(), decision => Assert.Equal(Limit, decision["limit_bytes"]!.GetValue<long>()));
    }

    private Task<CliResult> RunBelowAsync(FalseLimit limit, params string[] args) => StartBy(limit.Way, args).EndAsync();

    /// <summary>Waits until the governor has decided just this, changes of level left out.</summary>
    private Task DecidesAsync(params string[] verbs) =>
        Poll.UntilAsync(() => Verbs().SequenceEqual(verbs), () => $"it decided {string.Join(", ", Verbs())}, not {string.Join(", ", verbs)}");

    private IEnumerable<string> Verbs() => Decisions().Select(decision => (string)decision["verb"]!);

    /// <summary>Reads the decisions that are written whole.</summary>
    private List<JsonNode> Decisions()
    {
        var path = Path.Combine(Folder, ".sluice/memory.jsonl");
        var text = File.Exists(path) ? File.ReadAllText(path) : "";
        return [.. text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonNode.Parse(line)!).Where(d => d["job"] is not null)];
    }
}
