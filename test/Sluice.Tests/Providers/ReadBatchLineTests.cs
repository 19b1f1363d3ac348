using Sluice.Providers;
using Sluice.Requests;
using static Sluice.Tests.Providers.DialectCase;

namespace Sluice.Tests.Providers;

public class ReadBatchLineTests
{
    private const string Body = """{"choices":[{"message":{"content":"4"}}],"usage":{"prompt_tokens":2,"completion_tokens":1}}""";

    [Fact]
    public void A_successful_OpenAI_line_gives_the_body_as_it_is()
    {
        BatchLine line = Line("chat", $$$"""{"id":"batch_req_1","custom_id":"a","response":{"status_code":200,"request_id":"r","body":{{{Body}}}},"error":null}""");

        Assert.Equal(("a", Body, new TokenUsage(2, 1), null), (Text(line.CustomId), Text(line.Body), line.Usage, line.Error));
    }

    [Theory]
    [InlineData("members in another order", """{"error":null,"response":{"body":BODY,"status_code":200},"custom_id":"a"}""")]
    [InlineData("white space kept", """ { "custom_id" : "a" , "response" : { "status_code" : 200 , "body" : BODY } } """)]
    [InlineData("created", """{"custom_id":"a","response":{"status_code":201,"body":BODY}}""")]
    [InlineData("escaped id", """{"custom_id":"\u0061","response":{"status_code":200,"body":BODY}}""")]
    [InlineData("status as a text", """{"custom_id":"a","response":{"status_code":"200","body":BODY}}""")]
    [InlineData("status is null", """{"custom_id":"a","response":{"status_code":null,"body":BODY},"error":null}""")]
    [InlineData("status of no kind", """{"custom_id":"a","response":{"status_code":"ok","body":BODY},"error":null}""")]
    [InlineData("no status", """{"custom_id":"a","response":{"body":BODY},"error":null}""")]
    [InlineData("empty error", """{"custom_id":"a","response":{"status_code":200,"body":BODY},"error":{}}""")]
    [InlineData("error of nulls", """{"custom_id":"a","response":{"status_code":200,"body":BODY},"error":{"code":null,"message":null}}""")]
    [InlineData("error of nothings", """{"error":{"code":0,"message":" ","details":[{"type":""}],"fatal":false},"custom_id":"a","response":{"status_code":200,"body":BODY}}""")]
    [InlineData("empty text", """{"custom_id":"a","response":{"status_code":200,"body":BODY},"error":""}""")]
    [InlineData("a paid answer with an error", """{"custom_id":"a","response":{"status_code":200,"body":BODY},"error":{"code":"late","message":"too late"}}""")]
    public void Other_spellings_of_a_successful_line_give_the_same(string what, string line)
    {
        BatchLine read = Line("chat", line.Replace("BODY", Body, StringComparison.Ordinal));

        Assert.Equal((what, "a", Body, null), (what, Text(read.CustomId), Text(read.Body), read.Error));
    }

    [Fact]
    public void A_body_in_a_string_is_unpacked()
    {
        BatchLine line = Line("chat", $$$"""{"custom_id":"a","response":{"status_code":200,"body":{{{System.Text.Json.JsonSerializer.Serialize(Body)}}}}}""");

        Assert.Equal((Body, new TokenUsage(2, 1), null), (Text(line.Body), line.Usage, line.Error));
    }

    [Theory]
    // providers.md 4: HTTP failure in the error file.
    [InlineData("""{"id":"b","custom_id":"a","response":{"status_code":400,"request_id":"r","body":{"error":{"message":"bad","type":"invalid_request_error","param":null,"code":null}}},"error":null}""", ErrorClass.Permanent, "invalid_request_error", "bad")]
    [InlineData("""{"custom_id":"a","response":{"status_code":429,"body":{"error":{"message":"slow","type":"rate_limit_exceeded","code":"rate_limit_exceeded"}}},"error":null}""", ErrorClass.RateLimited, "rate_limit_exceeded", "slow")]
    [InlineData("""{"custom_id":"a","response":{"status_code":429,"body":{"error":{"message":"broke","type":"insufficient_quota","code":"insufficient_quota"}}},"error":null}""", ErrorClass.Quota, "insufficient_quota", "broke")]
    [InlineData("""{"custom_id":"a","response":{"status_code":500,"body":{"error":{"message":"boom","type":"server_error","code":null}}},"error":null}""", ErrorClass.Transient, "server_error", "boom")]
    // Not run.
    [InlineData("""{"id":"b","custom_id":"a","response":null,"error":{"code":"batch_expired","message":"too late"}}""", ErrorClass.Transient, "batch_expired", "too late")]
    [InlineData("""{"id":"b","custom_id":"a","response":null,"error":{"code":"batch_cancelled","message":"stopped"}}""", ErrorClass.Transient, "batch_cancelled", "stopped")]
    [InlineData("""{"id":"b","custom_id":"a","response":null,"error":{"code":"request_timeout","message":"slow"}}""", ErrorClass.Transient, "request_timeout", "slow")]
    // 16: an expired line with a plain server error.
    [InlineData("""{"custom_id":"a","response":null,"error":{"message":"The server had an error while processing your request."}}""", ErrorClass.Transient, "error", "The server had an error while processing your request.")]
    // 16: status 0 in a row counted as completed.
    [InlineData("""{"custom_id":"a","response":{"status_code":0,"request_id":"","body":{}},"error":null}""", ErrorClass.Transient, "0", "{}")]
    [InlineData("""{"custom_id":"a","response":{"status_code":0,"body":null}}""", ErrorClass.Transient, "0", "null")]
    [InlineData("""{"custom_id":"a","response":{"body":{"choices":[]}}}""", ErrorClass.Transient, "0", """{"choices":[]}""")]
    // 9: body as a string.
    [InlineData("""{"custom_id":"a","response":{"status_code":422,"body":"{\"detail\":\"no such field\"}"},"error":null}""", ErrorClass.Permanent, "422", "no such field")]
    // 11: Together.
    [InlineData("""{"id":"br_1","custom_id":"a","error":{"code":"batch_client_error","message":"oops"}}""", ErrorClass.Transient, "batch_client_error", "oops")]
    // 15: vLLM.
    [InlineData("""{"id":"vllm-1","custom_id":"a","response":{"status_code":400,"request_id":"r","body":null},"error":{"object":"error","message":"too long","type":"BadRequestError","param":null,"code":400}}""", ErrorClass.Permanent, "BadRequestError", "too long")]
    [InlineData("""{"id":"vllm-1","custom_id":"a","response":{"status_code":400,"request_id":"r","body":null},"error":"The URL is wrong"}""", ErrorClass.Permanent, "400", "The URL is wrong")]
    [InlineData("""{"id":"vllm-1","custom_id":"a","response":{"status_code":500,"request_id":"r","body":null},"error":"engine died"}""", ErrorClass.Transient, "500", "engine died")]
    // 15: DeepInfra.
    [InlineData("""{"custom_id":"a","response":null,"error":{"code":"400","message":"bad","param":null,"type":null}}""", ErrorClass.Permanent, "400", "bad")]
    [InlineData("""{"custom_id":"a","response":null,"error":{"code":"500","message":"boom","param":null,"type":null}}""", ErrorClass.Transient, "500", "boom")]
    [InlineData("""{"custom_id":"a","response":null,"error":"just words"}""", ErrorClass.Transient, "error", "just words")]
    // An error without words leaves the word to the response, one with words has it where there is no answer.
    [InlineData("""{"custom_id":"a","response":{"status_code":400,"body":{"error":{"message":"bad","type":"invalid_request_error"}}},"error":{"code":null}}""", ErrorClass.Permanent, "invalid_request_error", "bad")]
    [InlineData("""{"custom_id":"a","response":{"status_code":200,"body":null},"error":{"code":"batch_expired","message":"too late"}}""", ErrorClass.Transient, "batch_expired", "too late")]
    [InlineData("""{"custom_id":"a","response":{"status_code":200,"body":{"choices":[]}},"error":{"code":"batch_expired","message":"too late"}}""", ErrorClass.Transient, "batch_expired", "too late")]
    [InlineData("""{"custom_id":"a","response":null,"error":{"code":null,"message":null}}""", ErrorClass.Transient, "no_response", "the line has neither a response nor an error")]
    [InlineData("""{"custom_id":"a","response":{"status_code":"500","body":null},"error":{}}""", ErrorClass.Transient, "500", "null")]
    [InlineData("""{"custom_id":"a","response":null,"error":null}""", ErrorClass.Transient, "no_response", "the line has neither a response nor an error")]
    [InlineData("""{"custom_id":"a"}""", ErrorClass.Transient, "no_response", "the line has neither a response nor an error")]
    public void A_failed_OpenAI_line_is_classified(string line, ErrorClass kind, string code, string message)
    {
        BatchLine read = Line("chat", line);

        Assert.Equal(("a", 0, new RequestError(kind, code, message)), (Text(read.CustomId), read.Body.Length, read.Error));
    }

    [Fact]
    public void A_response_that_failed_inside_a_200_is_a_failed_line_with_its_usage()
    {
        BatchLine read = Line("responses", """{"custom_id":"a","response":{"status_code":200,"body":{"status":"failed","error":{"code":"server_error","message":"boom"},"usage":{"input_tokens":9,"output_tokens":0}}}}""");

        Assert.Equal((0, new TokenUsage(9, 0), new RequestError(ErrorClass.Transient, "server_error", "boom")), (read.Body.Length, read.Usage, read.Error));
    }

    [Fact]
    public void A_succeeded_Anthropic_line_gives_the_message_as_it_is()
    {
        const string Message = """{"content":[{"type":"text","text":"4"}],"usage":{"input_tokens":2,"output_tokens":1}}""";
        BatchLine line = Line("messages", $$$"""{"custom_id":"a","result":{"type":"succeeded","message":{{{Message}}}}}""");

        Assert.Equal(("a", Message, new TokenUsage(2, 1), null), (Text(line.CustomId), Text(line.Body), line.Usage, line.Error));
    }

    [Theory]
    [InlineData("""{"custom_id":"a","result":{"type":"errored","error":{"type":"error","error":{"type":"invalid_request_error","message":"max_tokens: bad"}}}}""", ErrorClass.Permanent, "invalid_request_error", "max_tokens: bad")]
    [InlineData("""{"custom_id":"a","result":{"type":"errored","error":{"type":"error","error":{"type":"api_error","message":"Internal server error"}}}}""", ErrorClass.Transient, "api_error", "Internal server error")]
    [InlineData("""{"custom_id":"a","result":{"type":"errored","error":{"type":"overloaded_error","message":"Overloaded"}}}""", ErrorClass.Transient, "overloaded_error", "Overloaded")]
    [InlineData("""{"custom_id":"a","result":{"type":"errored","error":{"type":"error","error":{"type":"billing_error","message":"pay"}}}}""", ErrorClass.Quota, "billing_error", "pay")]
    [InlineData("""{"custom_id":"a","result":{"type":"errored","error":"words"}}""", ErrorClass.Transient, "error", "words")]
    [InlineData("""{"custom_id":"a","result":{"type":"errored"}}""", ErrorClass.Transient, "errored", "the line has neither a message nor an error")]
    [InlineData("""{"custom_id":"a","result":{"type":"expired"}}""", ErrorClass.Transient, "expired", "the batch expired before this request was run")]
    [InlineData("""{"custom_id":"a","result":{"type":"canceled"}}""", ErrorClass.Transient, "canceled", "the batch was cancelled before this request was run")]
    [InlineData("""{"custom_id":"a","result":{"type":"succeeded"}}""", ErrorClass.Transient, "succeeded", "the line has neither a message nor an error")]
    [InlineData("""{"custom_id":"a","result":null}""", ErrorClass.Transient, "no_result", "the line has neither a message nor an error")]
    [InlineData("""{"result":null,"custom_id":"a"}""", ErrorClass.Transient, "no_result", "the line has neither a message nor an error")]
    [InlineData("""{"result":[{"type":"expired"},2],"custom_id":"a"}""", ErrorClass.Transient, "no_result", "the line has neither a message nor an error")]
    public void A_failed_Anthropic_line_is_classified(string line, ErrorClass kind, string code, string message)
    {
        BatchLine read = Line("messages", line);

        Assert.Equal(("a", 0, new RequestError(kind, code, message)), (Text(read.CustomId), read.Body.Length, read.Error));
    }

    [Theory]
    [InlineData("chat", "")]
    [InlineData("chat", "[1]")]
    [InlineData("chat", "nonsense")]
    [InlineData("chat", """{"custom_id":"a","response":{"status_code":200,"body":{"choi""")]
    [InlineData("chat", """{"custom_id":"a","response":{"status_code":200,"body":null}}""")]
    [InlineData("chat", """{"custom_id":"a","response":{"status_code":200,"body":"not json"}}""")]
    [InlineData("messages", """{"custom_id":"a","result":{"type":"succeeded","message":null}}""")]
    [InlineData("messages", "{")]
    public void A_garbled_line_is_a_format_error(string dialect, string line) => Assert.Throws<FormatException>(() => Line(dialect, line));

    [Theory]
    [InlineData("chat", """{"custom_id":"ID","method":"POST","url":"/v1/chat/completions","body":{"model":"m"}}""")]
    [InlineData("responses", """{"custom_id":"ID","method":"POST","url":"/v1/responses","body":{"model":"m"}}""")]
    [InlineData("messages", """{"custom_id":"ID","params":{"model":"m"}}""")]
    public void A_request_line_is_the_body_in_the_providers_envelope(string dialect, string expected)
    {
        var output = new System.Buffers.ArrayBufferWriter<byte>();
        Of(dialect).WriteBatchLine(output, "ID"u8, "{\"model\":\"m\"}"u8);

        Assert.Equal(expected, Text(output.WrittenMemory));
    }
}
