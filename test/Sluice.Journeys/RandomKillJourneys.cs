using System.Globalization;
using Sluice.Testing;

namespace Sluice.Journeys;

/// <summary>
/// <c>kill -9</c> from outside at random times over a sweep of 20 configs with 200 samples each, half of them at each provider, some sharing
/// requests: again and again in one workspace until the sweep has come to its end, then in the next one.
/// </summary>
public sealed class RandomKillJourneys : Journey
{
    private const int Configs = 20;
    private const int Samples = 200;

    private static readonly int Kills = Scale.Of(quick: 20, usual: 200, full: 1000);

    /// <summary>The time of the kill is drawn from the length of an undisturbed run, each time anew.</summary>
    [Fact]
    public async Task Killed_at_random_times_over_and_over_it_ends_as_if_nothing_had_happened()
    {
        Dataset(Samples);
        for (var number = 0; number < Configs; number++)
        {
            Write($"configs/c{number:00}.yaml", ConfigOf(number));
        }

        var (calm, length) = await WatchAsync();
        int workspaces = 0, kills = 0;
        var problems = new System.Collections.Concurrent.ConcurrentQueue<string>();
        await Parallel.ForEachAsync(Enumerable.Range(0, 2), Cancel, async (_, _) =>
        {
            while (Volatile.Read(ref kills) < Kills && problems.IsEmpty)
            {
                var seed = Interlocked.Increment(ref workspaces);
                try
                {
                    await KillUntilDoneAsync(seed, calm, length, () => Volatile.Read(ref kills) < Kills, () => Interlocked.Increment(ref kills));
                }
                catch (Exception error) when (error is not OperationCanceledException)
                {
                    problems.Enqueue($"=== workspace with seed {seed}\n{error.Message}");
                }
            }
        });
        Figures.Add($"random kills: {kills} kills in {workspaces} workspaces, {Configs} configs x {Samples} samples, {problems.Count} violations");
        Assert.True(problems.IsEmpty, string.Join("\n", problems));
        Assert.True(kills >= Kills);
    }

    /// <summary>Two neighbours of a provider ask the same questions; every fourth config has a judge.</summary>
    private static string ConfigOf(int number)
    {
        var provider = number < Configs / 2 ? "openai" : "anthropic";
        var name = provider == "openai" ? "gpt-4o-mini" : "claude-haiku-4-5";
        var question = (number % 10 / 3).ToString(CultureInfo.InvariantCulture);
        return $$$"""
            name: c{{{number:00}}}
            dataset: { path: data.jsonl, id: id }
            model: { provider: {{{provider}}}, name: {{{name}}}, params: { temperature: 0, max_tokens: 64 } }
            steps:
              - { name: answer, user: "({{{question}}}) {{ sample.question }}" }
              {{{(number % 4 == 0 ? "- { name: judge, user: \"Is `{{ steps.answer.text }}` right? echo: yes\" }" : "")}}}
            scores: [{ name: accuracy, type: numeric, value: "{{ steps.answer.text }}", target: "{{ sample.answer }}" }]
            memory: { required_gb: 0 }
            batch: { max_requests: 100 }
            """;
    }

    /// <summary>Runs undisturbed, twice, so that the length is that of a run on a warm machine.</summary>
    private async Task<(Facts Facts, TimeSpan Length)> WatchAsync()
    {
        var length = TimeSpan.Zero;
        Facts? facts = null;
        foreach (var name in (string[])["calm1", "calm2"])
        {
            await using var sweep = await DisturbedSweep.PrepareAsync(Folder, "configs", name);
            var began = TimeProvider.System.GetTimestamp();
            (await sweep.FinishAsync()).Is(0);
            length = TimeProvider.System.GetElapsedTime(began);
            facts = sweep.Facts();
            Invariants.Require(facts with { UniqueRequests = facts.After.Count });
            Assert.Equal(Configs, facts.Results.Count);
        }

        return (facts!, length);
    }

    private async Task KillUntilDoneAsync(int seed, Facts calm, TimeSpan length, Func<bool> mayKill, Action killed)
    {
        var random = new Random(seed);
        await using var sweep = await DisturbedSweep.PrepareAsync(Folder, "configs", $"seed{seed}");
        // A start with nothing left to send takes half as long as the first one. Most are killed before that, so that there are several kills per workspace.
        while (mayKill() && await sweep.KillAfterAsync(length * random.NextDouble() * (random.Next(3) == 0 ? 1 : 0.5)))
        {
            killed();
        }

        (await sweep.FinishAsync()).Is(0);
        Invariants.Require(sweep.Facts() with
        {
            Expected = [.. calm.After.Select(a => a.Request)],
            UniqueRequests = calm.After.Count,
            Undisturbed = calm.Results,
        });
        Assert.Empty(WorkspaceFacts.Damage(sweep.Workspace));
        Directory.Delete(sweep.Workspace, recursive: true);
    }
}
