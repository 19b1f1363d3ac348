using Sluice.Memory;
using Sluice.Simulator;
using Sluice.Sweeps;

namespace Sluice.Journeys;

/// <summary>While memory is scarce nothing new is begun, and when there is more it goes on.</summary>
public sealed class MemoryJourneys : IDisposable
{
    private const long GiB = 1L << 30;
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-scarce-").FullName;
    private long _left = 8 * GiB;
    private long _looks;

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData("true")]
    [InlineData("false")]
    public async Task A_run_holds_back_while_memory_is_scarce_and_goes_on_when_it_is_not(string batchMode)
    {
        await using var simulator = await SimulatorServer.StartAsync(new SimulatorOptions { Folder = Path.Combine(_folder, "provider"), PlaysProvider = true }, Cancel);
        var sweep = new InProcessSweep(Path.Combine(_folder, "workspace"), simulator.Address, new HastyClock(20), Sample);
        sweep.Write("data.jsonl", string.Concat(Enumerable.Range(0, 300).Select(n => $$"""{"id":"s{{n}}","question":"Question {{n}}"}""" + "\n")));
        sweep.Write("configs/one.yaml", $$$"""
            name: one
            batch_mode: {{{batchMode}}}
            dataset: { path: data.jsonl, id: id }
            model: { provider: openai, name: gpt-4o-mini }
            user: "{{ sample.question }}"
            """);

        var running = sweep.RunAsync(Cancel);
        await Poll.UntilAsync(() => Interlocked.Read(ref _looks) >= 5 || running.IsCompleted, () => string.Join('\n', sweep.Remarks));
        Assert.False(running.IsCompleted);
        Assert.Equal((0, 0), (simulator.Stats.OpenAI.LiveCalls, simulator.Stats.OpenAI.BatchesCreated));
        Assert.Contains("nothing new is begun", Assert.Single(sweep.Remarks));

        Interlocked.Exchange(ref _left, 50 * GiB);
        var result = await running;
        Assert.Equal(SweepState.Done, result.State);
        Assert.Contains(sweep.Remarks, remark => remark.Contains("it goes on"));
        Assert.Equal(300, result.Experiments[0].Summary!.Samples);
        Assert.Equal(3, File.ReadLines(Path.Combine(_folder, "workspace/.sluice/memory.jsonl")).Count());
    }

    private MemorySample Sample()
    {
        Interlocked.Increment(ref _looks);
        return new MemorySample { LimitBytes = 100 * GiB, HeadroomBytes = Interlocked.Read(ref _left) };
    }
}
