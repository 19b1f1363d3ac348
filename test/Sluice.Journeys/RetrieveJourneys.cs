namespace Sluice.Journeys;

/// <summary><c>retrieve</c> collects for all sweeps that wait, and says what is still pending.</summary>
public sealed class RetrieveJourneys : Journey
{
    [Fact]
    public async Task All_sweeps_that_wait_get_their_results()
    {
        await ProviderAsync();
        await SubmitBothAsync();

        var retrieved = (await RunAsync("retrieve", "--wait", "--json")).Is(0);

        Assert.Equal((3, 4), (Count("done", "first"), Count("done", "second")));
        Assert.Equal(("two", "done"), ((string?)retrieved.Json["sweep"], (string?)retrieved.Json["state"]));
        Assert.Equal("one", (string?)Assert.Single(retrieved.Json["other_sweeps"]!.AsArray())!["sweep"]);
        (await RunAsync("status")).Is(0).Says("one: done", "two: done");
        // Nothing waits any more: it is about the latest one again.
        Assert.Null((await RunAsync("retrieve", "--json")).Is(0).Json["other_sweeps"]);
    }

    [Fact]
    public async Task One_sweep_alone_leaves_the_other_to_a_later_command_and_status_says_so()
    {
        await ProviderAsync();
        await SubmitBothAsync();

        Assert.Null((await RunAsync("retrieve", "--wait", "--json", "--sweep", "two")).Is(0).Json["other_sweeps"]);
        Assert.Equal((3, 4), (Count("pending", "first"), Count("done", "second")));
        (await RunAsync("status")).Says("one: pending", "`sluice retrieve` writes the results of one");

        (await RunAsync("retrieve", "--json")).Is(0);
        Assert.Equal(3, Count("done", "first"));
    }

    [Fact]
    public async Task What_is_still_pending_is_said_of_each_sweep_and_decides_the_exit_code()
    {
        await ProviderAsync(batchDelay: 3600);
        await SubmitBothAsync();

        (await RunAsync("retrieve")).Is(8).Says("one: 3 samples still without an answer", "two: 4 samples still without an answer", "--sweep one", "--sweep two");
    }

    [Fact]
    public async Task A_sweep_that_cannot_be_gone_on_with_does_not_keep_the_others_from_their_results()
    {
        await ProviderAsync();
        await SubmitBothAsync();
        File.Delete(Path.Combine(Folder, "second.jsonl"));

        (await RunAsync("retrieve", "--wait")).Is(2).Says("sweep `two`", "second.jsonl", "--sweep NAME");

        Assert.Equal(3, Count("done", "first"));
    }

    [Theory]
    [InlineData("run", "launch")]
    [InlineData("submit", "launch")]
    [InlineData("plan", "launch")]
    [InlineData("run", "Launch")]
    public async Task The_folder_of_launches_is_refused_as_a_sweep(string command, string name)
    {
        await ProviderAsync();
        Dataset(1);
        Config();

        (await RunAsync(command, "configs", "--sweep", name)).Explains(2, $"`{name}` cannot be the name of a sweep", "sluice launch", "--sweep");

        Assert.False(Directory.Exists(Path.Combine(Folder, "runs")));
    }

    [Fact]
    public async Task Configs_in_a_folder_called_launch_do_not_land_in_the_folder_of_launches()
    {
        await ProviderAsync();
        Dataset(1);
        Config();
        Directory.Move(Path.Combine(Folder, "configs"), Path.Combine(Folder, "launch"));
        File.Copy(Path.Combine(Folder, "data.jsonl"), Path.Combine(Folder, "launch/data.jsonl"));

        Assert.Equal("sweep", (string?)(await RunAsync("run", "launch", "--json")).Is(0).Json["sweep"]);
    }

    [Theory]
    [InlineData("../outside")]
    [InlineData(".hidden")]
    public async Task A_sweep_outside_of_the_results_is_not_retrieved(string name) =>
        (await RunAsync("retrieve", "--sweep", name)).Explains(2, "cannot be the name of a sweep");

    [Fact]
    public async Task An_experiment_is_not_called_as_the_manifest_of_its_sweep()
    {
        await ProviderAsync();
        Dataset(1);
        Config("manifest.json");

        (await RunAsync("run", "configs")).Is(2).Says("manifest.json", "cannot be a folder name");
    }

    private async Task SubmitBothAsync()
    {
        await SubmitAsync("first", 3, "one");
        await SubmitAsync("second", 4, "two");
    }

    private async Task SubmitAsync(string experiment, int samples, string sweep)
    {
        Dataset(samples, $"{experiment}.jsonl");
        Config(experiment, more: "epochs: 1");
        var path = Path.Combine(Folder, $"configs/{experiment}.yaml");
        await File.WriteAllTextAsync(path, (await File.ReadAllTextAsync(path, Cancel)).Replace("data.jsonl", $"{experiment}.jsonl", StringComparison.Ordinal).Replace("max_tokens: 64", $"max_tokens: {60 + samples}", StringComparison.Ordinal), Cancel);
        (await RunAsync("submit", $"configs/{experiment}.yaml", "--sweep", sweep)).Is(8);
    }
}
