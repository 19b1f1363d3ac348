using System.Net;
using Sluice.Providers;
using Sluice.Providers.OpenAI;

namespace Sluice.Tests.Providers;

public class ProviderHttpTests
{
    private static readonly ProviderReference s_reference = new("openai-compatible", "chat", "http://127.0.0.1:9/v1", null);

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static IProvider Provider(StubHttp http) => OpenAIProviderFactory.Compatible.Create(s_reference, http.Environment);

    private static Task<LiveAnswer> SendAsync(StubHttp http) => Provider(http).Live.SendAsync("{}"u8.ToArray(), TimeSpan.FromSeconds(30), Token);

    private static async Task<ProviderException> FailsAsync(StubHttp http) => await Assert.ThrowsAsync<ProviderException>(() => SendAsync(http));

    [Theory]
    [InlineData("1s", 1)]
    [InlineData("6m0s", 360)]
    [InlineData("120ms", 0.12)]
    [InlineData("1h2m3.5s", 3723.5)]
    [InlineData("2d", 86400)]
    [InlineData("99999999h", 86400)]
    [InlineData("0s", 0)]
    public void Durations_of_rate_limit_headers_are_read(string text, double seconds) =>
        Assert.Equal(TimeSpan.FromSeconds(seconds), RateWindow.Duration(text));

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("7")]
    [InlineData("s")]
    [InlineData("-1s")]
    [InlineData("1x")]
    [InlineData("1.2.3s")]
    [InlineData("soon")]
    public void What_is_no_duration_is_left_out(string? text) => Assert.Null(RateWindow.Duration(text));

    [Theory]
    [InlineData("retry-after", "7", 7)]
    [InlineData("retry-after", "0.5", 0.5)]
    [InlineData("retry-after", "-3", 0)]
    [InlineData("retry-after", "86400", 3600)]
    [InlineData("retry-after", "1e300", 3600)]
    [InlineData("retry-after", "Mon, 23 Nov 2026 12:00:30 GMT", 30)]
    [InlineData("retry-after", "Mon, 23 Nov 2026 11:00:00 GMT", 0)]
    [InlineData("retry-after-ms", "1500", 1.5)]
    public async Task The_providers_wish_to_wait_is_read_in_every_form(string name, string value, double seconds)
    {
        using var http = new StubHttp(_ => StubHttp.Json("{}", 429, (name, value)));

        Assert.Equal(TimeSpan.FromSeconds(seconds), (await FailsAsync(http)).RetryAfter);
    }

    [Fact]
    public async Task A_download_that_stands_still_is_given_up()
    {
        using var silent = new SilentStream();
        using var http = new StubHttp(_ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StreamContent(silent) });
        await using Stream results = await Provider(http).Batch!.OpenResultsAsync("file-1", Token);
        ValueTask<int> reading = results.ReadAsync(new byte[10], Token);
        Assert.False(reading.IsCompleted);

        http.Time.Advance(ProviderStream.Silence);

        ProviderException error = await Assert.ThrowsAsync<ProviderException>(async () => await reading);
        Assert.Equal("timeout", error.Error.Code);
    }

    private sealed class SilentStream : MemoryStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, cancellationToken);
            return 0;
        }
    }

    [Theory]
    [InlineData("retry-after", "later")]
    [InlineData("retry-after", "NaN")]
    [InlineData("x-other", "7")]
    public async Task Without_a_readable_wish_there_is_none(string name, string value)
    {
        using var http = new StubHttp(_ => StubHttp.Json("{}", 429, (name, value)));

        Assert.Null((await FailsAsync(http)).RetryAfter);
    }

    [Fact]
    public async Task Milliseconds_win_over_seconds()
    {
        using var http = new StubHttp(_ => StubHttp.Json("{}", 429, ("retry-after", "9"), ("retry-after-ms", "20")));

        Assert.Equal(TimeSpan.FromMilliseconds(20), (await FailsAsync(http)).RetryAfter);
    }

    [Fact]
    public async Task Rate_limit_headers_come_with_the_answer()
    {
        using var http = new StubHttp(_ => StubHttp.Json("{\"a\":1}", 200, ("x-ratelimit-remaining-requests", "0"), ("x-ratelimit-reset-requests", "6m0s"), ("x-ratelimit-remaining-tokens", "12")));

        LiveAnswer answer = await SendAsync(http);

        Assert.Equal(new RateLimits(0, TimeSpan.FromMinutes(6), 12, null), answer.Limits);
        Assert.Equal("{\"a\":1}"u8.ToArray(), answer.Body.ToArray());
    }

    [Theory]
    [InlineData(400, false, ErrorClass.Permanent)]
    [InlineData(408, true, ErrorClass.Transient)]
    [InlineData(429, false, ErrorClass.RateLimited)]
    [InlineData(500, true, ErrorClass.Transient)]
    [InlineData(503, true, ErrorClass.Transient)]
    public async Task A_server_error_leaves_the_outcome_open_and_a_refusal_does_not(int status, bool unknown, ErrorClass kind)
    {
        using var http = new StubHttp(_ => StubHttp.Json("{\"error\":{\"message\":\"m\"}}", status));

        ProviderException error = await FailsAsync(http);

        Assert.Equal((unknown, status, kind), (error.OutcomeUnknown, error.Status!.Value, error.Error.Class));
    }

    [Fact]
    public async Task A_redirect_is_not_followed_and_says_what_to_set()
    {
        using var http = new StubHttp(_ => StubHttp.Json("", 302, ("Location", "https://elsewhere/v1")));

        ProviderException error = await FailsAsync(http);

        Assert.Equal((ErrorClass.Address, false), (error.Error.Class, error.OutcomeUnknown));
        Assert.Contains("https://elsewhere/v1", error.Message, StringComparison.Ordinal);
        Assert.Contains("base_url", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_silent_server_times_out_with_an_open_outcome()
    {
        StubHttp? stub = null;
        using var http = stub = new StubHttp((_, token) => NeverAsync(stub!, token));

        ProviderException error = await FailsAsync(http);

        Assert.Equal(("timeout", true, ErrorClass.Transient), (error.Error.Code, error.OutcomeUnknown, error.Error.Class));
        Assert.Contains("30 s", error.Message, StringComparison.Ordinal);
    }

    /// <summary>The body of an error may trickle in after the head: that is an error of the provider too, not a cancellation.</summary>
    [Fact]
    public async Task A_server_that_stalls_inside_an_error_body_is_still_an_error_by_its_status()
    {
        StubHttp? stub = null;
        using var http = stub = new StubHttp((_, _) => Task.FromResult(new HttpResponseMessage(HttpStatusCode.ServiceUnavailable) { Content = new StalledContent(() => stub!.Time.Advance(TimeSpan.FromMinutes(1))) }));

        ProviderException error = await Assert.ThrowsAsync<ProviderException>(() => Provider(http).Batch!.OpenResultsAsync("f", Token));

        Assert.Equal((503, ErrorClass.Transient), (error.Status, error.Error.Class));
    }

    [Fact]
    public async Task The_users_own_cancellation_stays_a_cancellation()
    {
        using var stop = new CancellationTokenSource();
        using var http = new StubHttp((_, token) =>
        {
            stop.Cancel();
            return Task.FromCanceled<HttpResponseMessage>(token);
        });

        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Provider(http).Live.SendAsync("{}"u8.ToArray(), TimeSpan.FromSeconds(30), stop.Token));
    }

    private static async Task<HttpResponseMessage> NeverAsync(StubHttp http, CancellationToken token)
    {
        var never = new TaskCompletionSource<HttpResponseMessage>();
        Task<HttpResponseMessage> waiting = never.Task.WaitAsync(token);
        http.Time.Advance(TimeSpan.FromSeconds(31));
        return await waiting;
    }

    private sealed class StalledContent(Action stall) : HttpContent
    {
        protected override Task<Stream> CreateContentReadStreamAsync() => Task.FromResult<Stream>(new StalledStream(stall));

        protected override Task SerializeToStreamAsync(Stream stream, TransportContext? context) => throw new NotSupportedException();

        protected override bool TryComputeLength(out long length)
        {
            length = 0;
            return false;
        }
    }

    private sealed class StalledStream(Action stall) : MemoryStream
    {
        public override async ValueTask<int> ReadAsync(Memory<byte> buffer, CancellationToken cancellationToken = default)
        {
            var never = new TaskCompletionSource<int>();
            Task<int> waiting = never.Task.WaitAsync(cancellationToken);
            stall();
            stall();
            return await waiting;
        }
    }
}
