using Sluice.Testing;

namespace Sluice.Journeys;

/// <summary>Many processes with the same sweep, started at once in one workspace: every request is paid once, and all of them end well.</summary>
public sealed class CrowdJourneys : Journey
{
    private const int Samples = 120;
    private const int Requests = Samples * 3;

    [Fact]
    public Task Twenty_processes_with_one_batch_sweep() => AllAtOnceAsync(20, "batch", "batch: { max_requests: 50 }");

    [Fact]
    public Task Eight_processes_with_one_live_sweep() => AllAtOnceAsync(8, "live", "batch_mode: false\nlive: { concurrency: 4 }");

    private async Task AllAtOnceAsync(int processes, string mode, string more)
    {
        Dataset(Samples);
        Config("a", "openai", more: more);
        Config("b", "anthropic", more: more);
        // The same requests as those of `a`.
        Config("c", "openai", more: more);
        Config("d", "openai", "gpt-4.1-mini", more: more);
        await ProviderAsync();
        (await StartIn("calm").EndAsync()).Is(0);
        await ProviderAsync();

        var began = TimeProvider.System.GetTimestamp();
        var ended = await Task.WhenAll(Enumerable.Range(0, processes).Select(_ => StartIn("crowd")).ToList().Select(run => run.EndAsync(patienceInSeconds: 600)));
        var took = TimeProvider.System.GetElapsedTime(began);

        Assert.All(ended, result => result.Is(0));
        var facts = new Facts
        {
            UniqueRequests = Requests,
            Secrets = ["sk-journey", "sk-ant-journey"],
            Undisturbed = WorkspaceFacts.Results(Path.Combine(Folder, "calm")),
        }.WithWorkspace(Path.Combine(Folder, "crowd")).WithSimulator(Simulator).WithTexts(ended.Index().ToDictionary(r => $"process {r.Index}", r => r.Item.Output + r.Item.Errors));
        Invariants.Require(facts);
        Assert.Empty(WorkspaceFacts.Damage(Path.Combine(Folder, "crowd")));
        Assert.Equal((Requests, 4 * Samples), (facts.After.Count, facts.Finished.Count));
        Assert.Equal(Requests, ended.Sum(result => result.Sent));
        Figures.Add($"crowd: {processes} processes at once, {mode}: {Requests} requests paid {facts.Executions} times, {took.TotalSeconds:0.0} s");
    }

    private CliRun StartIn(string workspace) => Start("run", "configs", "--json", "--workspace", workspace, "--sweep", "s");
}
