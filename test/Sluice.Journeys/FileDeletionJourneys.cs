using System.Net.Http.Headers;
using System.Text.Json.Nodes;

namespace Sluice.Journeys;

/// <summary><c>batch.delete_files</c>: what was uploaded and what was answered leaves the provider once it is in the cache, kills included.</summary>
public sealed class FileDeletionJourneys : Journey
{
    private const int N = 20;
    private const string Deletes = "batch: { delete_files: true, max_requests: 10 }";

    private async Task<int> LeftAsync(string provider)
    {
        using var client = new HttpClient { BaseAddress = Simulator.Address };
        client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "sk-journey");
        client.DefaultRequestHeaders.Add("x-api-key", "sk-journey");
        client.DefaultRequestHeaders.Add("anthropic-version", "2023-06-01");
        return JsonNode.Parse(await client.GetStringAsync(provider == "anthropic" ? "/v1/messages/batches" : "/v1/files", Cancel))!["data"]!.AsArray().Count;
    }

    [Theory]
    [InlineData("openai")]
    [InlineData("anthropic")]
    public async Task Files_are_deleted_once_their_answers_are_taken_over(string provider)
    {
        await ProviderAsync();
        Dataset(N);
        Config(provider: provider, more: Deletes);

        (await SweepAsync()).Is(0);

        Assert.Equal((N, 0), (Count("done"), await LeftAsync(provider)));
        Assert.Equal(await UndisturbedAsync(), Results());
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
    }

    [Theory]
    [InlineData("openai", 4)]
    [InlineData("anthropic", 2)]
    public async Task Without_the_option_they_stay(string provider, int files)
    {
        await ProviderAsync();
        Dataset(N);
        Config(provider: provider, more: "batch: { max_requests: 10 }");

        (await SweepAsync()).Is(0);

        Assert.Equal(files, await LeftAsync(provider));
    }

    [Fact]
    public async Task A_provider_that_does_not_answer_is_named_and_a_stop_leaves_the_files_to_the_next_command()
    {
        await ProviderAsync("""[ { "when": { "operation": "delete-file" }, "times": -1, "fault": { "type": "delay", "seconds": 3600 } } ]""");
        Dataset(N);
        Config(more: Deletes);
        await using var run = Start("run", "configs", "--sweep", "s");
        await run.SaysAsync("waiting for `openai` to delete the files of batch");
        await Poll.UntilAsync(() => File.ReadAllText(Path.Combine(Folder, "runs/s/manifest.json")).Contains("\"state\": \"done\"", StringComparison.Ordinal), () => run.Text);
        run.Signal(CliRun.Terminate);

        (await run.EndAsync()).Is(0).Says("the next command deletes them");
        Assert.Equal(N, Count("done"));
        await RestartProviderAsync();
        Assert.Equal(0, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
        Assert.Equal(0, await LeftAsync("openai"));
    }

    [Fact]
    public async Task Retrieve_deletes_them_too_and_a_batch_with_failed_lines_leaves_no_error_file()
    {
        await ProviderAsync("""[ { "when": { "share": 0.3 }, "times": 1000000, "fault": { "type": "line-error", "status": 400 } } ]""");
        Dataset(N);
        Config(more: Deletes);
        (await RunAsync("submit", "configs")).Is(8);

        (await RunAsync("retrieve", "--wait")).Is(1);

        Assert.Equal(0, await LeftAsync("openai"));
    }

    [Fact]
    public async Task Files_with_strange_lines_stay_for_people_to_look_at()
    {
        await ProviderAsync("""[ { "when": { "match": "Question 3" }, "fault": { "type": "row-unknown-id" } } ]""");
        Dataset(N);
        Config(more: "batch: { delete_files: true }");

        (await SweepAsync()).Is(0);

        Assert.Equal((N, 2), (Count("done"), await LeftAsync("openai")));
    }

    [Theory]
    [InlineData("openai", "delete-file")]
    [InlineData("anthropic", "delete")]
    public async Task A_kill_between_the_answers_and_the_deletion_leaves_it_to_the_next_command(string provider, string operation)
    {
        await FaultyAsync("""{ "type": "delay", "seconds": 60 }""", $$"""{ "operation": "{{operation}}" }""", "\"times\": 1,");
        Dataset(N);
        Config(provider: provider, more: "batch: { delete_files: true }");
        await using (var run = Start("run", "configs"))
        {
            await Poll.UntilAsync(() => Spools().Length == 0 && (provider == "anthropic" ? Anthropic : OpenAI).HttpRequests.GetValueOrDefault(operation) > 0, () => run.Text);
            await run.KillAsync();
        }

        Assert.NotEqual(0, await LeftAsync(provider));
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal((N, 0), (Count("done"), await LeftAsync(provider)));
    }

    [Fact]
    public async Task A_provider_that_does_not_delete_for_a_while_harms_no_command_and_the_next_one_deletes()
    {
        await FaultyAsync("""{ "type": "http-status", "status": 500 }""", """{ "operation": "delete-file" }""", "\"times\": 2,");
        Dataset(N);
        Config(more: "batch: { delete_files: true }");

        (await SweepAsync()).Is(0).Says("not deleted yet", "the next command tries again");

        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal((N, 0), (Count("done"), await LeftAsync("openai")));
    }

    [Fact]
    public async Task A_provider_that_refuses_to_delete_is_told_of_once()
    {
        await FaultyAsync("""{ "type": "http-status", "status": 405 }""", """{ "operation": "delete-file" }""", "\"times\": 1000,");
        Dataset(N);
        Config(more: "batch: { delete_files: true }");

        (await SweepAsync()).Is(0).Says("cannot be deleted", "delete them at the provider");

        Assert.DoesNotContain("deleted", (await SweepAsync()).Is(0).Errors, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Anything_but_true_or_false_is_a_mistake_with_its_place()
    {
        await ProviderAsync();
        Dataset(1);
        Config(more: "batch: { delete_files: perhaps }");

        (await RunAsync("run", "configs")).Is(2).Says("one.yaml:7", "delete_files", "true or false");
    }
}
