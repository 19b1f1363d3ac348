using System.Net;
using System.Text;
using Microsoft.Extensions.Time.Testing;
using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;

namespace Sluice.Tests.Providers;

/// <summary>Answers that never end are given up, and say what they were.</summary>
public sealed class EndlessAnswerTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static IBatchApi Api(string provider, StubHttp http) => provider == "openai"
        ? OpenAIProviderFactory.OpenAI.Create(new("openai", "chat", "http://h/v1/", null), http.Environment).Batch!
        : new AnthropicProviderFactory().Create(new("anthropic", "messages", "http://h", null), http.Environment).Batch!;

    [Theory]
    [InlineData("openai")]
    [InlineData("anthropic")]
    public async Task A_download_that_drips_is_given_up_after_ten_minutes(string provider)
    {
        FakeTimeProvider? time = null;
        using var drip = new PacedStream(bytes: 1, () => time!.Advance(TimeSpan.FromSeconds(10)), ends: 1000);
        using var http = new StubHttp(_ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(drip) });
        time = http.Time;
        await using Stream results = await Api(provider, http).OpenResultsAsync("b", Token);

        ProviderException error = await Assert.ThrowsAsync<ProviderException>(() => results.CopyToAsync(Stream.Null, Token));

        Assert.Equal((ErrorClass.Transient, "timeout"), (error.Error.Class, error.Error.Code));
        Assert.Contains("60 bytes in 10 minutes", error.Error.Message, StringComparison.Ordinal);
        Assert.Equal(60, drip.Reads);
    }

    [Fact]
    public async Task A_download_that_goes_on_and_on_at_full_speed_is_given_up()
    {
        using var flood = new Flood();
        using var http = new StubHttp(_ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(flood) });
        await using Stream results = await Api("openai", http).OpenResultsAsync("b", Token);

        ProviderException error = await Assert.ThrowsAsync<ProviderException>(() => results.CopyToAsync(Stream.Null, 64 << 20, Token));

        Assert.Equal((ErrorClass.Transient, "endless", "the download does not end: 256 GiB have come"), (error.Error.Class, error.Error.Code, error.Error.Message));
    }

    [Fact]
    public async Task A_slow_download_that_goes_on_is_waited_for_as_long_as_it_takes()
    {
        FakeTimeProvider? time = null;
        using var slow = new PacedStream(bytes: 60 * 1024, () => time!.Advance(TimeSpan.FromMinutes(1)), ends: 500);
        using var http = new StubHttp(_ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(slow) });
        time = http.Time;
        await using Stream results = await Api("openai", http).OpenResultsAsync("b", Token);
        using var all = new MemoryStream();

        await results.CopyToAsync(all, 64 * 1024, Token);

        Assert.Equal(500 * 60 * 1024, all.Length);
    }

    [Fact]
    public async Task Only_the_waiting_counts_and_not_what_the_reader_does_in_between()
    {
        using var quick = new PacedStream(bytes: 1, () => { }, ends: 20);
        using var http = new StubHttp(_ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(quick) });
        await using Stream results = await Api("openai", http).OpenResultsAsync("b", Token);
        byte[] buffer = new byte[10];

        while (await results.ReadAsync(buffer, Token) > 0)
        {
            http.Time.Advance(TimeSpan.FromHours(1));
        }

        Assert.Equal(21, quick.Reads);
    }

    /// <summary>Gives so many bytes at each reading, and does something before.</summary>
    /// <summary>Says that it has filled each buffer, and never ends.</summary>
    private sealed class Flood : MemoryStream
    {
        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default) => ValueTask.FromResult(buffer.Length);
    }

    private sealed class PacedStream(int bytes, Action before, int ends) : MemoryStream
    {
        public int Reads { get; private set; }

        public override ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            before();
            int count = Reads++ < ends ? Math.Min(bytes, buffer.Length) : 0;
            Encoding.ASCII.GetBytes(new string('x', count)).CopyTo(buffer);
            return ValueTask.FromResult(count);
        }
    }
}
