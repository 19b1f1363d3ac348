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
