using System.Globalization;
using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Requests;
using Sluice.Sweeps;

namespace Sluice.Journeys;

/// <summary>A budget holds for all that the command pays: also for batches that an earlier command has written, and for answers that nobody asks for any more.</summary>
public sealed class SealedBudgetJourneys : Journey
{
    private const string NoRoom = """[{ "when": { "operation": "upload" }, "times": -1, "fault": { "type": "http-status", "status": 429, "retry_after": 3600 } }]""";
    private const string TwoSteps = """
        name: one
        dataset: { path: data.jsonl, id: id }
        model: { provider: openai, name: gpt-4o-mini }
        steps:
          - { name: answer, user: "{{ sample.question }}" }
          - { name: judge, user: "Right? {{ steps.answer.text }}" }
        memory: { required_gb: 0 }

        """;
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

    [Theory]
    [InlineData("run", 0, "budget.usd=5")]
    [InlineData("run", 0)]
    [InlineData("submit", 8)]
    public async Task A_batch_that_no_experiment_of_the_command_asks_for_stays(string command, int exitCode, params string[] budget)
    {
        await SealAsync("one");
        File.Move(Path.Combine(Folder, "configs/one.yaml"), Path.Combine(Folder, "one.yaml"));
        Config("two", model: "gpt-4o");

        var run = (await RunAsync([command, "configs", Price, .. budget])).Is(exitCode);

        run.Says("1 batch that an earlier command has written (10 requests) is held back: no experiment of this command asks for it", "`sluice cancel ");
        Assert.Equal(1, OpenAI.BatchesCreated);
        (await RunAsync("status")).Is(8).Says("sealed");

        // The command that wrote it sends it.
        File.Move(Path.Combine(Folder, "one.yaml"), Path.Combine(Folder, "configs/one.yaml"));
        (await RunAsync("run", "configs")).Is(0);
        Assert.Equal((2, 20, 0), (OpenAI.BatchesCreated, OpenAI.LinesExecuted, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task A_create_call_that_has_left_no_batch_is_not_made_again_for_a_command_that_does_not_ask()
    {
        await ProviderAsync("""[{ "when": { "operation": "create" }, "times": -1, "fault": { "type": "drop" } }]""");
        Dataset(10);
        Config("one", more: "batch: { lost_after_seconds: 1 }");
        await using (var killed = Start("run", "configs"))
        {
            await killed.SaysAsync("it is made again");
            await killed.KillAsync();
        }

        await RestartProviderAsync();
        File.Move(Path.Combine(Folder, "configs/one.yaml"), Path.Combine(Folder, "one.yaml"));
        Config("two", model: "gpt-4o");
        (await RunAsync("run", "configs")).Is(0);
        Assert.Equal(1, OpenAI.BatchesCreated);

        File.Move(Path.Combine(Folder, "one.yaml"), Path.Combine(Folder, "configs/one.yaml"));
        (await RunAsync("run", "configs")).Is(0);
        Assert.Equal((2, 0), (OpenAI.BatchesCreated, OpenAI.RepeatedBodies));
    }

    [Fact]
    public async Task A_batch_of_a_second_step_is_asked_for_as_soon_as_the_first_step_is_answered()
    {
        await ProviderAsync("""[{ "when": { "operation": "upload" }, "skip": 1, "times": -1, "fault": { "type": "http-status", "status": 429, "retry_after": 3600 } }]""");
        Dataset(10);
        Write("configs/one.yaml", TwoSteps);
        await using (var killed = Start("run", "configs"))
        {
            await killed.SaysAsync("trying again");
            await killed.KillAsync();
        }

        await RestartProviderAsync();

        var run = (await RunAsync("run", "configs")).Is(0);
        Assert.DoesNotContain("held back", run.Errors, StringComparison.Ordinal);
        Assert.Equal(0, OpenAI.RepeatedBodies);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    public async Task A_budget_weighs_a_batch_of_a_second_step_also_when_the_first_is_answered_meanwhile(int looks)
    {
        await ProviderAsync("""[{ "when": { "operation": "upload" }, "skip": 1, "times": 1, "fault": { "type": "http-status", "status": 429, "retry_after": 3600 } }]""");
        Dataset(10, "workspace/data.jsonl");
        using var stop = CancellationTokenSource.CreateLinkedTokenSource(Cancel);
        InProcessSweep Sweep(Func<IResponseCache, IResponseCache>? before)
        {
            var sweep = new InProcessSweep(Path.Combine(Folder, "workspace"), Simulator.Address, TimeProvider.System)
            {
                Before = before,
                Watch = seen =>
                {
                    if (seen is Remark { Text: var text } && text.Contains("trying again", StringComparison.Ordinal))
                    {
                        stop.Cancel();
                    }
                },
            };
            sweep.Write("configs/one.yaml", TwoSteps + "budget: { usd: 5 }\n");
            return sweep;
        }

        Assert.Equal(SweepState.Interrupted, (await Sweep(null).RunAsync(stop.Token)).State);

        // Another process has just stored the answers, in whatever moment of this one.
        var result = await Sweep(cache => new NewAnswers(cache, looks)).RunAsync(Cancel);

        Assert.Equal(SweepState.Done, result.State);
        Assert.Equal((2, 20, 0), (OpenAI.BatchesCreated, OpenAI.LinesExecuted, OpenAI.RepeatedBodies));
    }

    [Theory]
    [InlineData("budget.usd=0.000001", 1)]
    [InlineData("budget.usd=5", 0)]
    public async Task A_batch_that_another_command_leaves_unsent_is_weighed_when_that_dies(string budget, int exitCode)
    {
        await ProviderAsync("""[{ "when": { "operation": "upload" }, "times": 1, "fault": { "type": "http-status", "status": 429, "retry_after": 3600 } }]""");
        Dataset(10);
        Config("one");
        await using var first = Start("run", "configs", "--sweep", "first");
        await first.SaysAsync("trying again");
        await using var second = Start("run", "configs", "--sweep", "second", "--json", Price, budget);
        // It has looked, and found that the requests are in flight.
        await Poll.UntilAsync(() => File.Exists(Path.Combine(Folder, "runs/second/one/results.jsonl")), () => second.Text);

        await first.KillAsync();

        var ended = (await second.EndAsync()).Is(exitCode);
        Assert.Equal((1 - exitCode, 10 * (1 - exitCode), 0), (OpenAI.BatchesCreated, OpenAI.LinesExecuted, OpenAI.RepeatedBodies));
        Assert.Equal(exitCode == 1, ended.Errors.Contains("1 batch that an earlier command has written (10 requests) is held back: in all", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_plan_says_what_is_written_and_not_sent_and_what_it_costs()
    {
        await ProviderAsync();
        Dataset(10);
        Config("one");
        var cost = (double)(await RunAsync("plan", "configs", "--json", Price)).Is(0).Json["totals"]!["batch_usd"]!;
        await StopProviderAsync();
        await SealAsync("one");

        var plan = (await RunAsync("plan", "configs", Price)).Is(0);
        var totals = (await RunAsync("plan", "configs", "--json", Price)).Is(0).Json["totals"]!;

        plan.Says("in flight, but not sent yet: 10 requests of batches that an earlier command has written");
        Assert.Equal((10, 10, 0), ((int)totals["in_flight"]!, (int)totals["unsent"]!, (int)totals["to_send"]!));
        Assert.Equal(cost, (double)totals["unsent_usd"]!, 9);
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

    /// <summary>Shows the answers only from the N-th look on.</summary>
    private sealed class NewAnswers(IResponseCache inner, int looks) : CacheInFront(inner)
    {
        private int _looks;

        public override async ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default)
        {
            if (Interlocked.Increment(ref _looks) > looks)
            {
                await base.GetAsync(keys, responses, notBefore, cancellationToken);
            }
            else
            {
                responses.Span.Clear();
            }
        }
    }
}
