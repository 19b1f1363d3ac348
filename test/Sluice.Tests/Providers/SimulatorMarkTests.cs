using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;

namespace Sluice.Tests.Providers;

/// <summary>What counts as the simulator: a name, or an answer that says so; never an address.</summary>
public sealed class SimulatorMarkTests
{
    private static readonly (string, string) s_mark = ("x-sluice-simulator", "1");

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static IProvider Local(StubHttp http) => OpenAIProviderFactory.Compatible.Create(new("openai-compatible", "chat", "http://127.0.0.1:8000/v1", null), http.Environment);

    private static IProvider LocalAnthropic(StubHttp http) => new AnthropicProviderFactory().Create(new("anthropic", "messages", "http://localhost:8000", null), http.Environment);

    [Fact]
    public async Task A_loopback_address_is_not_the_simulator_and_a_mark_is()
    {
        var marked = false;
        using var http = new StubHttp(_ => StubHttp.Json("""{"id":"b"}""", 200, marked ? [s_mark] : []));
        foreach (IProvider provider in (IProvider[])[Local(http), LocalAnthropic(http)])
        {
            marked = false;
            Assert.False(provider.IsSimulator);
            await provider.Batch!.GetAsync("b", Token);
            Assert.False(provider.IsSimulator);

            marked = true;
            await provider.Batch!.GetAsync("b", Token);
            Assert.True(provider.IsSimulator);

            // Another server has taken the port: the latest answer counts.
            marked = false;
            await provider.Batch!.GetAsync("b", Token);
            Assert.False(provider.IsSimulator);
        }
    }

    [Theory]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(404)]
    public async Task An_error_bears_the_mark_as_well(int status)
    {
        using var http = new StubHttp(_ => StubHttp.Json("{}", status, s_mark));
        IProvider provider = Local(http);

        await Assert.ThrowsAsync<ProviderException>(() => provider.Batch!.GetAsync("b", Token));

        Assert.True(provider.IsSimulator);
    }

    [Theory]
    [InlineData("0")]
    [InlineData("")]
    [InlineData("true")]
    [InlineData("1, 1")]
    public async Task Another_value_is_no_mark(string value)
    {
        using var http = new StubHttp(_ => StubHttp.Json("""{"id":"b"}""", 200, ("x-sluice-simulator", value)));
        IProvider provider = Local(http);

        await provider.Batch!.GetAsync("b", Token);

        Assert.False(provider.IsSimulator);
    }

    [Fact]
    public async Task Each_live_answer_tells_it_for_itself()
    {
        var marked = true;
        using var http = new StubHttp(_ => StubHttp.Json("{}", 200, marked ? [s_mark] : []));
        IProvider provider = Local(http);

        LiveAnswer first = await provider.Live.SendAsync(default, TimeSpan.FromSeconds(1), Token);
        marked = false;
        LiveAnswer second = await provider.Live.SendAsync(default, TimeSpan.FromSeconds(1), Token);

        Assert.Equal((true, false), (first.IsSimulated, second.IsSimulated));
    }

    [Fact]
    public void What_is_only_the_simulator_needs_no_answer_to_say_so()
    {
        using var http = new StubHttp(_ => throw new InvalidOperationException("nothing is sent"));
        var reference = new ProviderReference("simulated", "chat", null, null);

        Assert.True(OpenAIProviderFactory.Create("simulated", "simulated/openai", reference, new Uri("http://simulator/v1"), "k", null, http.Environment, isSimulator: true).IsSimulator);
        Assert.True(AnthropicProviderFactory.Create("simulated", "simulated/anthropic", reference, new Uri("http://simulator"), "k", http.Environment, isSimulator: true).IsSimulator);
    }

    /// <summary>The account of a rehearsal: its requests have keys of their own.</summary>
    private static IProvider Rehearsal(StubHttp http) => OpenAIProviderFactory.Create(
        "simulated", "simulated/openai", new("simulated", "chat", null, null), new Uri("http://127.0.0.1:8000/v1"), "k", null, http.Environment with { SeparatesRehearsals = true }, isSimulator: true);

    [Fact]
    public async Task Nothing_is_sent_where_the_simulator_was_and_a_provider_is()
    {
        using var http = new StubHttp(_ => StubHttp.Json("{}", 404));

        SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => Rehearsal(http).Live.SendAsync(default, TimeSpan.FromSeconds(1), Token));

        Assert.Contains("is not the simulator any more", error.Message, StringComparison.Ordinal);
        Assert.All(http.Asked, asked => Assert.EndsWith("/_sim/health", asked.Url, StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_answer_without_the_mark_is_not_taken_for_a_rehearsals()
    {
        var marked = true;
        using var http = new StubHttp(_ => StubHttp.Json("{}", 200, marked ? [s_mark] : []));
        IProvider provider = Rehearsal(http);
        Assert.True((await provider.Live.SendAsync(default, TimeSpan.FromSeconds(1), Token)).IsSimulated);

        marked = false;

        await Assert.ThrowsAsync<SluiceException>(() => provider.Live.SendAsync(default, TimeSpan.FromSeconds(1), Token));
    }

    [Fact]
    public async Task A_simulator_that_does_not_answer_is_waited_for_like_any_server()
    {
        using var http = new StubHttp(_ => throw new HttpRequestException(HttpRequestError.ConnectionError, "Connection refused"));

        ProviderException error = await Assert.ThrowsAsync<ProviderException>(() => Rehearsal(http).Live.SendAsync(default, TimeSpan.FromSeconds(1), Token));

        Assert.Equal((ErrorClass.Unreachable, false), (error.Error.Class, error.OutcomeUnknown));
    }
}
