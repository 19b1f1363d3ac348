using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;
using Sluice.Requests;

namespace Sluice.Tests.Providers;

/// <summary>A body that is made from what results hold of an answer reads as that answer.</summary>
public sealed class RebuiltBodyTests
{
    private static readonly string[] s_texts = ["", "plain", "ü \"quoted\"\n\tand \u0000 \\ <html> 😀 \u2028", new string('x', 100_000)];

    [Theory]
    [InlineData("chat")]
    [InlineData("responses")]
    [InlineData("messages")]
    public void It_reads_as_the_answer_it_was_made_from(string kind)
    {
        IDialect dialect = Dialect(kind);
        foreach (string text in s_texts)
        {
            foreach (string finish in (string[])["stop", "length", "end_turn", "content_filter", "tool_calls"])
            {
                var response = new Response(text, finish, new TokenUsage(12, 345));

                byte[] body = dialect.Write(response)!;

                Assert.Equal(response, dialect.ReadResponse(body, response.Usage));
                Assert.Equal((response.Usage, null), dialect.Inspect(body));
                Assert.DoesNotContain((byte)'\n', body);
            }
        }
    }

    private static IDialect Dialect(string kind) => kind switch
    {
        "chat" => new OpenAIChatDialect("openai"),
        "responses" => new OpenAIResponsesDialect("openai"),
        _ => new AnthropicMessagesDialect("anthropic"),
    };
}
