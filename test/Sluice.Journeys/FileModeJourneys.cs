using Sluice.Testing;

namespace Sluice.Journeys;

/// <summary>What commands write is their owner's alone, even where the umask hides nothing; also what a killed one leaves.</summary>
public sealed class FileModeJourneys : Journey
{
    [Theory]
    [InlineData("sqlite", "true")]
    [InlineData("sqlite", "false")]
    [InlineData("jsonl", "true")]
    public async Task Every_file_of_a_workspace_is_its_owners_alone_after_runs_kills_and_repairs(string backend, string batchMode)
    {
        Assert.SkipWhen(OperatingSystem.IsWindows(), "modes are Unix's");
        await ProviderAsync(batchDelay: 0.5);
        Dataset(200);
        Config(more: $"cache: {{ backend: {backend} }}\nbatch_mode: {batchMode}\nbatch: {{ max_requests: 40 }}\nlive: {{ concurrency: 4 }}");
        await using (var run = OpenToAll("run", "configs", "--sweep", "s"))
        {
            await Poll.UntilAsync(() => OpenAI.LiveCalls > 20 || OpenAI.BatchesCreated > 1, () => run.Text);
            await run.KillAsync();
        }

        RequirePrivate();

        await DoAsync("run", "configs", "--sweep", "s");
        RequirePrivate();
        await DoAsync("cache", "compact");
        await DoAsync("cache", "export", "answers.jsonl");
        await DoAsync("doctor", "--repair");
        await DoAsync("adopt", "--provider", "openai");
        await DoAsync("launch", "--name", "jobs", "--", "sh", "-c", "echo done");
        RequirePrivate();
        Assert.All(((string[])[".sluice", "runs/s/one/results.jsonl", "runs/s/manifest.json"]).Select(path => Path.Combine(Folder, path)), path => Assert.True(Path.Exists(path), path));
        Assert.True(UnixFileMode.None == (File.GetUnixFileMode(Path.Combine(Folder, "answers.jsonl")) & (UnixFileMode.GroupRead | UnixFileMode.OtherRead)), "an export is as private as the cache");
    }

    private async Task DoAsync(params string[] args)
    {
        await using var run = OpenToAll(args);
        (await run.EndAsync()).Is(0);
    }

    /// <summary>Starts a command whose umask takes nothing away.</summary>
    private CliRun OpenToAll(params string[] args) => StartBy(["sh", "-c", "umask 0; exec \"$@\"", "sh"], args);

    private void RequirePrivate() => Invariants.Require(new Facts { Folder = Folder });
}
