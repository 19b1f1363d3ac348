using System.Text.Json.Nodes;

namespace Sluice.Journeys;

/// <summary>Results that are all that is left, or more than the cache has: they stay, and what they hold can be taken in again.</summary>
public sealed class LostResultsJourneys : Journey
{
    private string State => Path.Combine(Folder, ".sluice");

    [Theory]
    [InlineData("openai", "chat", "batch_mode: true")]
    [InlineData("openai", "responses", "batch_mode: false")]
    [InlineData("anthropic", "messages", "batch_mode: true")]
    public async Task Nothing_is_sent_and_nothing_overwritten_and_adopting_the_results_brings_the_answers_back(string provider, string api, string mode)
    {
        await ProviderAsync();
        Dataset(12);
        TwoSteps(provider, api, mode);
        (await RunAsync("run", "configs", "--sweep", "s")).Is(0);
        var results = Results();
        var summary = await SummaryAsync();
        Directory.Delete(State, recursive: true);

        (await RunAsync("status")).Is(0).Says("warning:", "runs/s has 12 finished results", "sluice adopt --results s");
        (await RunAsync("plan", "configs")).Says("warning:", "runs/s has 12 finished results");
        foreach (var command in (string[][])[["retrieve"], ["retrieve", "--wait"], ["run", "configs", "--sweep", "s"], ["submit", "configs", "--sweep", "s"]])
        {
            (await RunAsync(command)).Explains(3, "runs/s has 12 finished results", "whose answers the cache has lost", "sluice adopt --results s", "move runs/s away");
            Assert.Equal((results, summary), (Results(), await SummaryAsync()));
        }

        (await RunAsync("doctor")).Is(1).Says("runs/s", "12 finished results", "sluice adopt --results s");
        (await RunAsync("doctor", "--repair")).Is(1).Says("to do", "sluice adopt --results s");
        var sent = Provider(provider).DistinctBodies;

        (await RunAsync("adopt", "--results", "s")).Is(0).Says("results of 1 experiment: 24 answers, 2");
        Assert.Equal(0, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
        Assert.Equal((results, summary), (Results(), await SummaryAsync()));
        Assert.Equal((sent, 0), (Provider(provider).DistinctBodies, Provider(provider).RepeatedBodies));
        (await RunAsync("adopt", "--results")).Is(0).Says("0 of them new here");
        (await RunAsync("doctor")).Is(0);
    }

    [Fact]
    public async Task Where_all_is_gone_another_sweep_does_not_pay_for_the_same_answers()
    {
        await ProviderAsync();
        Dataset(5);
        Config();
        (await RunAsync("run", "configs", "--sweep", "s")).Is(0);
        var (path, results) = (ResultsPath(), Results());
        Directory.Delete(State, recursive: true);
        foreach (var command in (string[])["run", "submit"])
        {
            (await RunAsync(command, "configs", "dataset.limit=1", "--sweep", "other")).Explains(3, "runs/s has 5 finished results", "sluice adopt --results s", "sluice doctor --forget");
        }

        (await RunAsync("run", "configs", "--sweep", "s")).Explains(3, "runs/s has 5 finished results");
        Assert.Equal((results, 5), (await File.ReadAllTextAsync(path, Cancel), OpenAI.LinesExecuted));

        // Who asks for new answers misses no old ones.
        Assert.Equal(1, (await RunAsync("run", "configs", "dataset.limit=1", "--sweep", "other", "--refresh", "--json")).Is(0).Sent);
        (await RunAsync("run", "configs", "--sweep", "s")).Explains(3, "runs/s has 4 finished results");
        (await RunAsync("adopt", "--results", "s")).Is(0);
        Assert.Equal(0, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
        (await RunAsync("doctor")).Is(0);
    }

    [Fact]
    public async Task A_batch_under_way_that_only_the_manifest_knows_is_not_made_again()
    {
        await ProviderAsync(batchDelay: 3);
        Dataset(5);
        Config();
        (await RunAsync("submit", "configs", "--sweep", "s")).Is(8);
        var batch = Simulator.Batches().Single().Id;
        Directory.Delete(State, recursive: true);

        (await RunAsync("submit", "configs", "--sweep", "s")).Explains(3, $"runs/s waits for a batch ({batch})", "`sluice adopt`", "move runs/s away");
        (await RunAsync("doctor")).Is(1).Says($"runs/s waits for a batch ({batch})");

        (await RunAsync("adopt", "--provider", "openai")).Is(0);
        Assert.Equal(0, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
        Assert.Equal((1, 0), (OpenAI.BatchesCreated, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task Whatever_else_was_taken_in_answers_that_only_results_have_are_not_asked_again()
    {
        await ProviderAsync();
        Dataset(6);
        Config();
        (await RunAsync("run", "configs", "--sweep", "a")).Is(0);
        string[] live = ["run", "configs", "--sweep", "b", "batch_mode=false", "model.params.max_tokens=63"];
        (await RunAsync(live)).Is(0);
        Directory.Delete(State, recursive: true);

        // The provider lists batches, and no live calls.
        (await RunAsync("adopt", "--provider", "openai")).Is(1).Says("runs/b has 6 finished results", "sluice adopt --results b");
        foreach (var command in (string[][])[["status"], ["plan", .. live[1..4]]])
        {
            (await RunAsync(command)).Says("warning:", "runs/b has 6 finished results");
        }

        (await RunAsync(live)).Explains(3, "runs/b has 6 finished results", "sluice adopt --results b");
        Assert.Equal(0, (await RunAsync("run", "configs", "--sweep", "a", "--json")).Is(0).Sent);
        (await RunAsync("adopt", "--results", "b")).Is(0);
        Assert.Equal(0, (await RunAsync([.. live, "--json"])).Is(0).Sent);
        Assert.Equal((12, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task The_answers_of_one_sweep_do_not_hide_that_those_of_another_are_lost()
    {
        await ProviderAsync();
        Dataset(6);
        Config(more: "batch_mode: false");
        (await RunAsync("run", "configs", "--sweep", "a")).Is(0);
        string[] second = ["run", "configs", "--sweep", "b", "model.params.max_tokens=63"];
        (await RunAsync(second)).Is(0);
        DropCache();

        (await RunAsync("adopt", "--results", "a")).Is(0);
        var manifest = await File.ReadAllTextAsync(Path.Combine(Folder, "runs/b/manifest.json"), Cancel);

        (await RunAsync(second)).Explains(3, "runs/b has 6 finished results");
        Assert.Equal(manifest, await File.ReadAllTextAsync(Path.Combine(Folder, "runs/b/manifest.json"), Cancel));
        (await RunAsync("doctor")).Is(1).Says("runs/b", "6 finished results", "sluice doctor --forget");
        (await RunAsync("doctor", "--repair")).Is(1).Says("to do");
        (await RunAsync("adopt", "--results", "b")).Is(0);
        Assert.Equal(0, (await RunAsync([.. second, "--json"])).Is(0).Sent);
        Assert.Equal((12, 0), (OpenAI.LiveCalls, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task A_backup_that_has_a_part_of_the_answers_costs_none_of_the_others()
    {
        await ProviderAsync();
        Dataset(12);
        Config(more: "batch_mode: false");
        (await RunAsync("run", "configs", "--sweep", "s", "dataset.limit=9")).Is(0);
        (await RunAsync("cache", "backup", "kept.db")).Is(0);
        (await RunAsync("run", "configs", "--sweep", "s", "dataset.limit=11")).Is(0);
        PutBack("kept.db");

        // The first results have their answers, and the twelfth sample is new: only a look at all of them tells.
        (await RunAsync("run", "configs", "--sweep", "s")).Explains(3, "runs/s has 2 finished results");
        (await RunAsync("doctor")).Is(1).Says("2 finished results");
        Assert.Equal((11, 11), (OpenAI.LiveCalls, Count("done")));
        (await RunAsync("adopt", "--results", "s")).Is(0).Says("2 of them new here");
        Assert.Equal(1, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
        Assert.Equal(0, OpenAI.RepeatedBodies);
    }

    [Theory]
    [InlineData("", 6, "--refresh")]
    [InlineData("", 6, "cache.not_before=2099-01-01")]
    [InlineData("", 6, "cache.read=false")]
    public async Task Where_old_answers_do_not_count_none_is_missed(string cache, int sent, params string[] more)
    {
        await HalfLostAsync(cache);

        Assert.Equal(sent, (await RunAsync(["run", "configs", "--sweep", "s", "--json", .. more])).Is(0).Sent);
        Assert.Equal(6, Count("done"));
    }

    /// <summary>What a refresh, or a bound of age, has brought is paid for like everything else.</summary>
    [Theory]
    [InlineData("cache: { expiry: 30d }")]
    [InlineData("cache: { not_before: 2026-11-01 }")]
    [InlineData("", "--refresh")]
    public async Task Answers_that_count_only_from_some_time_on_are_missed_while_they_would_count(string cache, params string[] first)
    {
        await HalfLostAsync(cache, first);

        (await RunAsync("run", "configs", "--sweep", "s")).Explains(3, "runs/s has 3 finished results");
        (await RunAsync("adopt", "--results", "s")).Is(0);
        Assert.Equal(0, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
    }

    private void DropCache()
    {
        foreach (var file in Directory.GetFiles(State, "cache.db*"))
        {
            File.Delete(file);
        }
    }

    /// <summary>Puts a backup in place of the cache.</summary>
    private void PutBack(string backup)
    {
        DropCache();
        File.Copy(Path.Combine(Folder, backup), Path.Combine(State, "cache.db"));
    }

    /// <summary>Runs a sweep of six samples, and puts a backup in place of the cache that has the answers of three.</summary>
    private async Task HalfLostAsync(string cache, params string[] first)
    {
        await ProviderAsync();
        Dataset(6);
        Config(more: cache);
        (await RunAsync(["run", "configs", "--sweep", "s", "dataset.limit=3", .. first])).Is(0);
        (await RunAsync("cache", "backup", "kept.db")).Is(0);
        (await RunAsync("run", "configs", "--sweep", "s")).Is(0);
        PutBack("kept.db");
    }

    [Theory]
    [InlineData]
    [InlineData("--cache", "sqlite")]
    public async Task What_people_have_deleted_is_not_missed_however_they_name_the_cache(params string[] cache)
    {
        await ProviderAsync();
        Dataset(6);
        Config();
        (await RunAsync("run", "configs", "--sweep", "s")).Is(0);
        (await RunAsync(["cache", "prune", "--key", Key(Rows()[0]), "--yes", .. cache])).Is(0);

        Assert.Equal(1, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
    }

    [Theory]
    [InlineData("--key")]
    [InlineData("--model")]
    public async Task Only_results_that_rest_on_what_people_delete_are_no_longer_missed(string filter)
    {
        await ProviderAsync();
        Dataset(4);
        Config(more: "batch_mode: false");
        (await RunAsync("run", "configs", "--sweep", "a")).Is(0);
        var pruned = filter == "--key" ? Key(Rows()[0]) : "gpt-4o-mini";
        (await RunAsync("cache", "backup", "kept.db")).Is(0);
        string[] other = ["run", "configs", "--sweep", "b", "model.name=gpt-4o"];
        (await RunAsync(other)).Is(0);
        (await RunAsync("cache", "prune", $"{filter}={pruned}", "--yes")).Is(0);
        PutBack("kept.db");

        (await RunAsync("doctor")).Is(1).Says("runs/b has 4 finished results");
        (await RunAsync(other)).Explains(3, "runs/b has 4 finished results");
        Assert.Equal(0, (await RunAsync("run", "configs", "--sweep", "a", "--json")).Is(0).Sent);
        Assert.Equal((8, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task What_people_have_deleted_is_asked_again_also_after_an_interruption()
    {
        await ProviderAsync();
        Dataset(6);
        Config(more: "batch_mode: false");
        (await RunAsync("run", "configs", "--sweep", "s")).Is(0);
        (await RunAsync("cache", "prune", "--key", Key(Rows()[2]), "--key", Key(Rows()[4]), "--yes")).Is(0);
        (await RunAsync("retrieve")).Is(1);

        Assert.Equal(2, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
        // From then on they count again.
        DropCache();

        (await RunAsync("doctor", "--repair")).Is(1).Says("sluice adopt --results");
        (await RunAsync("doctor", "--repair")).Is(1).Says("sluice adopt --results");
        (await RunAsync("run", "configs", "--sweep", "s")).Is(3);
        (await RunAsync("doctor", "--forget")).Is(0).Says("forgotten");
        Assert.Equal(6, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
        (await RunAsync("doctor")).Is(0);
    }

    [Theory]
    [InlineData("openai", "gpt-4o-mini")]
    [InlineData("anthropic", "claude-haiku-4-5")]
    public async Task A_batch_that_only_the_manifest_knows_is_not_made_again_whatever_else_there_is(string provider, string model)
    {
        await ProviderAsync(batchDelay: 3);
        Dataset(5);
        Config(more: "batch_mode: false");
        (await RunAsync("run", "configs", "--sweep", "a")).Is(0);
        string[] command = ["run", "configs", "--sweep", "b", "batch_mode=true", $"model={{provider: {provider}, name: {model}, params: {{max_tokens: 62}}}}"];
        (await RunAsync(["submit", .. command[1..]])).Is(8);
        var batch = Simulator.Batches().Single().Id;
        File.Delete(Path.Combine(State, "ledger.db"));
        Directory.Delete(Path.Combine(State, "spool"), recursive: true);

        (await RunAsync("status")).Says("warning:", $"runs/b waits for a batch ({batch}) that the ledger has lost");
        (await RunAsync("doctor")).Is(1).Says(batch);
        (await RunAsync(command)).Explains(3, batch, "sluice adopt");
        (await RunAsync("run", "configs", "--sweep", "a")).Is(0);
        (await RunAsync("retrieve", "--sweep", "b")).Is(1).Says(batch, "5 samples without an answer");
        (await RunAsync(command)).Explains(3, batch);
        // What the manifest tells outlives this ledger, too.
        Directory.Delete(State, recursive: true);
        (await RunAsync(command)).Explains(3, batch);

        // OpenAI's list says what a batch asks; Anthropic's results do, when it has ended.
        while ((await RunAsync("adopt", "--provider", provider)).Errors.Contains(batch + ") that the ledger has lost", StringComparison.Ordinal))
        {
            (await RunAsync(command)).Explains(3, batch);
        }

        (await RunAsync("adopt", "--results", "a")).Is(0);
        Assert.Equal(0, (await RunAsync([.. command, "--json"])).Is(0).Sent);
        Assert.Single(Simulator.Batches());
        Assert.Equal((0, 0), (OpenAI.RepeatedBodies, Anthropic.RepeatedBodies));
    }

    [Fact]
    public async Task A_command_that_waits_names_its_batches_also_for_when_it_is_killed()
    {
        await ProviderAsync(batchDelay: 600);
        Dataset(5);
        Config();
        await using (var killed = Start("run", "configs", "--sweep", "s"))
        {
            var manifest = Path.Combine(Folder, "runs/s/manifest.json");
            await Poll.UntilAsync(() => Simulator.Batches() is [var one] && File.Exists(manifest) && File.ReadAllText(manifest).Contains(one.Id, StringComparison.Ordinal), () => killed.Text);
            await killed.KillAsync();
        }

        Directory.Delete(State, recursive: true);

        (await RunAsync("run", "configs", "--sweep", "s")).Explains(3, $"runs/s waits for a batch ({Simulator.Batches().Single().Id})", "`sluice adopt`");
        (await RunAsync("doctor")).Is(1).Says("runs/s waits for a batch");
        (await RunAsync("adopt", "--provider", "openai")).Is(0);
        (await RunAsync("submit", "configs", "--sweep", "s")).Is(8);
        Assert.Equal((1, 0), (OpenAI.BatchesCreated, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task An_older_ledger_that_is_put_back_does_not_know_the_batches_of_the_manifests()
    {
        await ProviderAsync();
        Dataset(5);
        Config();
        (await RunAsync("run", "configs", "--sweep", "a")).Is(0);
        var backup = Path.Combine(Copy("kept"), ".sluice");
        await RestartProviderAsync(batchDelay: 600);
        string[] second = ["configs", "--sweep", "b", "model.params.max_tokens=63"];
        (await RunAsync(["submit", .. second])).Is(8);
        var batch = Simulator.Batches().Select(b => b.Id).Last();
        Directory.Delete(State, recursive: true);
        Directory.Move(backup, State);

        (await RunAsync("status")).Says("warning:", batch);
        (await RunAsync("doctor")).Is(1).Says($"runs/b waits for a batch ({batch})");
        (await RunAsync(["submit", .. second])).Explains(3, batch, "`sluice adopt`");
        (await RunAsync("retrieve", "--sweep", "b")).Says(batch);
        (await RunAsync(["submit", .. second])).Explains(3, batch);
        // Another sweep goes on.
        Assert.Equal(0, (await RunAsync("run", "configs", "--sweep", "a", "--json")).Is(0).Sent);

        (await RunAsync("adopt", "--provider", "openai")).Is(0);
        (await RunAsync(["submit", .. second])).Is(8);
        Assert.Equal(0, OpenAI.RepeatedBodies);
    }

    [Fact]
    public async Task Who_wants_to_pay_again_moves_the_results_away()
    {
        await ProviderAsync();
        Dataset(5);
        Config();
        (await RunAsync("run", "configs", "--sweep", "s")).Is(0);
        Directory.Delete(State, recursive: true);
        (await RunAsync("run", "configs", "--sweep", "s")).Explains(3, "5 finished results");

        Directory.Move(Path.Combine(Folder, "runs/s"), Path.Combine(Folder, "old"));

        Assert.Equal(5, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
        Assert.Equal(5, OpenAI.RepeatedBodies);
    }

    [Fact]
    public async Task A_finished_line_stays_where_the_cache_no_longer_has_its_answer()
    {
        await ProviderAsync();
        Dataset(10);
        Config();
        (await RunAsync("run", "configs", "--sweep", "s")).Is(0);
        var results = Results();
        var pruned = Key(Rows()[4]);
        (await RunAsync("cache", "prune", "--key", pruned, "--yes")).Is(0);

        (await RunAsync("retrieve")).Is(1).Says("1 finished result", "although the cache no longer has their answers", "sluice adopt --results s");
        Assert.Equal(results, Results());
        Assert.Equal(1, (int)JsonNode.Parse(await SummaryAsync())!["kept"]!);

        // Samples that come in another order, or not at all, keep theirs too.
        var lines = await File.ReadAllLinesAsync(Path.Combine(Folder, "data.jsonl"), Cancel);
        await File.WriteAllLinesAsync(Path.Combine(Folder, "data.jsonl"), lines.Reverse(), Cancel);
        (await RunAsync("retrieve")).Is(1);
        Assert.Equal(results.Split('\n').Order(StringComparer.Ordinal), Results().Split('\n').Order(StringComparer.Ordinal));

        (await RunAsync("adopt", "--results", "s")).Is(0).Says("10 answers, 1 of them new here");
        (await RunAsync("retrieve")).Is(0);
        Assert.Equal(10, Count("done"));
        Assert.Equal((10, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task A_line_of_another_prompt_does_not_stay()
    {
        await ProviderAsync(batchDelay: 60);
        Dataset(6);
        Config(more: "batch_mode: false");
        (await RunAsync("run", "configs", "--sweep", "s")).Is(0);
        Write("configs/one.yaml", (await File.ReadAllTextAsync(Path.Combine(Folder, "configs/one.yaml"), Cancel)).Replace("user: \"", "user: \"Now: ", StringComparison.Ordinal).Replace("batch_mode: false", "", StringComparison.Ordinal));

        (await RunAsync("submit", "configs", "--sweep", "s")).Is(8);

        Assert.Equal(6, Count("pending"));
    }

    [Fact]
    public async Task What_cannot_be_made_again_is_counted_with_its_reason()
    {
        await ProviderAsync();
        Dataset(6);
        Config();
        (await RunAsync("run", "configs", "--sweep", "s")).Is(0);
        var lines = await File.ReadAllLinesAsync(ResultsPath(), Cancel);
        lines[1] = lines[1].Replace(Key(Rows()[1]), "no key", StringComparison.Ordinal);
        lines[3] = "half a li";
        await File.WriteAllLinesAsync(ResultsPath(), lines, Cancel);
        Directory.Delete(State, recursive: true);

        var report = (await RunAsync("adopt", "--results", "s", "--json")).Is(1).Json;
        Assert.Equal((1, 4, 4, 2), ((int)report["experiments"]!, (int)report["answers"]!, (int)report["new"]!, (int)report["left_out"]!));
        Assert.Equal("its key is none", (string?)report["reason"]);
        (await RunAsync("adopt", "--results")).Is(1).Says("2 answers could not be made again: its key is none");
        Assert.Equal(2, (await RunAsync("run", "configs", "--sweep", "s", "--json")).Is(0).Sent);
    }

    [Theory]
    [InlineData("there are no results of a sweep `nosuch`", "--results", "nosuch")]
    [InlineData("--results reads the results of this workspace", "--results", "s", "file.jsonl")]
    [InlineData("--results reads the results of this workspace", "--provider", "openai", "--results")]
    [InlineData("--results reads the results of this workspace", "--intent", "a", "--batch", "b", "--results")]
    [InlineData("there are no results in", "--results", "--workspace", "empty")]
    public async Task Adopting_results_that_are_not_there_or_something_else_with_them_is_refused(string message, params string[] args)
    {
        await ProviderAsync();
        Dataset(1);
        Config();
        Write("file.jsonl", "{}");
        (await RunAsync("run", "configs", "--sweep", "s")).Is(0);

        (await RunAsync(["adopt", .. args])).Explains(2, message);
    }

    private static string Key(JsonNode row) => (string)row["steps"]!["answer"]!["key"]!;

    private Sluice.Simulator.ProviderStats Provider(string name) => name == "anthropic" ? Anthropic : OpenAI;

    private Task<string> SummaryAsync() => File.ReadAllTextAsync(Path.Combine(Path.GetDirectoryName(ResultsPath())!, "summary.json"), Cancel);

    private void TwoSteps(string provider, string api, string mode) => Write("configs/one.yaml", $$$"""
        name: one
        dataset: { path: data.jsonl, id: id }
        model: { provider: {{{provider}}}, {{{(api == "messages" ? "" : $"api: {api}, ")}}}name: {{{(provider == "anthropic" ? "claude-haiku-4-5" : "gpt-4o-mini")}}}, params: { {{{(api == "responses" ? "max_output_tokens" : "max_tokens")}}}: 64 } }
        steps:
          - { name: answer, user: "{{ sample.question }}" }
          - { name: judge, user: "Is `{{ steps.answer.text }}` right for {{ sample.id }}? echo: yes" }
        scores: [{ name: accuracy, type: numeric, value: "{{ steps.answer.text }}", target: "{{ sample.answer }}" }]
        memory: { required_gb: 0 }
        {{{mode}}}
        """);
}
