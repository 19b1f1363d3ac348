using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;

namespace Sluice.Tests.Providers;

public sealed class KeyMaskTests
{
    private const string Key = "key-of-OPENAI_API_KEY";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    [Theory]
    [InlineData("no key here", "no key here")]
    [InlineData("Incorrect API key: " + Key + ".", "Incorrect API key: ***.")]
    [InlineData("Bearer " + Key + ", again " + Key, "Bearer ***, again ***")]
    [InlineData("KEY-OF-openai_api_key", "***")]
    [InlineData("cut in the middle of key-of-OPENA", "cut in the middle of ***")]
    [InlineData("cut in the middle of key-of-OPENA...", "cut in the middle of ***...")]
    [InlineData("a key-of", "a key-of")]
    [InlineData("", "")]
    public void A_key_is_taken_out_of_a_text(string text, string expected) => Assert.Equal(expected, new KeyMask(Key).Apply(text));

    [Theory]
    [InlineData(null)]
    [InlineData("EMPTY")]
    public void A_placeholder_is_no_key(string? key) => Assert.Equal("EMPTY body", new KeyMask(key).Apply("EMPTY body"));

    [Theory]
    [InlineData("""{"error":{"message":"You sent key-of-OPENAI_API_KEY","code":"key-of-OPENAI_API_KEY"}}""")]
    [InlineData("""{"detail":{"headers":{"authorization":"Bearer key-of-OPENAI_API_KEY"}}}""")]
    [InlineData("<html>Authorization: Bearer key-of-OPENAI_API_KEY</html>")]
    public async Task An_error_answer_that_repeats_the_key_does_not_tell_it(string body)
    {
        using var http = new StubHttp(_ => StubHttp.Json(body, 500));
        IProvider provider = OpenAIProviderFactory.OpenAI.Create(new("openai", "chat", "http://h/v1", null), http.Environment);

        Hides(await Assert.ThrowsAsync<ProviderException>(() => provider.Live.SendAsync("{}"u8.ToArray(), TimeSpan.FromSeconds(1), Token)));
        Hides(await Assert.ThrowsAsync<ProviderException>(() => provider.Batch!.GetAsync("b", Token)));
        Hides(await Assert.ThrowsAsync<ProviderException>(() => provider.Batch!.OpenResultsAsync("f", Token)));
    }

    [Fact]
    public async Task Neither_do_redirects_refused_batches_and_lines()
    {
        using var redirecting = new StubHttp(_ => StubHttp.Json("", 302, ("Location", $"http://elsewhere/?key={Key}")));
        Hides(await Assert.ThrowsAsync<ProviderException>(() => OpenAIProviderFactory.OpenAI.Create(new("openai", "chat", "http://h/v1", null), redirecting.Environment).Batch!.GetAsync("b", Token)));

        using var failing = new StubHttp(_ => StubHttp.Json($$$"""{"id":"b","status":"failed","errors":{"data":[{"code":"x","message":"key {{{Key}}}"}]}}"""));
        IProvider provider = OpenAIProviderFactory.OpenAI.Create(new("openai", "chat", "http://h/v1", null), failing.Environment);
        Assert.Equal("key ***", (await provider.Batch!.GetAsync("b", Token)).Error!.Message);

        BatchLine line = provider.Dialect.ReadBatchLine("""{"custom_id":"a","response":{"status_code":401,"body":{"error":{"message":"wrong: key-of-OPENAI_API_KEY"}}}}"""u8.ToArray());
        Assert.Equal("wrong: ***", line.Error!.Message);
        using var other = new StubHttp(_ => StubHttp.Json("{}"));
        IProvider anthropic = new AnthropicProviderFactory().Create(new("anthropic", "messages", "http://h", null), other.Environment);
        line = anthropic.Dialect.ReadBatchLine("""{"custom_id":"a","result":{"type":"errored","error":{"type":"error","error":{"type":"api_error","message":"key-of-ANTHROPIC_API_KEY"}}}}"""u8.ToArray());
        Assert.Equal("***", line.Error!.Message);
    }

    [Theory]
    [InlineData("sk-one\nsk-two")]
    [InlineData("“sk-quoted”")]
    public async Task A_key_that_no_header_can_hold_is_refused_before_anything_is_sent(string key)
    {
        using var http = new StubHttp(_ => StubHttp.Json("{}"));
        foreach (IProviderFactory factory in (IProviderFactory[])[OpenAIProviderFactory.OpenAI, OpenAIProviderFactory.Compatible, new AnthropicProviderFactory()])
        {
            IProvider provider = factory.Create(new(factory.Name, factory.Apis[0], "http://h", null), http.Environment with { Variable = _ => key });
            var error = await Assert.ThrowsAsync<SluiceException>(() => provider.Batch!.GetAsync("b", Token));
            Assert.Equal(ErrorKind.Credentials, error.Kind);
            Assert.DoesNotContain("sk-", error.Message + error.Hint, StringComparison.Ordinal);
        }

        Assert.Empty(http.Asked);
    }

    private static void Hides(ProviderException error)
    {
        Assert.DoesNotContain(Key, error.ToString(), StringComparison.Ordinal);
        Assert.Contains("***", error.Message, StringComparison.Ordinal);
    }
}
