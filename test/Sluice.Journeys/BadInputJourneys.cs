using System.Diagnostics;

namespace Sluice.Journeys;

/// <summary>Whatever is wrong, the user reads what and where and what to do about it, never a stack trace.</summary>
public sealed class BadInputJourneys : Journey
{
    [Fact]
    public async Task Mistakes_of_all_configs_are_reported_at_once_with_file_and_line()
    {
        Dataset(2);
        Config("good");
        Write("configs/broken.yaml", "name: broken\ndataset: [unclosed\n");
        Write("configs/spelt.yaml", "name: spelt\ndataset: data.jsonl\nmodel: { provider: openai, nmae: gpt-4o-mini }\nepochs: 0\nuser: hi\n");
        Write("configs/missing.yaml", "name: missing\ndataset: dta.jsonl\nmodel: { provider: openia, name: gpt-4o-mini }\nuser: hi\n");
        foreach (var command in (string[])["plan", "run", "submit"])
        {
            var run = (await RunAsync(command, "configs")).Is(2);
            run.Says("configs/broken.yaml:", "configs/spelt.yaml:3", "did you mean \"name\"", "epochs", "found 0", "configs/missing.yaml:2", "data.jsonl", "did you mean \"openai\"");
            Assert.Empty(run.Output);
        }

        Assert.False(Directory.Exists(Path.Combine(Folder, "runs")));
    }

    [Fact]
    public async Task Two_experiments_of_one_name_are_refused()
    {
        Dataset(2);
        Config("a");
        Write("configs/b.yaml", (await File.ReadAllTextAsync(Path.Combine(Folder, "configs/a.yaml"), Cancel)).Replace("name: a", "name: A", StringComparison.Ordinal));
        (await RunAsync("plan", "configs")).Is(2).Says("a.yaml", "b.yaml");
    }

    [Theory]
    [InlineData("nowhere.yaml")]
    [InlineData("nowhere")]
    [InlineData("no*.yaml")]
    public async Task Configs_that_are_not_there_are_named(string pattern) => (await RunAsync("run", pattern)).Is(2).Says(pattern);

    [Fact]
    public async Task An_override_that_fits_nothing_is_a_mistake()
    {
        Dataset(2);
        Config();
        (await RunAsync("plan", "configs", "modle.name=x")).Is(2).Says("modle");
        (await RunAsync("plan", "configs", "epochs=many")).Is(2).Says("epochs", "many");
    }

    [Fact]
    public async Task An_unknown_field_in_a_template_is_found_by_plan()
    {
        Dataset(2);
        Config();
        (await RunAsync("plan", "configs", "user={{ sample.qestion }}")).Explains(2, "`one`", "step `answer`", "s0", "qestion", "question");
        (await RunAsync("plan", "configs", "user={{ steps.judge.text }}")).Is(2).Says("judge");
        (await RunAsync("plan", "configs", "user={{ sample.question ")).Explains(2, "step `answer`", "}}");
        (await RunAsync("plan", "configs", "scores.0.target={{ sample.anwser }}")).Explains(2, "score `accuracy`", "s0", "sample.anwser", "answer");
        (await RunAsync("plan", "configs", "scores.0.value={{ steps.anwser.text }}")).Explains(2, "score `accuracy`", "steps.anwser");
        Example("judge");
        (await RunAsync("plan", "configs/judge-small.yaml", "steps.1.user={{ steps.answer.text }} {{ sample.anwser }}")).Explains(2, "step `judge`", "sample.anwser", "answer");
        (await RunAsync("plan", "configs/judge-small.yaml", "steps.1.user={{ steps.judge.text }}")).Explains(2, "step `judge`", "steps.judge");
    }

    [Theory]
    [InlineData("openai", "OPENAI_API_KEY", "true")]
    [InlineData("openai", "OPENAI_API_KEY", "false")]
    [InlineData("anthropic", "ANTHROPIC_API_KEY", "true")]
    public async Task A_missing_or_wrong_key_names_the_variable(string provider, string variable, string batchMode)
    {
        await ProviderAsync();
        Dataset(2);
        Config(provider: provider, more: $"batch_mode: {batchMode}");
        Set(variable, null);
        (await SweepAsync()).Explains(4, variable);
        Set(variable, "invalid-secret-key");
        var refused = (await SweepAsync()).Explains(4, variable);
        if (batchMode == "true")
        {
            var note = (string?)(await RunAsync("status", "--json")).Is(8).Json["batches"]![0]!["note"];
            Assert.Contains("key", note, StringComparison.OrdinalIgnoreCase);
        }

        Assert.DoesNotContain("secret", refused.Errors + refused.Output, StringComparison.Ordinal);
        Assert.Equal(0, OpenAI.BatchesCreated + Anthropic.BatchesCreated);
        Assert.DoesNotContain(Directory.EnumerateFiles(Path.Combine(Folder, ".sluice"), "*", SearchOption.AllDirectories), f => File.ReadAllText(f).Contains("invalid-secret", StringComparison.Ordinal));

        // The right key, and it goes on.
        Set(variable, "sk-right");
        (await SweepAsync()).Is(0);
        Assert.Equal(2, OpenAI.DistinctBodies + Anthropic.DistinctBodies);
    }

    [Fact]
    public async Task A_provider_that_cannot_be_reached_is_named_when_live()
    {
        Dataset(2);
        Config(more: "batch_mode: false\nlive: { unreachable_seconds: 2 }");
        Set("OPENAI_API_KEY", "sk");
        Set("OPENAI_BASE_URL", "http://127.0.0.1:9/v1");
        (await SweepAsync()).Is(3).Says("127.0.0.1:9");
        Assert.All(Rows(), line => Assert.Equal("pending", (string?)line["status"]));
    }

    [Theory]
    [InlineData(".sluice")]
    [InlineData("runs")]
    [InlineData("space")]
    public async Task A_workspace_that_cannot_be_written_is_named(string file)
    {
        await ProviderAsync();
        Dataset(2);
        Config();
        Write(file, "a file where a folder should be");
        var run = await RunAsync(file == "space" ? ["run", "configs", "--workspace", "space"] : ["run", "configs"]);
        // A file that is named as the workspace is a mistake in the command; one that lies in the workspace is not.
        run.Explains(file == "space" ? 2 : 3, file);
        Assert.Equal(0, OpenAI.BatchesCreated);
    }

    [Theory]
    [InlineData("cache.db")]
    [InlineData("ledger.db")]
    public async Task A_damaged_database_is_named(string name)
    {
        await ProviderAsync();
        Dataset(2);
        Config();
        Write($".sluice/{name}", string.Concat(Enumerable.Repeat("this is no database ", 1000)));
        (await SweepAsync()).Explains(3, name, "damaged");
        (await RunAsync("plan", "configs")).Explains(3, name, "damaged");
        if (name == "ledger.db")
        {
            (await RunAsync("status")).Explains(3, name, "damaged");
            (await RunAsync("retrieve")).Is(2);
            (await RunAsync("cancel", "--all")).Explains(3, name, "damaged");
        }
    }

    [Fact]
    public async Task A_full_disk_is_named_and_the_next_run_goes_on()
    {
        var disk = Path.Combine(Folder, "disk");
        Directory.CreateDirectory(disk);
        Assert.SkipUnless(await SystemAsync("mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", disk) == 0, "mounting a small disk is not allowed here");
        try
        {
            await ProviderAsync();
            Dataset(3000);
            Config();
            (await RunAsync("run", "configs", "--json", "--workspace", "disk")).Explains(3, "disk");
            await SystemAsync("mount", "-o", "remount,size=64m", disk);
            (await RunAsync("run", "configs", "--json", "--workspace", "disk")).Is(0);
            Assert.Equal((3000, 0), (OpenAI.DistinctBodies, OpenAI.RepeatedBodies));
        }
        finally
        {
            await SystemAsync("umount", disk);
        }
    }

    [Fact]
    public async Task A_broken_line_of_a_dataset_stops_or_is_skipped_and_counted()
    {
        await ProviderAsync();
        Dataset(5);
        File.AppendAllText(Path.Combine(Folder, "data.jsonl"), "{\"id\": \"broken\n");
        Config();
        foreach (var command in (string[])["plan", "run"])
        {
            (await RunAsync(command, "configs")).Explains(2, "data.jsonl", "6", "on_error");
        }

        Assert.Equal(0, OpenAI.BatchesCreated);
        var run = (await SweepAsync("dataset.on_error=skip")).Is(0);
        Assert.Equal(1, run.Json["totals"]!["skipped_records"]!.GetValue<int>());
        Assert.Equal(5, run.Json["totals"]!["done"]!.GetValue<int>());
        (await RunAsync("run", "configs", "dataset.on_error=skip")).Is(0).Says("skipped");
    }

    [Theory]
    [InlineData("data.csv", "id,question,answer\n1,\"unclosed,2\n")]
    [InlineData("data.parquet", "no parquet at all")]
    [InlineData("data.jsonl.gz", "no gzip at all")]
    [InlineData("data.jsonl.zst", "no zstandard at all")]
    [InlineData("data.jsonl", "")]
    [InlineData("data.txt", "what is this")]
    public async Task A_dataset_that_is_not_what_its_name_says_is_named(string file, string content)
    {
        Config();
        Write(file, content);
        var plan = await RunAsync("plan", "configs", $"dataset.path={file}");
        if (content.Length == 0)
        {
            plan.Is(0);
        }
        else
        {
            plan.Is(2).Says(file);
        }
    }

    [Fact]
    public async Task A_dataset_without_the_id_field_is_explained()
    {
        Dataset(2);
        Config();
        (await RunAsync("plan", "configs", "dataset.id=nr")).Explains(2, "nr", "data.jsonl");
    }

    [Fact]
    public async Task An_empty_dataset_is_remarked_on()
    {
        Dataset(2);
        Config();
        (await RunAsync("run", "configs", "dataset.offset=2")).Is(0).Says("`one` has no samples", "data.jsonl", "offset");
    }

    [Fact]
    public async Task A_budget_that_is_too_small_sends_nothing_and_says_what_it_would_cost()
    {
        await ProviderAsync();
        Dataset(10);
        Config(more: "budget: { usd: 0.000001 }");
        var run = (await SweepAsync()).Is(1).Says("would cost", "$", "budget.usd");
        Assert.Equal(10, run.Json["totals"]!["held"]!.GetValue<int>());
        Assert.Equal((0, 0), (run.Sent, (int)OpenAI.BatchesCreated));
        (await RunAsync("plan", "configs")).Is(0).Says("over its budget");
        (await SweepAsync("budget.usd=5")).Is(0);
    }

    [Fact]
    public async Task A_model_without_a_known_price_costs_an_unknown_amount_never_nothing()
    {
        await ProviderAsync();
        Dataset(3);
        Config(model: "nobody-knows-me");
        var run = (await SweepAsync()).Is(0);
        Assert.Null(run.Json["totals"]!["cost_usd"]);
        Assert.Null(run.Json["totals"]!["spent_usd"]);
        Assert.Null(run.Json["experiments"]![0]!["cost_usd"]);
        (await RunAsync("run", "configs")).Is(0).Says("unknown");
        (await SweepAsync("budget.usd=1", "epochs=2")).Explains(2, "price", "budget");
        (await SweepAsync("budget.usd=1", "epochs=2", "model.price={input: 1, output: 1, batch_input: 0.5, batch_output: 0.5}")).Is(0);
    }

    [Fact]
    public async Task The_simulator_explains_a_port_in_use_and_bad_files()
    {
        await ProviderAsync();
        (await RunAsync("simulate", "--port", $"{Simulator.Address.Port}")).Explains(3, $"{Simulator.Address.Port}", "--port");
        (await RunAsync("simulate", "--recordings", "nowhere.jsonl")).Explains(2, "nowhere.jsonl");
        Write("faults.json", """[{ "fault": { "type": "no-such-fault" } }]""");
        (await RunAsync("simulate", "--faults", "faults.json")).Explains(2, "no-such-fault");
        (await RunAsync("simulate", "--port", "99999")).Explains(2, "99999");
        (await RunAsync("simulate", "--batch-delay", "-1")).Explains(2, "batch-delay");
        Write("file", "");
        (await RunAsync("simulate", "--folder", "file")).Explains(3, "file");
    }

    [Theory]
    [InlineData("frobnicate", "frobnicate")]
    [InlineData("run configs --frobnicate", "option `--frobnicate`")]
    [InlineData("plan --worksapce x configs", "option `--worksapce`")]
    [InlineData("run", "sluice run --help")]
    [InlineData("run configs --sweep ../up", "../up")]
    [InlineData("simulate --port many", "many")]
    [InlineData("", "sluice --help")]
    public async Task Wrong_words_on_the_command_line_are_explained(string words, string expected)
    {
        Dataset(1);
        Config();
        (await RunAsync(words.Split(' ', StringSplitOptions.RemoveEmptyEntries))).Explains(2, expected);
    }

    [Fact]
    public async Task A_deleted_dataset_or_result_folder_is_explained_to_retrieve()
    {
        await ProviderAsync();
        Dataset(3);
        Config();
        (await SweepAsync("--sweep", "gone")).Is(0);
        File.Delete(Path.Combine(Folder, "data.jsonl"));
        (await RunAsync("retrieve")).Is(2).Says("data.jsonl");
        Write("runs/gone/manifest.json", "{ not json");
        (await RunAsync("retrieve")).Explains(3, "manifest.json");
        (await RunAsync("status")).Explains(3, "manifest.json");
    }

    private static async Task<int> SystemAsync(string program, params string[] args)
    {
        try
        {
            var start = new ProcessStartInfo(program, args) { RedirectStandardError = true, RedirectStandardOutput = true };
            using var process = Process.Start(start)!;
            await process.WaitForExitAsync(CancellationToken.None);
            return process.ExitCode;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return -1;
        }
    }
}
