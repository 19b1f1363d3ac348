using System.Globalization;

namespace Sluice.Journeys;

/// <summary>A budget holds for all that the command pays: also for batches that an earlier command has written, and for answers that nobody asks for any more.</summary>
public sealed class SealedBudgetJourneys : Journey
{
    private const string NoRoom = """[{ "when": { "operation": "upload" }, "times": -1, "fault": { "type": "http-status", "status": 429, "retry_after": 3600 } }]""";
    private const string Price = "model.price={input:1,output:0,batch_input:1,batch_output:0}";

    [Theory]
    [InlineData("run")]
    [InlineData("submit")]
    public async Task A_batch_that_an_earlier_command_has_written_is_not_sent_beyond_the_budget(string command)
    {
        await SealAsync("one");

        var held = await RunAsync(command, "configs", "--json", Price, "budget.usd=0.000001");

        held.Is(1).Says("1 batch that an earlier command has written (10 requests) is held back", "and the budget is $0.000001", "Raise `budget.usd`, or drop it with `sluice cancel ");
        Assert.Equal((0L, 10L), (held.Sent, held.Json["totals"]!["held"]!.GetValue<long>()));
        Assert.Equal((0, 0), (OpenAI.BatchesCreated, OpenAI.LinesExecuted));
        Assert.Equal(8, (await RunAsync("status")).ExitCode);

        (await RunAsync("run", "configs", "--json", Price, "budget.usd=5")).Is(0);
        Assert.Equal((1, 10, 0), (OpenAI.BatchesCreated, OpenAI.LinesExecuted, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task A_batch_that_is_held_back_can_be_dropped_as_the_command_says()
    {
        await SealAsync("one");
        var held = (await RunAsync("run", "configs", "--json", Price, "budget.usd=0.000001")).Is(1);
        var id = held.Errors.Split("`sluice cancel ")[1].Split('`')[0];

        (await RunAsync("cancel", id)).Is(0);

        // Now they are new requests, which the budget holds back as ever.
        (await RunAsync("run", "configs", "--json", Price, "budget.usd=0.000001")).Is(1).Says("10 requests are held back");
        Assert.Equal(0, OpenAI.BatchesCreated);
    }

    [Fact]
    public async Task When_all_experiments_have_budgets_a_batch_that_none_of_them_asks_for_stays()
    {
        await SealAsync("one");
        File.Delete(Path.Combine(Folder, "configs/one.yaml"));
        Config("two", model: "gpt-4o");

        var run = (await RunAsync("run", "configs", "--json", Price, "budget.usd=5")).Is(0);

        run.Says("1 batch that an earlier command has written (10 requests) is held back: no experiment of this command asks for it");
        Assert.Equal((1, 10), (OpenAI.BatchesCreated, OpenAI.LinesExecuted));
        // Without a budget it goes out, as ever.
        Config("three", model: "gpt-4.1");
        (await RunAsync("submit", "configs/three.yaml")).Is(8);
        await Poll.UntilAsync(() => OpenAI.BatchesCreated == 3);
    }

    [Fact]
    public async Task What_was_sent_and_is_no_longer_asked_for_counts_against_the_budget()
    {
        await ProviderAsync(batchDelay: 2);
        Dataset(10);
        Config();
        var once = (double)(await RunAsync("plan", "configs", "--json", Price)).Is(0).Json["totals"]!["batch_usd"]!;
        var run = Start("run", "configs", "--json", Price, "budget.usd=" + (once * 1.05).ToString(CultureInfo.InvariantCulture));
        await Poll.UntilAsync(() => OpenAI.BatchesCreated == 1);

        // While the batch is under way the dataset becomes another one.
        Write("data.jsonl", string.Concat(Enumerable.Range(100, 10).Select(n => $$"""{"id":"s{{n}}","question":"Question {{n}}, quite another one","answer":{{n}}}""" + "\n")));

        (await run.EndAsync()).Is(1).Says("10 requests are held back");
        Assert.Equal((1, 10), (OpenAI.BatchesCreated, OpenAI.LinesExecuted));
    }

    /// <summary>Leaves a batch that is written and not sent, as a killed command does.</summary>
    private async Task SealAsync(string name)
    {
        await ProviderAsync(NoRoom);
        Dataset(10);
        Config(name);
        var run = Start("run", "configs");
        await run.SaysAsync("trying again");
        await run.KillAsync();
        await RestartProviderAsync();
    }
}
