using Sluice.Providers;
using Sluice.Requests;
using static Sluice.Tests.Providers.DialectCase;

namespace Sluice.Tests.Providers;

public class ReadResponseTests
{
    [Theory]
    [InlineData("plain", """{"choices":[{"index":0,"message":{"role":"assistant","content":"4"},"finish_reason":"stop"}]}""", "4", "stop")]
    [InlineData("refusal", """{"choices":[{"message":{"content":null,"refusal":"I won't."},"finish_reason":"stop"}]}""", "I won't.", "stop")]
    [InlineData("empty refusal", """{"choices":[{"message":{"refusal":null,"content":"4"},"finish_reason":"stop"}]}""", "4", "stop")]
    [InlineData("cut", """{"choices":[{"finish_reason":"length","message":{"content":"4 is the"}}]}""", "4 is the", "length")]
    [InlineData("content list", """{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"image_url","text":"no"},{"text":"b"},"c",null,7]},"finish_reason":"stop"}]}""", "ab", "stop")]
    [InlineData("refusal part", """{"choices":[{"message":{"content":[{"type":"refusal","refusal":"no"}]},"finish_reason":"stop"}]}""", "no", "stop")]
    [InlineData("first choice only", """{"choices":[{"message":{"content":"one"},"finish_reason":"stop"},{"message":{"content":"two"},"finish_reason":"length"}]}""", "one", "stop")]
    [InlineData("tool call", """{"choices":[{"message":{"content":null,"tool_calls":[{"id":"x","function":{"name":"f","arguments":"{}"}}]},"finish_reason":"tool_calls"}]}""", "", "tool_calls")]
    [InlineData("no choice", """{"choices":[]}""", "", "")]
    [InlineData("no finish", """{"id":"x","choices":[{"message":{"content":"4"},"finish_reason":null}],"x_groq":{"id":"y"}}""", "4", "")]
    [InlineData("reasoning beside", """{"choices":[{"message":{"reasoning_content":"hm","content":"4"},"finish_reason":"stop"}]}""", "4", "stop")]
    [InlineData("escapes", """{"choices":[{"message":{"content":"\"\u00fc\n\ud83e\udd86\""},"finish_reason":"stop"}]}""", "\"ü\n🦆\"", "stop")]
    public void A_chat_completion_has_the_first_choices_text(string what, string body, string text, string finish)
    {
        Response response = Response("chat", body);

        Assert.Equal((what, text, finish), (what, response.Text, response.Finish));
    }

    [Theory]
    [InlineData("plain", """{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"4","annotations":[]}]}]}""", "4", "stop")]
    [InlineData("several items", """{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"a"},{"type":"output_text","text":"b"}]},{"content":[{"type":"output_text","text":"c"}],"type":"message"}]}""", "abc", "stop")]
    [InlineData("reasoning first", """{"output":[{"type":"reasoning","summary":[],"content":[{"type":"reasoning_text","text":"hm"}]},{"type":"message","content":[{"type":"output_text","text":"4"}]}],"status":"completed"}""", "4", "stop")]
    [InlineData("reasoning as text", """{"output":[{"content":[{"type":"text","text":"hm"}],"type":"reasoning"},{"type":"message","content":[{"type":"output_text","text":"4"}]}],"status":"completed"}""", "4", "stop")]
    [InlineData("refusal", """{"status":"completed","output":[{"type":"message","content":[{"type":"refusal","refusal":"no"}]}]}""", "no", "stop")]
    [InlineData("cut", """{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[{"type":"message","content":[{"type":"output_text","text":"4 is"}]}]}""", "4 is", "length")]
    [InlineData("filtered", """{"status":"incomplete","incomplete_details":{"reason":"content_filter"},"output":[]}""", "", "content_filter")]
    [InlineData("incomplete for no reason", """{"status":"incomplete","incomplete_details":null,"output":[]}""", "", "incomplete")]
    [InlineData("no message", """{"status":"completed","error":null,"output":[{"type":"web_search_call","id":"ws"}]}""", "", "stop")]
    [InlineData("odd items", """{"status":"completed","output":["x",null,3,[1],{"type":"message","content":"flat"},{"type":"message","content":[{"type":"output_text","text":"4"}]}]}""", "4", "stop")]
    public void A_response_has_the_text_of_all_its_messages(string what, string body, string text, string finish)
    {
        Response response = Response("responses", body);

        Assert.Equal((what, text, finish), (what, response.Text, response.Finish));
    }

    [Theory]
    [InlineData("plain", """{"type":"message","content":[{"type":"text","text":"4"}],"stop_reason":"end_turn"}""", "4", "end_turn")]
    [InlineData("thinking", """{"content":[{"type":"thinking","thinking":"hm","signature":"s"},{"type":"text","text":"a"},{"type":"text","text":"b"}],"stop_reason":"end_turn"}""", "ab", "end_turn")]
    [InlineData("refusal", """{"content":[],"stop_reason":"refusal"}""", "", "refusal")]
    [InlineData("cut", """{"content":[{"type":"text","text":"4 is"}],"stop_reason":"max_tokens"}""", "4 is", "max_tokens")]
    [InlineData("tool use", """{"content":[{"type":"tool_use","id":"t","name":"f","input":{"text":"no"}}],"stop_reason":"tool_use","stop_sequence":null}""", "", "tool_use")]
    public void A_message_has_the_text_of_all_its_text_blocks(string what, string body, string text, string finish)
    {
        Response response = Response("messages", body);

        Assert.Equal((what, text, finish), (what, response.Text, response.Finish));
    }

    [Theory]
    [InlineData("chat", """{"choices":[],"usage":{"prompt_tokens":11,"completion_tokens":7,"total_tokens":18,"prompt_tokens_details":{"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":5}}}""", 11, 7)]
    [InlineData("chat", """{"usage":null,"choices":[]}""", 0, 0)]
    [InlineData("chat", """{"usage":{"prompt_tokens":null,"completion_tokens":"7"},"choices":[]}""", 0, 0)]
    [InlineData("responses", """{"status":"completed","output":[],"usage":{"input_tokens":11,"input_tokens_details":{"cached_tokens":8},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":5},"total_tokens":18}}""", 11, 7)]
    [InlineData("messages", """{"content":[],"usage":{"input_tokens":3,"cache_creation_input_tokens":20,"cache_read_input_tokens":100,"cache_creation":{"ephemeral_5m_input_tokens":20},"output_tokens":7,"service_tier":"batch"}}""", 123, 7)]
    [InlineData("messages", """{"content":[],"usage":{"input_tokens":3,"cache_creation_input_tokens":null,"cache_read_input_tokens":0,"output_tokens":7}}""", 3, 7)]
    public void Usage_counts_all_input_cached_or_not_and_all_output(string dialect, string body, long input, long output) =>
        Assert.Equal(new TokenUsage(input, output), Response(dialect, body).Usage);

    [Theory]
    [InlineData("""{"status":"failed","error":{"code":"server_error","message":"boom"},"output":[]}""", ErrorClass.Transient, "server_error", "boom")]
    [InlineData("""{"status":"failed","error":{"code":"invalid_prompt","message":"no"},"output":[]}""", ErrorClass.Permanent, "invalid_prompt", "no")]
    [InlineData("""{"status":"failed","error":null}""", ErrorClass.Transient, "failed", "the response ended as `failed`")]
    [InlineData("""{"status":"cancelled","output":[]}""", ErrorClass.Transient, "cancelled", "the response ended as `cancelled`")]
    public void A_response_that_says_it_failed_is_a_failure(string body, ErrorClass kind, string code, string message)
    {
        var (_, failure) = Of("responses").Inspect(System.Text.Encoding.UTF8.GetBytes(body));

        Assert.Equal(new RequestError(kind, code, message), failure);
    }

    /// <summary>A model that is cut in the middle of an emoji leaves half a surrogate pair; its answer was paid for all the same.</summary>
    [Theory]
    [InlineData("chat", """{"choices":[{"message":{"content":"a\ud83e"},"finish_reason":"length"}]}""")]
    [InlineData("chat", """{"choices":[{"message":{"content":[{"type":"text","text":"a\ud83e"}]},"finish_reason":"length"}]}""")]
    [InlineData("responses", """{"status":"completed","output":[{"type":"message","content":[{"type":"output_text","text":"a\udd86"}]}]}""")]
    [InlineData("messages", """{"content":[{"type":"text","text":"a\ud83e"}],"stop_reason":"max_tokens"}""")]
    public void Half_a_surrogate_pair_is_read_as_the_replacement_character(string dialect, string body) =>
        Assert.Equal("a\ufffd", Response(dialect, body).Text);

    [Theory]
    [InlineData("chat", "")]
    [InlineData("chat", "null")]
    [InlineData("chat", "[]")]
    [InlineData("chat", "{}")]
    [InlineData("chat", "{\"choices\":null}")]
    [InlineData("chat", "{\"choices\":[{\"message\":{\"content\":\"4\"")]
    [InlineData("chat", "<html>502 Bad Gateway</html>")]
    [InlineData("responses", "{\"status\":\"completed\"}")]
    [InlineData("responses", "{\"output\":{}}")]
    [InlineData("messages", "{\"content\":\"4\"}")]
    [InlineData("messages", "{\"type\":\"error\",\"error\":null}")]
    public void What_is_no_response_is_a_format_error(string dialect, string body)
    {
        byte[] bytes = System.Text.Encoding.UTF8.GetBytes(body);

        Assert.Throws<FormatException>(() => Of(dialect).ReadResponse(bytes, default));
        Assert.Throws<FormatException>(() => Of(dialect).Inspect(bytes));
    }
}
