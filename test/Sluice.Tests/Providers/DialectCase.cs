using System.Text;
using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;
using Sluice.Requests;

namespace Sluice.Tests.Providers;

/// <summary>Short names for the dialects, and reads from text.</summary>
internal static class DialectCase
{
    public static IDialect Of(string name) => name switch
    {
        "chat" => new OpenAIChatDialect("openai"),
        "responses" => new OpenAIResponsesDialect("openai"),
        _ => new AnthropicMessagesDialect("anthropic"),
    };

    public static Response Response(string dialect, string body)
    {
        byte[] bytes = Encoding.UTF8.GetBytes(body);
        return Of(dialect).ReadResponse(bytes, Of(dialect).Inspect(bytes).Usage);
    }

    public static BatchLine Line(string dialect, string line) => Of(dialect).ReadBatchLine(Encoding.UTF8.GetBytes(line));

    public static string Text(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
