using System.Text.Json.Nodes;
using Sluice.Simulator;
using Sluice.Testing;

namespace Sluice.Journeys;

/// <summary>A workspace of an earlier release opens and goes on: nothing is lost, nothing is asked again (test/workspaces).</summary>
public sealed class OldWorkspaceJourneys : Journey
{
    private const string Release = "4b31da8";

    /// <summary>The batches, calls and lines that the provider has not carried out yet when its workspace is found, by experiment; of all others it has carried out everything.</summary>
    private static readonly Dictionary<string, int> ToDo = new()
    {
        // Under way at the provider, whatever the ledger knows of it; each goes on when the provider does.
        ["submitted"] = 9, ["two-steps"] = 5, ["creating-made"] = 4, ["unknown-made"] = 6, ["needs-decision"] = 8,
        ["ant-provisional"] = 16, ["ant-creating"] = 17, ["compat-submitted"] = 6, ["of others"] = 19,
        // Never made. Two lines of retry-lines have failed once.
        ["sealed"] = 11, ["uploaded"] = 12, ["spooling"] = 13, ["creating-not-made"] = 5, ["unknown-not-made"] = 7, ["retry-lines"] = 2,
        ["ant-unknown"] = 18, ["ant-foreign"] = 19, ["compat-sealed"] = 7,
        // Live calls that were killed: nobody can tell whether they were answered.
        ["live-cut"] = 5,
    };

    private static readonly Dictionary<string, int> ToDoInLines = new() { ["submitted"] = 7, ["ant-submitted"] = 9, ["sealed"] = 8, ["spooling"] = 4, ["live-cut"] = 3 };

    private static readonly Dictionary<string, int> Failed = new() { ["failed-line"] = 1, ["live-failed"] = 1, ["refused"] = 6 };

    private HashSet<string> _known = [];

    [Fact]
    public async Task A_workspace_in_SQLite_with_a_batch_in_every_state_goes_on_without_asking_anything_again()
    {
        await OpenAsync("sqlite");
        var before = WorkspaceFacts.Answers(Folder);

        var run = (await RunAsync("run", "configs", "--sweep", "half", "--json")).Is(1);
        var executed = Executed();

        // Batches by their size tell which one was made again.
        Assert.Equal("2 5 7 7 11 12 13 18 19", string.Join(' ', SizesOfNewBatches().Order()));
        Assert.Equal((5, 0), (OpenAI.LiveCalls, Anthropic.LiveCalls));
        Assert.Equal((0, 0), (OpenAI.RepeatedBodies, Anthropic.RepeatedBodies));
        Assert.Equal(ToDo.Values.Sum(), executed);
        AllAreDone(32, Failed);
        Invariants.Require((new Facts { Before = before, UniqueRequests = executed, Executions = executed, Secrets = [.. Keys()] })
            .WithWorkspace(Folder).WithTexts(new Dictionary<string, string> { ["run"] = run.Output + run.Errors }));
        Assert.Empty(WorkspaceFacts.Damage(Folder));

        var results = WorkspaceFacts.Results(Folder);
        (await RunAsync("run", "configs", "--sweep", "half", "--json")).Is(1);
        Assert.Equal(executed, Executed());
        Assert.Equal(results, WorkspaceFacts.Results(Folder));

        // What had failed for good is known, too, and is sent again when that is asked for.
        (await RunAsync("run", "configs", "--sweep", "half", "--json", "--retry-failed")).Is(0);
        Assert.Equal(executed + Failed.Values.Sum(), Executed());
        AllAreDone(32, []);
    }

    [Fact]
    public async Task A_workspace_in_JSONL_goes_on_without_asking_anything_again()
    {
        await OpenAsync("jsonl");

        (await RunAsync("run", "configs", "--sweep", "half", "--json")).Is(0);

        Assert.Equal(ToDoInLines.Values.Sum(), Executed());
        Assert.Equal((3, 0), (OpenAI.LiveCalls, Anthropic.LiveCalls));
        Assert.Equal((2, 0), (OpenAI.BatchesCreated, Anthropic.BatchesCreated));
        AllAreDone(9, []);

        (await RunAsync("run", "configs", "--sweep", "half", "--json")).Is(0);
        Assert.Equal(ToDoInLines.Values.Sum(), Executed());
        Invariants.Require((new Facts()).WithWorkspace(Folder) with { LeftFiles = [] });
    }

    [Fact]
    public async Task Looking_at_an_old_workspace_and_collecting_its_batches_sends_nothing()
    {
        await OpenAsync("sqlite");
        var done = File.ReadAllText(ResultsPath("ingested"));

        (await RunAsync("status", "--json")).Is(8);
        var plan = (await RunAsync("plan", "configs", "--json")).Is(0);
        (await RunAsync("cache", "stats")).Is(0);
        (await RunAsync("retrieve", "--sweep", "half")).Is(8);

        Assert.Equal((0, 0, 0), (OpenAI.LiveCalls, OpenAI.BatchesCreated, Anthropic.BatchesCreated));
        // Lines that have failed once; and, once somebody clears up after the dead, killed live calls and the lines of an open spool.
        Assert.InRange(plan.Json["totals"]!["to_send"]!.GetValue<int>(), 2, 2 + 5 + 13);
        Assert.Equal(done, File.ReadAllText(ResultsPath("ingested")));
        Assert.Equal((7, 9), (Count("done", "ended"), Count("done", "submitted")));
    }

    /// <summary>Returns how many requests the batches have that were not there when the workspace was opened.</summary>
    private IEnumerable<int> SizesOfNewBatches() => Directory.EnumerateFiles(Path.Combine(Folder, "provider"), "*.json", SearchOption.AllDirectories)
        .Where(path => Path.GetFileName(Path.GetDirectoryName(path)) == "batches" && !_known.Contains(path))
        .Select(path => JsonNode.Parse(File.ReadAllText(path))!["Total"]!.GetValue<int>());

    private async Task OpenAsync(string name)
    {
        OldWorkspace.Unpack(Release, name, Folder);
        _known = [.. Directory.EnumerateFiles(Path.Combine(Folder, "provider"), "*.json", SearchOption.AllDirectories)];
        await ProviderAsync(options: new SimulatorOptions { Folder = Path.Combine(Folder, "provider") });
        OldWorkspace.MoveProvider(Folder, Simulator.Address);
        Set("OPENAI_API_KEY", "sk-one");
        Set("ANTHROPIC_API_KEY", "sk-ant-one");
        Set("OPENAI_COMPATIBLE_API_KEY", "sk-local");
        foreach (var variable in OldWorkspace.KeyVariables(Folder))
        {
            Set(variable, KeyOf(variable));
        }
    }

    private static string KeyOf(string variable) => "sk-" + variable["KEY_".Length..].Replace('_', '-').ToLowerInvariant();

    private IEnumerable<string> Keys() => ["sk-one", "sk-ant-one", "sk-local", .. OldWorkspace.KeyVariables(Folder).Select(KeyOf)];

    /// <summary>Counts the answers that the provider has made since it was started again: what it would bill.</summary>
    private long Executed() => (OpenAI.DistinctBodies + OpenAI.RepeatedBodies + Anthropic.DistinctBodies + Anthropic.RepeatedBodies)!.Value;

    /// <summary>Every question of every experiment has its own right answer, but for those that have failed for good.</summary>
    private void AllAreDone(int experiments, Dictionary<string, int> failed)
    {
        var seen = 0;
        foreach (var folder in Directory.EnumerateDirectories(Path.Combine(Folder, "runs/half")))
        {
            var name = Path.GetFileName(folder);
            var rows = File.ReadLines(Path.Combine(folder, "results.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
            Assert.Equal((name, failed.GetValueOrDefault(name)), (name, rows.Count(row => (string?)row["status"] == "failed")));
            Assert.All(rows.Where(row => (string?)row["status"] != "failed"), row =>
            {
                Assert.Equal("done", (string?)row["status"]);
                Assert.Equal("A: " + ((string?)row["sample"])![1..], ((string?)row["steps"]!["answer"]!["text"])!.Trim());
                Assert.Equal(1, row["scores"]!["accuracy"]!.GetValue<double>());
            });
            seen++;
        }

        Assert.Equal(experiments, seen);
    }
}
