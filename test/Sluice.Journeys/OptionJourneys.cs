namespace Sluice.Journeys;

/// <summary>Options and fields that are used wrongly: the command says what it found and what it expected, with exit code 2, and does nothing.</summary>
public sealed class OptionJourneys : Journey
{
    [Theory]
    [InlineData("live.stop_after=-1", "live.stop_after: expected a whole number from 0 to 1000000, found -1")]
    [InlineData("live.stop_after=soon", "live.stop_after: expected a whole number from 0 to 1000000, found \"soon\"")]
    [InlineData("live.resend_unknown=101", "live.resend_unknown: expected a whole number from 0 to 100, found 101")]
    [InlineData("live.resend_unknown=1.5", "live.resend_unknown: expected a whole number from 0 to 100, found 1.5")]
    [InlineData("live.unreachable_seconds=-1", "live.unreachable_seconds: expected a number of at least 0 and at most 604800, found -1")]
    [InlineData("live.unreachable_seconds=604801", "live.unreachable_seconds: expected a number of at least 0 and at most 604800, found 604801")]
    [InlineData("batch.lost_after_seconds=-1", "batch.lost_after_seconds: expected a number of at least 1 and at most 86400")]
    [InlineData("batch.lost_after_seconds=soon", "batch.lost_after_seconds: expected a number of at least 1 and at most 86400", "found \"soon\"")]
    [InlineData("budget.usd=-1", "budget.usd: expected a number")]
    [InlineData("batch.delete_files=perhaps", "batch.delete_files: expected true or false, found \"perhaps\"")]
    [InlineData("model.server=''", "model.server: expected some text, found an empty one")]
    [InlineData("model.server='two words'", "\"two words\" is not a valid name for a server: expected 1 to 100 letters, digits and . _ -")]
    [InlineData("cache.legacy_keys=maybe", "cache.legacy_keys: expected true or false, found \"maybe\"")]
    [InlineData("+live.stop_afer=3", "live.stop_afer: unknown key", "stop_after")]
    [InlineData("+batch.delete_file=true", "batch.delete_file: unknown key", "delete_files")]
    [InlineData("+cache.legacy_key=true", "cache.legacy_key: unknown key", "legacy_keys")]
    public async Task A_field_with_a_value_that_it_cannot_have_is_a_mistake(string word, params string[] said)
    {
        await ProviderAsync();
        Dataset(2);
        Config();

        (await RunAsync("run", "configs", word)).Is(2).Says(["error: 1 mistake on the command line", .. said]);

        Assert.Empty(OpenAI.HttpRequests);
        Assert.False(Directory.Exists(Path.Combine(Folder, "runs")));
    }

    [Theory]
    [InlineData("there is no sweep `twoo`", "retrieve", "--sweep", "twoo")]
    [InlineData("`` cannot be the name of a sweep", "retrieve", "--sweep", "")]
    [InlineData("no open batch is called `nosuch`", "resend", "nosuch", "--yes")]
    [InlineData("Required argument 'batches' missing", "resend", "--yes")]
    [InlineData("Unrecognized command or argument 'now'", "cache", "compact", "--force", "now")]
    [InlineData("Unrecognized command or argument 's'", "doctor", "--forget", "s")]
    [InlineData("there is no sweep `launch`", "retrieve", "--sweep", "launch")]
    [InlineData("--server has no meaning here", "cache", "import", "data.jsonl", "--server", "gpu")]
    [InlineData("--base-url has no meaning here", "cache", "import", "data.jsonl", "--base-url", "http://node/v1")]
    [InlineData("base address `node` of provider `openai-compatible` is no http(s) address", "cache", "import", "--provider", "openai-compatible", "--input", "data.jsonl", "--output", "data.jsonl", "--base-url", "node")]
    [InlineData("--server: `` is not a valid name for a server", "cache", "import", "--provider", "openai", "--input", "data.jsonl", "--output", "data.jsonl", "--server", "")]
    public async Task An_option_without_its_meaning_is_refused(string message, params string[] args)
    {
        Dataset(2);
        Write("runs/two/manifest.json", "{}");

        (await RunAsync(args)).Explains(2, message);
    }

    [Fact]
    public async Task A_batch_that_was_not_sent_yet_is_not_given_up()
    {
        await FaultyAsync("""{ "type": "http-status", "status": 401 }""", """{ "operation": "upload" }""");
        Dataset(2);
        Config();
        (await RunAsync("run", "configs")).Is(4);
        var batch = (string)(await RunAsync("status", "--json")).Is(8).Json["batches"]![0]!["intent"]!;

        (await RunAsync("resend", batch, "--yes")).Explains(2, $"batch `{batch}` has not been sent yet", "sluice cancel");

        (await SweepAsync()).Is(0);
        Assert.Equal(2, Count("done"));
    }

    [Fact]
    public async Task The_workspace_is_the_one_of_the_command_else_of_the_environment_else_the_current_folder()
    {
        await ProviderAsync();
        Dataset(2);
        Config();
        string[] Made() => [.. ((string[])["environment", "command", "."]).Where(folder => Directory.Exists(Path.Combine(Folder, folder, ".sluice")))];

        Set("SLUICE_WORKSPACE", "environment");
        (await RunAsync("run", "configs")).Is(0);
        Assert.Equal(["environment"], Made());
        (await RunAsync("status")).Is(0).Says("2 of 2 samples done");
        (await RunAsync("run", "configs", "--workspace", "command")).Is(0);
        Assert.Equal(["environment", "command"], Made());
        Set("SLUICE_WORKSPACE", "");
        (await RunAsync("run", "configs")).Is(0);
        Assert.Equal(["environment", "command", "."], Made());
    }

    [Theory]
    [InlineData("file")]
    [InlineData("file/below")]
    public async Task A_workspace_that_is_a_file_is_refused_by_every_command(string workspace)
    {
        await ProviderAsync();
        Dataset(2);
        Config();
        Write("file", "");
        string[][] commands = [["run", "configs"], ["status"], ["cache", "stats"]];
        foreach (var command in commands)
        {
            (await RunAsync([.. command, "--workspace", workspace])).Explains(2, "--workspace: expected a folder, but ", "/file is a file");
        }

        (await RunAsync("status", "--workspace", "")).Explains(2, "--workspace: expected a folder, found an empty name");
        Set("SLUICE_WORKSPACE", workspace);
        (await RunAsync("status")).Explains(2, "SLUICE_WORKSPACE: expected a folder, but ", "/file is a file");
        Assert.Empty(OpenAI.HttpRequests);
    }
}
