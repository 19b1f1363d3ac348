using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;

namespace Sluice.Tests.Providers;

/// <summary>When a closed rate window opens again, as providers tell it. The stub's clock stands at 2026-11-23 12:00.</summary>
public class RateWindowTests
{
    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static IProvider OpenAI(StubHttp http) => OpenAIProviderFactory.Compatible.Create(new ProviderReference("openai-compatible", "chat", "http://127.0.0.1:9/v1", null), http.Environment);

    private static async Task<ProviderException> FailsAsync(StubHttp http) =>
        await Assert.ThrowsAsync<ProviderException>(() => OpenAI(http).Live.SendAsync("{}"u8.ToArray(), TimeSpan.FromSeconds(30), Token));

    [Theory]
    [InlineData("""[{"error":{"code":429,"message":"You exceeded your current quota. Please retry in 38.2s.","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"38s"}]}}]""", 38)]
    [InlineData("""{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details. Please retry in 38.25s.","status":"RESOURCE_EXHAUSTED"}}""", 38.25)]
    [InlineData("""{"error":{"message":"Rate limit reached for gpt-4o in organization org-x on tokens per min (TPM): Limit 30000, Used 29000, Requested 2000. Please try again in 2s. Visit https://x.","type":"tokens","code":"rate_limit_exceeded"}}""", 2)]
    [InlineData("""{"error":{"message":"Please try again in 6m0s."}}""", 360)]
    [InlineData("""{"error":{"message":"Please try again in 7m12.345s."}}""", 432.345)]
    [InlineData("""{"error":{"message":"Please try again in 120ms."}}""", 0.12)]
    [InlineData("""{"error":{"message":"Requests to the API have exceeded the rate limit. Please retry after 26 seconds."}}""", 26)]
    [InlineData("""{"error":{"message":"try again in 1 minute and 5 seconds"}}""", 65)]
    [InlineData("""{"statusCode":429,"message":"Rate limit is exceeded. Try again in 7 seconds."}""", 7)]
    [InlineData("""{"message":"Out of call volume quota. Quota will be replenished in 00:05:10."}""", 310)]
    [InlineData("""{"error":{"message":"slow down","retry_after":12}}""", 12)]
    [InlineData("""{"error":{"message":"slow down"},"retry_after_ms":1500}""", 1.5)]
    [InlineData("""{"error":{"message":"slow down","retry_after_seconds":"9"}}""", 9)]
    [InlineData("""{"error":{"message":"Please try again in 99h."}}""", 3600)]
    public async Task The_end_of_a_closed_window_is_read_in_the_body(string body, double seconds)
    {
        using var http = new StubHttp(_ => StubHttp.Json(body, 429));

        ProviderException error = await FailsAsync(http);

        Assert.Equal((ErrorClass.RateLimited, TimeSpan.FromSeconds(seconds)), (error.Error.Class, error.RetryAfter));
    }

    [Theory]
    [InlineData("""{"error":{"message":"Please try again later."}}""")]
    [InlineData("""{"error":{"message":"Please try again in a few minutes."}}""")]
    [InlineData("""{"error":{"message":"I retried 38 times in 20 s"}}""")]
    [InlineData("")]
    public async Task A_body_without_an_end_tells_none(string body)
    {
        using var http = new StubHttp(_ => StubHttp.Json(body, 429));

        Assert.Null((await FailsAsync(http)).RetryAfter);
    }

    [Theory]
    [InlineData("x-ratelimit-remaining-requests=0;x-ratelimit-reset-requests=6m0s;x-ratelimit-remaining-tokens=500;x-ratelimit-reset-tokens=59s", 360)]
    [InlineData("x-ratelimit-remaining-requests=7;x-ratelimit-reset-requests=10s;x-ratelimit-remaining-tokens=0;x-ratelimit-reset-tokens=45.5s", 45.5)]
    [InlineData("x-ratelimit-remaining-requests=7;x-ratelimit-reset-requests=10s;x-ratelimit-remaining-tokens=500;x-ratelimit-reset-tokens=45s", 10)]
    [InlineData("x-ratelimit-reset-tokens=33.5", 33.5)]
    [InlineData("x-ratelimit-remaining=0;x-ratelimit-reset=1795435230", 30)]
    [InlineData("x-ratelimit-remaining=0;x-ratelimit-reset=1795435230000", 30)]
    [InlineData("ratelimit-remaining=0;ratelimit-reset=17", 17)]
    [InlineData("anthropic-ratelimit-input-tokens-remaining=0;anthropic-ratelimit-input-tokens-reset=2026-11-23T12:00:21Z;anthropic-ratelimit-requests-remaining=40;anthropic-ratelimit-requests-reset=2026-11-23T12:00:02Z", 21)]
    [InlineData("anthropic-ratelimit-output-tokens-remaining=0;anthropic-ratelimit-output-tokens-reset=2026-11-23T12:01:00Z;retry-after=3", 3)]
    public async Task The_end_of_a_closed_window_is_read_in_any_usual_header(string headers, double seconds)
    {
        (string, string)[] all = [.. headers.Split(';').Select(h => h.Split('=')).Select(h => (h[0], h[1]))];
        using var http = new StubHttp(_ => StubHttp.Json("""{"error":{"message":"m"}}""", 429, all));

        Assert.Equal(TimeSpan.FromSeconds(seconds), (await FailsAsync(http)).RetryAfter);
    }

    /// <summary>The reset of a window, or words of a message, say nothing about an error that is no rate limit.</summary>
    [Fact]
    public async Task Only_a_rate_limit_waits_for_a_window()
    {
        using var http = new StubHttp(_ => StubHttp.Json("""{"error":{"message":"Please try again in 6m0s."}}""", 500, ("x-ratelimit-reset-tokens", "6m0s")));

        Assert.Null((await FailsAsync(http)).RetryAfter);
    }

    [Fact]
    public async Task Of_several_token_windows_the_closed_one_comes_with_the_answer()
    {
        using var http = new StubHttp(_ => StubHttp.Json("""{"content":[]}""", 200,
            ("anthropic-ratelimit-requests-remaining", "9"), ("anthropic-ratelimit-requests-reset", "2026-11-23T12:00:02Z"),
            ("anthropic-ratelimit-input-tokens-remaining", "900"), ("anthropic-ratelimit-input-tokens-reset", "2026-11-23T12:00:20Z"),
            ("anthropic-ratelimit-output-tokens-remaining", "0"), ("anthropic-ratelimit-output-tokens-reset", "2026-11-23T12:00:40Z")));
        IProvider provider = new AnthropicProviderFactory().Create(new ProviderReference("anthropic", "messages", "http://127.0.0.1:9", null), http.Environment);

        LiveAnswer answer = await provider.Live.SendAsync("{}"u8.ToArray(), TimeSpan.FromSeconds(30), Token);

        Assert.Equal(new RateLimits(9, TimeSpan.FromSeconds(2), 0, TimeSpan.FromSeconds(40)), answer.Limits);
    }
}
