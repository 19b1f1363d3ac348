using System.Text.Json.Nodes;

namespace Sluice.Journeys;

/// <summary><c>now</c> in a prompt is one time for the whole sweep: it is asked for, and paid for, once.</summary>
public sealed class PromptChangeJourneys : Journey
{
    [Theory]
    [InlineData("true")]
    [InlineData("false")]
    public async Task A_prompt_with_the_time_is_sent_once_and_a_resumed_sweep_asks_the_same(string batchMode)
    {
        // Long enough that the prompt would have another second in it at the next replay.
        await ProviderAsync(batchDelay: 1.2);
        Dataset(3);
        Config(more: $"batch_mode: {batchMode}\nbudget: {{ usd: 5 }}\n");
        var path = Path.Combine(Folder, "configs/one.yaml");
        await File.WriteAllTextAsync(path, (await File.ReadAllTextAsync(path, Cancel)).Replace("{{ sample.question }}\"", "{{ 'now' | date: '%s %H' }} {{ 'today' | date: '%N' }} {{ sample.question }}\"", StringComparison.Ordinal), Cancel);

        Assert.Equal(3, (await SweepAsync()).Is(0).Sent);
        Assert.Equal((3, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
        Assert.Equal(batchMode == "true" ? 1 : 0, OpenAI.BatchesCreated);
        var manifest = JsonNode.Parse(await File.ReadAllTextAsync(Directory.EnumerateFiles(Path.Combine(Folder, "runs"), "manifest.json", SearchOption.AllDirectories).Single(), Cancel))!;
        Assert.True(DateTimeOffset.TryParse((string)manifest["now"]!, out _));

        // Later, and elsewhere: the sweep has its own time.
        Set("TZ", "Asia/Tokyo");
        Assert.Equal(3, (int)(await RunAsync("plan", "configs", "--json")).Is(0).Json["totals"]!["cached"]!);
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        // Another sweep has another.
        Assert.Equal(0, (int)(await RunAsync("plan", "configs", "--json", "--sweep", "other")).Is(0).Json["totals"]!["cached"]!);
        Assert.Equal(3, OpenAI.DistinctBodies);
    }

    [Theory]
    [InlineData("empty")]
    [InlineData("cut")]
    [InlineData("gone")]
    public async Task Where_the_manifest_is_damaged_a_prompt_with_the_time_is_not_asked_with_another_one(string damage)
    {
        await ProviderAsync();
        Dataset(3);
        Config();
        Config("two", model: "gpt-4o");
        var config = Path.Combine(Folder, "configs/one.yaml");
        await File.WriteAllTextAsync(config, (await File.ReadAllTextAsync(config, Cancel)).Replace("{{ sample.question }}\"", "{{ 'now' | date: '%s' }} {{ sample.question }}\"", StringComparison.Ordinal), Cancel);
        (await RunAsync("run", "configs", "--sweep", "s")).Is(0);
        var (manifest, results) = (Path.Combine(Folder, "runs/s/manifest.json"), Results());
        var sound = await File.ReadAllTextAsync(manifest, Cancel);
        if (damage == "gone")
        {
            File.Delete(manifest);
        }
        else
        {
            await File.WriteAllTextAsync(manifest, damage == "cut" ? sound[..40] : "", Cancel);
        }

        (await RunAsync("plan", "configs", "--sweep", "s")).Explains(3, "a template asks for the time", "manifest.json was damaged or lost");
        // It stays lost however often one tries, and what does not ask for the time goes on.
        foreach (var _ in (int[])[1, 2])
        {
            (await RunAsync("run", "configs", "--sweep", "s")).Explains(3, "a template asks for the time", "manifest.json was damaged or lost");
        }

        (await RunAsync("run", "configs/two.yaml", "--sweep", "s")).Is(0);
        Assert.Equal((6, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
        Assert.Equal(results, Results());

        await File.WriteAllTextAsync(manifest, sound, Cancel);
        Assert.Equal(0, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
    }

    [Fact]
    public async Task A_manifest_of_an_earlier_version_gets_its_time_with_the_next_command()
    {
        await ProviderAsync();
        Dataset(1);
        Config();
        (await SweepAsync()).Is(0);
        var path = Directory.EnumerateFiles(Path.Combine(Folder, "runs"), "manifest.json", SearchOption.AllDirectories).Single();
        var manifest = JsonNode.Parse(await File.ReadAllTextAsync(path, Cancel))!.AsObject();
        Assert.True(manifest.Remove("now"));
        await File.WriteAllTextAsync(path, manifest.ToJsonString(), Cancel);

        (await SweepAsync()).Is(0);

        Assert.NotNull(JsonNode.Parse(await File.ReadAllTextAsync(path, Cancel))!["now"]);
    }
}
