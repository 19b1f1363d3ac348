using System.Text.Json.Nodes;

namespace Sluice.Journeys;

/// <summary>Several commands with one sweep's name: nothing is overwritten silently, and no batch is forgotten.</summary>
public sealed class TakenFolderJourneys : Journey
{
    private const string Taken = "is taken over by";

    [Fact]
    public async Task Another_choice_under_the_same_name_is_announced_and_what_waits_goes_on()
    {
        await ProviderAsync(batchDelay: 3600);
        Dataset(5);
        Config();
        (await RunAsync("submit", "configs", "--sweep", "s", "+system=Plain.")).Is(8);
        (await RunAsync("plan", "configs", "--sweep", "s", "+system=Steps.")).Is(0).Says(Taken);
        (await RunAsync("submit", "configs", "--sweep", "s", "+system=Steps.")).Is(8)
            .Says("runs/s/one is of `one.yaml +system=Plain.`, and is taken over by `one.yaml +system=Steps.`", "goes on as `one@", "--sweep NAME");

        await RestartProviderAsync();
        var late = (await RunAsync("retrieve", "--wait", "--json")).Is(0);
        Assert.Equal(10, late.Json["totals"]!["done"]!.GetValue<int>());
        var aside = Assert.Single(Experiments(), e => ((string)e["name"]!).StartsWith("one@", StringComparison.Ordinal));
        Assert.Equal("+system=Plain.", (string)aside["overrides"]![0]!);
        Assert.Contains("system: Plain.", Config("s", (string)aside["name"]!), StringComparison.Ordinal);
        Assert.Contains("system: Steps.", Config("s", "one"), StringComparison.Ordinal);
        Assert.Equal(5, Rows((string)aside["name"]!).Length);

        // The earlier answers are in the cache, whatever has become of the folder.
        Assert.Equal(0, (await RunAsync("run", "configs", "--sweep", "s", "+system=Plain.", "--json")).Is(0).Says(Taken).Sent);
    }

    [Fact]
    public async Task A_batch_that_another_command_collects_does_not_hide_whose_it_is()
    {
        await ProviderAsync(batchDelay: 3600);
        Dataset(5);
        Config("one");
        Config("two", more: "system: Two.");
        (await RunAsync("submit", "configs/one.yaml", "--sweep", "s")).Is(8);
        await RestartProviderAsync();
        (await RunAsync("run", "configs/two.yaml", "--sweep", "s")).Is(0);
        Assert.Equal(["two", "one"], Experiments().Select(e => (string)e["name"]!));

        (await RunAsync("retrieve", "--wait", "--json")).Is(0);
        Assert.All(Experiments(), e => Assert.Equal(5, e["done"]!.GetValue<int>()));
        Assert.Equal(5, Rows("one").Length);
    }

    [Fact]
    public async Task More_of_the_same_experiment_is_no_other_one()
    {
        await ProviderAsync();
        Dataset(5);
        Config();
        (await RunAsync("run", "configs", "--sweep", "s", "dataset.limit=3")).Is(0);
        (string[] Words, bool IsOther)[] commands =
        [
            (["dataset.limit=3"], false),
            ([], false),
            (["batch_mode=false", "epochs=2", "budget.usd=5"], false),
            (["model.name=gpt-4o"], true),
            (["model.name=gpt-4o"], false),
        ];
        foreach (var (words, isOther) in commands)
        {
            var result = (await RunAsync(["run", "configs", "--sweep", "s", .. words])).Is(0);
            Assert.Equal(isOther, result.Errors.Contains(Taken, StringComparison.Ordinal));
        }

        Config(more: "system: Edited.");
        Assert.DoesNotContain(Taken, (await RunAsync("run", "configs", "--sweep", "s", "model.name=gpt-4o")).Is(0).Errors, StringComparison.Ordinal);
        Assert.Single(Directory.GetDirectories(Path.Combine(Folder, "runs", "s")));
    }

    private JsonObject[] Experiments() =>
        [.. JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "runs", "s", "manifest.json")))!["experiments"]!.AsArray().Select(e => e!.AsObject())];

    private string Config(string sweep, string experiment) => File.ReadAllText(Path.Combine(Folder, "runs", sweep, experiment, "config.yaml"));
}
