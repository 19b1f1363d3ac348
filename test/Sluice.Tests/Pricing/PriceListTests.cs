using Sluice.Experiments;
using Sluice.Pricing;
using Sluice.Requests;
using Sluice.Tests.Dispatch;

namespace Sluice.Tests.Pricing;

public class PriceListTests
{
    private static ModelPrice? Find(string provider, string model) => PriceList.BuiltIn.Find(provider, model);

    [Fact]
    public void A_known_model_has_four_prices() => Assert.Equal(new ModelPrice(0.15, 0.60, 0.075, 0.30), Find("openai", "gpt-4o-mini"));

    [Theory]
    [InlineData("openai", "gpt-4o-mini-2024-07-18", "gpt-4o-mini")]
    [InlineData("openai", "gpt-4o-mini-20240718", "gpt-4o-mini")]
    [InlineData("anthropic", "claude-haiku-4-5-20251001", "claude-haiku-4-5")]
    [InlineData("openai", "gpt-5.4-mini-2026-03-01", "gpt-5.4-mini")]
    public void A_dated_name_has_the_price_of_its_plain_one(string provider, string dated, string plain)
    {
        Assert.NotNull(Find(provider, plain));
        Assert.Equal(Find(provider, plain), Find(provider, dated));
    }

    [Theory]
    [InlineData("openai", "gpt-4o-mini-audio")]
    [InlineData("openai", "gpt-4o-mini-2024")]
    [InlineData("openai", "gpt-4o-minis")]
    [InlineData("openai", "GPT-4o-mini")]
    [InlineData("anthropic", "gpt-4o-mini")]
    [InlineData("nobody", "gpt-4o-mini")]
    [InlineData("openai", "")]
    public void Another_model_is_not_taken_for_a_known_one(string provider, string model) => Assert.Null(Find(provider, model));

    [Fact]
    public void A_longer_name_is_not_taken_for_its_beginning() => Assert.NotEqual(Find("openai", "gpt-5.4"), Find("openai", "gpt-5.4-mini"));

    [Fact]
    public void The_simulator_is_free_whatever_the_model() => Assert.Equal(new ModelPrice(0, 0, 0, 0), Find("simulated", "anything-2024-01-01"));

    [Theory]
    [InlineData(true, 3.0)]
    [InlineData(false, 6.0)]
    public void Tokens_cost_what_the_list_says_per_million(bool batch, double usd) =>
        Assert.Equal(usd, new Route(new ScriptedProvider(), "m", new ModelPrice(2, 4, 1, 2)).Cost(new TokenUsage(1_000_000, 1_000_000), batch));

    [Fact]
    public void Without_a_price_only_nothing_has_a_cost()
    {
        var route = new Route(new ScriptedProvider(), "m", new ModelPrice(null, 4, null, null));

        Assert.Equal([0, null, null], new[] { default, new TokenUsage(1, 0), new TokenUsage(1, 1) }.Select(u => route.Cost(u, batch: false)));
        Assert.Null(new Route(new ScriptedProvider(), "m", null).Cost(new TokenUsage(0, 1), batch: true));
    }
}
