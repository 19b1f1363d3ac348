namespace Sluice.Journeys;

/// <summary>A proxy that answers in the provider's place, with success, has not answered any request.</summary>
public sealed class ProxyPageJourneys : Journey
{
    [Theory]
    [InlineData("openai", "content")]
    [InlineData("anthropic", "results")]
    public async Task Pages_in_place_of_a_result_file_use_up_no_tries_however_many_come(string provider, string operation)
    {
        // More of them than readings after which a missing line counts as a failed try.
        await ProviderAsync($$"""[{ "when": { "operation": "{{operation}}" }, "times": 6, "fault": { "type": "garbage", "body": "\n<!DOCTYPE html>\n<html>Sign in</html>" } }]""");
        Dataset(12);
        Config(provider: provider, more: "batch: { max_attempts: 1 }");

        (await SweepAsync()).Is(0);

        Assert.Equal(12, Count("done"));
        Assert.Equal((12, 0), (OpenAI.DistinctBodies + Anthropic.DistinctBodies, OpenAI.RepeatedBodies + Anthropic.RepeatedBodies));
        Assert.Equal(1, OpenAI.BatchesCreated + Anthropic.BatchesCreated);
    }
}
