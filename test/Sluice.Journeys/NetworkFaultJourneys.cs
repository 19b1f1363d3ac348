using System.Net;
using Sluice.Testing;

namespace Sluice.Journeys;

/// <summary>What connections do on a bad day, and what the program makes of it.</summary>
public sealed class NetworkFaultJourneys : Journey
{
    private const int N = 20;

    [Theory]
    [InlineData("openai", "POST /v1/files ", 3000)]
    [InlineData("openai", "POST /v1/batches ", 100)]
    [InlineData("anthropic", "POST /v1/messages/batches ", 3000)]
    public async Task A_call_whose_connection_is_reset_while_it_is_sent_is_made_again(string provider, string call, int after)
    {
        var reset = new ResetPeer(after) { From = call, Flow = Flow.Up, Times = 1 };
        await FinishesAsync(provider, reset);
    }

    [Theory]
    [InlineData("openai", "POST /v1/batches ", 0)]
    [InlineData("openai", "POST /v1/batches ", 300)]
    [InlineData("anthropic", "POST /v1/messages/batches ", 0)]
    [InlineData("anthropic", "POST /v1/messages/batches ", 300)]
    public async Task A_batch_whose_connection_is_reset_while_it_is_answered_is_found(string provider, string call, int after)
    {
        var reset = new ResetPeer(after) { From = call, Flow = Flow.Down, Times = 1 };
        await FinishesAsync(provider, reset);
    }

    [Theory]
    [InlineData("openai", "GET /v1/files/")]
    [InlineData("anthropic", "/results ")]
    public async Task A_download_whose_connection_closes_early_is_made_again(string provider, string call)
    {
        var limit = new LimitData(2000) { From = call, Flow = Flow.Down, Times = 2 };
        await FinishesAsync(provider, limit);
    }

    [Theory]
    [InlineData("openai")]
    [InlineData("anthropic")]
    public async Task Slow_connections_and_tiny_pieces_change_nothing(string provider)
    {
        var latency = new Latency(TimeSpan.FromMilliseconds(10)) { Jitter = TimeSpan.FromMilliseconds(10) };
        var slicer = new Slicer(40) { Delay = TimeSpan.FromMilliseconds(1) };
        await FinishesAsync(provider, latency, slicer);
    }

    [Theory]
    [InlineData("openai", "GET /v1/batches/")]
    [InlineData("anthropic", "GET /v1/messages/batches/")]
    public async Task A_poll_that_nobody_answers_is_made_again_when_its_connection_breaks(string provider, string call)
    {
        var swallow = new Swallow { From = call, Flow = Flow.Down, Times = 1 };
        await FinishesAsync(provider, [swallow], async proxy =>
        {
            await Poll.UntilAsync(() => proxy.BytesSwallowed > 0);
            await proxy.CutAsync();
        });
    }

    private Task FinishesAsync(string provider, params Toxic[] toxics) => FinishesAsync(provider, toxics, _ => Task.CompletedTask);

    /// <summary>Runs the experiment through a proxy: each toxic strikes, nothing is paid for twice, and the results are those of a calm day.</summary>
    private async Task FinishesAsync(string provider, Toxic[] toxics, Func<FaultProxy, Task> meanwhile)
    {
        await ProviderAsync();
        await using var proxy = new FaultProxy(new IPEndPoint(IPAddress.Loopback, Simulator.Address.Port)) { Toxics = toxics };
        var root = proxy.Address.GetLeftPart(UriPartial.Authority);
        Set("OPENAI_BASE_URL", root + "/v1");
        Set("ANTHROPIC_BASE_URL", root);
        Dataset(N);
        Config(provider: provider);

        var run = Start("run", "configs", "--json");
        await meanwhile(proxy);
        (await run.EndAsync()).Is(0);

        var stats = provider == "anthropic" ? Anthropic : OpenAI;
        Assert.All(toxics, toxic => Assert.True(toxic.Times == int.MaxValue ? proxy.HitsOf(toxic) > 0 : proxy.HitsOf(toxic) == toxic.Times));
        Assert.Equal((1, N, 0), (stats.BatchesCreated, stats.DistinctBodies, stats.RepeatedBodies));
        Assert.Equal(await UndisturbedAsync(), Results());
        Assert.Empty(Simulator.Stats.InternalErrors);
        Assert.Empty(Spools());
    }
}
