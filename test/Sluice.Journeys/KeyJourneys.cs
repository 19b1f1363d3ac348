namespace Sluice.Journeys;

/// <summary>Keys that are missing, or others than those with which batches were sent: said at once, before anything is sent, and never waited for.</summary>
public sealed class KeyJourneys : Journey
{
    private const int N = 20;

    [Theory]
    [InlineData("")]
    [InlineData("batch_mode: false")]
    public async Task The_key_of_the_second_account_is_missed_before_anything_is_sent_to_the_first(string mode)
    {
        await ProviderAsync();
        Set("ANTHROPIC_API_KEY", null);
        Dataset(N);
        Config("a", more: mode);
        Config("z", "anthropic", more: mode);

        (await RunAsync("run", "configs")).Explains(4, "ANTHROPIC_API_KEY", "nothing was sent");

        Assert.Equal((0, 0, 0), (OpenAI.BatchesCreated, OpenAI.LiveCalls, OpenAI.RepeatedBodies));
        Set("ANTHROPIC_API_KEY", "sk-ant-journey");
        (await SweepAsync()).Is(0);
    }

    [Fact]
    public async Task The_key_of_a_later_step_is_missed_before_the_first_one_is_sent()
    {
        await ProviderAsync();
        Set("ANTHROPIC_API_KEY", null);
        Dataset(N);
        Write("configs/one.yaml", """
            name: one
            dataset: { path: data.jsonl, id: id }
            model: { provider: openai, name: gpt-4o-mini }
            steps:
              - { name: answer, user: "{{ sample.question }}" }
              - { name: judge, user: "Right? {{ steps.answer.text }}", model: { provider: anthropic, name: claude-haiku-4-5, params: { max_tokens: 8 } } }
            memory: { required_gb: 0 }
            """);

        (await RunAsync("run", "configs")).Explains(4, "ANTHROPIC_API_KEY", "nothing was sent");

        Assert.Equal(0, OpenAI.BatchesCreated);
    }

    [Fact]
    public async Task What_is_out_already_is_told()
    {
        await ProviderAsync(batchDelay: 3600);
        Dataset(N);
        Config("a");
        (await RunAsync("submit", "configs")).Is(8);
        Config("z", "anthropic");
        Set("ANTHROPIC_API_KEY", null);

        (await RunAsync("run", "configs")).Explains(4, "ANTHROPIC_API_KEY", "1 batch");

        Assert.Equal((1, 0), (OpenAI.BatchesCreated, Anthropic.BatchesCreated));
    }

    [Fact]
    public async Task An_account_whose_answers_are_all_there_needs_no_key()
    {
        await ProviderAsync();
        Dataset(N);
        Config("z", "anthropic");
        (await SweepAsync()).Is(0);
        Config("a");
        Set("ANTHROPIC_API_KEY", null);

        (await SweepAsync()).Is(0);

        Assert.Equal((N, N), (Count("done", "a"), Count("done", "z")));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    public async Task After_a_refused_key_a_missing_one_ends_the_command_at_once(string? key)
    {
        await ProviderAsync();
        Set("OPENAI_API_KEY", "invalid");
        Dataset(N);
        Config();
        (await RunAsync("run", "configs")).Explains(4, "refused");
        Set("OPENAI_API_KEY", key);

        (await RunAsync("run", "configs")).Explains(4, "no API key", "OPENAI_API_KEY");

        Set("OPENAI_API_KEY", "sk-journey");
        (await SweepAsync()).Is(0);
        Assert.Equal((1, 0, N), (OpenAI.BatchesCreated, OpenAI.RepeatedBodies, Count("done")));
    }

    [Theory]
    [InlineData("run", "configs")]
    [InlineData("submit", "configs")]
    [InlineData("retrieve", "--wait")]
    public async Task A_batch_under_way_whose_key_is_missing_ends_the_command_at_once(string command, string argument)
    {
        await ProviderAsync(batchDelay: 3600);
        Dataset(N);
        Config();
        (await RunAsync("submit", "configs")).Is(8);
        Set("OPENAI_API_KEY", null);

        (await RunAsync(command, argument)).Explains(4, "no API key", "1 batch");
    }

    [Theory]
    [InlineData("invalid", "refused the API key")]
    [InlineData("invalid", "refused the API key", "--wait")]
    [InlineData(null, "no API key")]
    [InlineData(null, "no API key", "--wait")]
    public async Task What_another_account_has_answered_is_collected_although_one_is_out_of_reach(string? key, string message, params string[] wait)
    {
        await ProviderAsync(batchDelay: 1);
        Dataset(N);
        Config("a");
        Config("z", "anthropic");
        (await RunAsync("submit", "configs")).Is(8);
        await Poll.UntilAsync(() => Anthropic.LinesExecuted == N && OpenAI.LinesExecuted == N);
        Set("OPENAI_API_KEY", key);

        (await RunAsync(["retrieve", .. wait])).Explains(4, message);

        Assert.Equal((0, N), (Count("done", "a"), Count("done", "z")));
        Set("OPENAI_API_KEY", "sk-journey");
        (await RunAsync("retrieve")).Is(0);
        Assert.Equal((N, N, 1), (Count("done", "a"), Count("done", "z"), OpenAI.BatchesCreated));
    }

    [Theory]
    [InlineData("invalid")]
    [InlineData(null)]
    public async Task Batches_of_other_accounts_are_cancelled_although_one_is_out_of_reach(string? key)
    {
        await ProviderAsync(batchDelay: 60);
        Dataset(N);
        Config("a");
        Config("z", "anthropic");
        (await RunAsync("submit", "configs")).Is(8);
        Set("OPENAI_API_KEY", key);

        var cancelled = (await RunAsync("cancel", "--all", "--json")).Is(1).Json["batches"]!.AsArray();

        Assert.Equal(["batch: false", "msgbatch: true"], cancelled.Select(b => $"{((string)b!["batch"]!).Split('_')[0]}: {b["cancelled"]}").Order(StringComparer.Ordinal));
        Assert.Equal(1, Anthropic.HttpRequests.GetValueOrDefault("cancel"));
    }

    [Fact]
    public async Task What_another_account_has_is_adopted_although_one_refuses_its_key()
    {
        await ProviderAsync();
        Dataset(N);
        Config("a");
        Config("z", "anthropic");
        (await SweepAsync()).Is(0);
        Directory.Delete(Path.Combine(Folder, ".sluice"), recursive: true);
        Set("OPENAI_API_KEY", "invalid");

        (await RunAsync("adopt")).Explains(4, "`openai` refused the API key").Says($"{N} answers, {N} of them new here");

        Set("OPENAI_API_KEY", "sk-journey");
        (await RunAsync("adopt")).Is(0);
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
    }

    [Theory]
    [InlineData("run", 4)]
    [InlineData("submit", 8)]
    public async Task A_doubt_of_another_key_is_not_waited_for(string command, int exitCode)
    {
        // The create call's answer is lost, and the process that made it is killed.
        await FaultyAsync("""{ "type": "delay", "seconds": 60, "after": true }""", """{ "operation": "create" }""");
        Dataset(N);
        Config();
        await using (var run = Start("run", "configs"))
        {
            await Poll.UntilAsync(() => OpenAI.BatchesCreated == 1, () => run.Text);
            await run.KillAsync();
        }

        Set("OPENAI_API_KEY", "sk-another");
        var ended = (await RunAsync(command, "configs")).Is(exitCode);
        ended.Says("belongs to another key or address");

        Set("OPENAI_API_KEY", "sk-journey");
        (await SweepAsync()).Is(0);
        Assert.Equal((1, 0, N), (OpenAI.BatchesCreated, OpenAI.RepeatedBodies, Count("done")));
    }
}
