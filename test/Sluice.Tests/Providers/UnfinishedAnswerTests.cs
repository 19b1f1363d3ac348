using System.Text;
using Sluice.Providers;
using Sluice.Requests;
using static Sluice.Tests.Providers.DialectCase;

namespace Sluice.Tests.Providers;

/// <summary>What comes with status 200 and is no finished answer is never taken for one.</summary>
public class UnfinishedAnswerTests
{
    [Theory]
    [InlineData("responses", """{"id":"r","status":"in_progress","output":[],"usage":null}""", "unfinished")]
    [InlineData("responses", """{"id":"r","status":"queued","output":[]}""", "unfinished")]
    [InlineData("responses", """{"id":"r","status":"something_new","output":[]}""", "unfinished")]
    [InlineData("responses", """{"id":"r","status":"failed","error":{"code":"server_error","message":"m"},"output":[]}""", "server_error")]
    [InlineData("chat", """{"object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"4"},"finish_reason":null}]}""", "unfinished")]
    [InlineData("chat", """{"error":{"message":"Provider returned error","code":502}}""", "502")]
    [InlineData("chat", """{"error":"model is loading","choices":[]}""", "error")]
    [InlineData("messages", """{"type":"message","content":[],"stop_reason":null,"usage":{"input_tokens":3,"output_tokens":0}}""", "unfinished")]
    [InlineData("messages", """{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}""", "overloaded_error")]
    public void An_unfinished_answer_or_an_error_with_status_200_is_a_transient_failure(string dialect, string body, string code)
    {
        RequestError? failure = Of(dialect).Inspect(Encoding.UTF8.GetBytes(body)).Failure;

        Assert.Equal((ErrorClass.Transient, code), (failure!.Class, failure.Code));
    }

    [Theory]
    [InlineData("chat", """{"error":{"message":"Insufficient credits","code":402}}""", ErrorClass.Quota)]
    [InlineData("chat", """{"error":{"message":"Rate limit exceeded","code":429}}""", ErrorClass.RateLimited)]
    [InlineData("messages", """{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low"}}""", ErrorClass.Quota)]
    public void An_error_with_status_200_is_classified_like_any_other(string dialect, string body, ErrorClass expected) =>
        Assert.Equal(expected, Of(dialect).Inspect(Encoding.UTF8.GetBytes(body)).Failure!.Class);

    [Theory]
    [InlineData("chat", """{"choices":[],"usage":{"prompt_tokens":-1000000000,"completion_tokens":5}}""")]
    [InlineData("chat", """{"choices":[],"usage":{"prompt_tokens":9000000000000000000,"completion_tokens":5}}""")]
    [InlineData("responses", """{"output":[],"usage":{"input_tokens":-1,"output_tokens":5}}""")]
    [InlineData("messages", """{"content":[],"usage":{"input_tokens":-7,"cache_read_input_tokens":-1,"output_tokens":5}}""")]
    public void Tokens_that_cannot_be_are_not_known(string dialect, string body) =>
        Assert.Equal(new TokenUsage(0, 5), Of(dialect).Inspect(Encoding.UTF8.GetBytes(body)).Usage);

    [Theory]
    [InlineData("responses", """{"status":"completed","output":[]}""")]
    [InlineData("responses", """{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"},"output":[]}""")]
    [InlineData("responses", """{"output":[]}""")]
    [InlineData("chat", """{"object":"chat.completion","choices":[],"error":null}""")]
    [InlineData("chat", """{"choices":[],"error":""}""")]
    [InlineData("chat", """{"choices":[],"error":{}}""")]
    [InlineData("chat", """{"choices":[],"error":{"code":null,"message":""}}""")]
    [InlineData("messages", """{"content":[],"error":{"type":null,"message":null}}""")]
    [InlineData("messages", """{"content":[],"stop_reason":"end_turn"}""")]
    [InlineData("messages", """{"content":[]}""")]
    public void A_finished_answer_is_none(string dialect, string body) =>
        Assert.Null(Of(dialect).Inspect(Encoding.UTF8.GetBytes(body)).Failure);

    [Theory]
    [InlineData("responses", """{"custom_id":"a","response":{"status_code":200,"body":{"status":"in_progress","output":[]}},"error":null}""")]
    [InlineData("chat", """{"custom_id":"a","response":{"status_code":200,"body":{"error":{"message":"overloaded","code":503}}},"error":null}""")]
    [InlineData("messages", """{"custom_id":"a","result":{"type":"succeeded","message":{"type":"message","content":[],"stop_reason":null}}}""")]
    public void A_line_with_an_unfinished_answer_is_sent_again(string dialect, string line)
    {
        BatchLine read = Of(dialect).ReadBatchLine(Encoding.UTF8.GetBytes(line));

        Assert.Equal((ErrorClass.Transient, 0), (read.Error!.Class, read.Body.Length));
    }
}
