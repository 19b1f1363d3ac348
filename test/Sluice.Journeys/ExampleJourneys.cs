using System.Text;
using System.Text.Json.Nodes;

namespace Sluice.Journeys;

/// <summary>What a newcomer does first: the shipped examples, which need no key.</summary>
[Trait("program", "native")]
public sealed class ExampleJourneys : Journey
{
    [Fact]
    public async Task The_quickstart_ends_with_a_table_of_scores_and_sends_nothing_the_second_time()
    {
        Example("quickstart");
        var first = (await RunAsync("run", "configs")).Is(0);
        foreach (var name in (string[])["demo-small-plain", "demo-large-steps", "demo-mini-plain", "demo-pro-steps"])
        {
            Assert.Contains(name, first.Output, StringComparison.Ordinal);
        }

        first.Says("accuracy", "±", "results: runs");
        var before = ResultFiles();
        var stats = Directory.EnumerateFiles(Path.Combine(Folder, ".sluice/simulator"), "*", SearchOption.AllDirectories).Count();

        var second = (await RunAsync("run", "configs", "--json")).Is(0);

        Assert.Equal(0, second.Sent);
        Assert.Equal(second.Json["totals"]!["samples"]!.GetValue<long>(), second.Json["totals"]!["cached"]!.GetValue<long>());
        IsSame(before, ResultFiles());
        Assert.Equal(stats, Directory.EnumerateFiles(Path.Combine(Folder, ".sluice/simulator"), "*", SearchOption.AllDirectories).Count());
        Assert.Equal(8, second.Json["experiments"]!.AsArray().Count);
        Assert.All(second.Json["experiments"]!.AsArray(), e => Assert.True(e!["scores"]!["accuracy"]!["n"]!.GetValue<int>() > 0));
    }

    [Fact]
    public async Task A_multirun_over_config_groups_is_one_sweep_which_resumes()
    {
        Example("hydra");
        string[] words = ["run", "-m", "model=glob(*)", "prompt=plain,steps", "judge=lenient", "dataset.limit=10"];
        var first = (await RunAsync([.. words, "--json"])).Is(0);
        string[] names = [.. from model in (string[])["large", "mini", "pro", "small"] from prompt in (string[])["plain", "steps"] select $"arithmetic,model={model},prompt={prompt}"];
        Assert.Equal(names, first.Json["experiments"]!.AsArray().Select(e => (string)e!["name"]!));
        Assert.All(names, name => Assert.Equal(10, Rows(name).Count()));
        var before = ResultFiles();

        var second = (await RunAsync([.. words, "--json"])).Is(0);
        Assert.Equal(0, second.Sent);
        IsSame(before, ResultFiles());
        (await RunAsync("retrieve", "--json")).Is(0);
        IsSame(before, ResultFiles());

        (await RunAsync("plan", "model=smal")).Is(2).Says("command line: In 'config': Could not find 'model/smal'", "did you mean \"small\"?");
        (await RunAsync("plan", "model=small,large")).Is(2).Says("add --multirun");
        Assert.Contains("name: demo-large", (await RunAsync("plan", "model=large", "--cfg", "job")).Is(0).Output, StringComparison.Ordinal);
        Assert.Contains("model/large -> model\n", (await RunAsync("plan", "model=large", "--info", "defaults")).Is(0).Output, StringComparison.Ordinal);
        JsonNode.Parse((await RunAsync("schema")).Is(0).Output);
    }

    [Fact]
    public async Task A_judge_reads_the_answer_and_batch_and_live_give_the_same_bytes()
    {
        Example("judge");
        (await RunAsync("run", "configs", "--json", "--sweep", "batch")).Is(0);
        (await RunAsync("run", "configs", "--json", "--sweep", "live", "--workspace", "elsewhere", "batch_mode=false")).Is(0);
        foreach (var name in (string[])["judge-demo-large", "judge-demo-small"])
        {
            var batch = await File.ReadAllBytesAsync(Path.Combine(Folder, "runs/batch", name, "results.jsonl"), Cancel);
            var live = await File.ReadAllBytesAsync(Path.Combine(Folder, "elsewhere/runs/live", name, "results.jsonl"), Cancel);
            Assert.Equal(batch, live);
            foreach (var row in File.ReadLines(Path.Combine(Folder, "runs/batch", name, "results.jsonl")).Select(line => JsonNode.Parse(line)!))
            {
                Assert.Equal("done", (string?)row["status"]);
                Assert.NotEmpty((string)row["steps"]!["answer"]!["text"]!);
                var verdict = (string)row["steps"]!["judge"]!["text"]!;
                Assert.Equal(verdict.Contains("CORRECT", StringComparison.Ordinal) ? 1 : 0, row["scores"]!["judged"]!.GetValue<double>());
            }
        }
    }

    [Fact]
    public async Task A_result_line_has_the_documented_fields_in_dataset_order()
    {
        Example("quickstart");
        (await RunAsync("run", "configs/demo-small-plain.yaml", "-q")).Is(0);
        var questions = File.ReadLines(Path.Combine(Folder, "questions.jsonl")).Select(line => JsonNode.Parse(line)!["id"]!.ToString());
        Assert.Equal(questions, Rows("demo-small-plain").Select(row => row["sample"]!.ToString()));
        var answer = Rows("demo-small-plain")[0];
        Assert.Equal(["sample", "epoch", "status", "steps", "scores", "error"], answer.AsObject().Select(p => p.Key));
        Assert.Equal(["text", "finish", "input_tokens", "output_tokens", "key"], answer["steps"]!["answer"]!.AsObject().Select(p => p.Key));
    }

    private SortedDictionary<string, string> ResultFiles() => new(Directory.EnumerateFiles(Path.Combine(Folder, "runs"), "*", SearchOption.AllDirectories)
        .ToDictionary(path => Path.GetRelativePath(Folder, path), path => Encoding.Latin1.GetString(File.ReadAllBytes(path))));

    /// <summary>Checks that the same files are there with the same bytes, one by one, so that a failure says where.</summary>
    private static void IsSame(SortedDictionary<string, string> before, SortedDictionary<string, string> after)
    {
        Assert.Equal(before.Keys, after.Keys);
        Assert.All(before.Keys, path => Assert.Equal(before[path], after[path]));
    }
}
