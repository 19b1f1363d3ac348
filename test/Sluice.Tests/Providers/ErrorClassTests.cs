using System.Text;
using Sluice.Providers;
using static Sluice.Tests.Providers.DialectCase;

namespace Sluice.Tests.Providers;

public class ErrorClassTests
{
    private const string Nothing = "";

    [Theory]
    [InlineData("chat", 400, """{"error":{"message":"m","type":"invalid_request_error","param":null,"code":null}}""", ErrorClass.Permanent)]
    [InlineData("chat", 400, """{"error":{"message":"m","type":"x","code":"token_limit_exceeded"}}""", ErrorClass.RateLimited)]
    [InlineData("chat", 400, """{"error":{"message":"m","code":"billing_hard_limit_reached"}}""", ErrorClass.Quota)]
    [InlineData("chat", 401, """{"error":{"message":"m","type":"invalid_request_error","code":"invalid_api_key"}}""", ErrorClass.Credentials)]
    [InlineData("chat", 402, Nothing, ErrorClass.Quota)]
    [InlineData("chat", 403, """{"error":{"message":"m","code":"not_available_for_plan"}}""", ErrorClass.Credentials)]
    [InlineData("chat", 404, """{"error":{"message":"No batch found","type":"invalid_request_error","code":null}}""", ErrorClass.Permanent)]
    [InlineData("chat", 408, Nothing, ErrorClass.Transient)]
    [InlineData("chat", 409, Nothing, ErrorClass.Transient)]
    [InlineData("chat", 413, """{"error":{"message":"File is too large."}}""", ErrorClass.Permanent)]
    [InlineData("chat", 422, """{"detail":[{"msg":"m"}]}""", ErrorClass.Permanent)]
    [InlineData("chat", 429, """{"error":{"message":"m","type":"rate_limit_exceeded","code":"rate_limit_exceeded"}}""", ErrorClass.RateLimited)]
    [InlineData("chat", 429, """{"error":{"message":"m","type":"insufficient_quota","code":"insufficient_quota"}}""", ErrorClass.Quota)]
    [InlineData("chat", 429, """{"error":{"message":"m","type":"insufficient_quota"}}""", ErrorClass.Quota)]
    [InlineData("chat", 500, Nothing, ErrorClass.Transient)]
    [InlineData("chat", 502, "<html>Bad Gateway</html>", ErrorClass.Unreachable)]
    [InlineData("chat", 0, Nothing, ErrorClass.Transient)]
    [InlineData("messages", 400, """{"type":"error","error":{"type":"invalid_request_error","message":"m"}}""", ErrorClass.Permanent)]
    [InlineData("messages", 401, """{"type":"error","error":{"type":"authentication_error","message":"m"}}""", ErrorClass.Credentials)]
    [InlineData("messages", 402, """{"type":"error","error":{"type":"billing_error","message":"m"}}""", ErrorClass.Quota)]
    [InlineData("messages", 403, """{"type":"error","error":{"type":"permission_error","message":"m"}}""", ErrorClass.Credentials)]
    [InlineData("messages", 404, """{"type":"error","error":{"type":"not_found_error","message":"m"}}""", ErrorClass.Permanent)]
    [InlineData("messages", 413, """{"type":"error","error":{"type":"request_too_large","message":"m"}}""", ErrorClass.Permanent)]
    [InlineData("messages", 429, """{"type":"error","error":{"type":"rate_limit_error","message":"m"}}""", ErrorClass.RateLimited)]
    [InlineData("messages", 500, """{"type":"error","error":{"type":"api_error","message":"m"}}""", ErrorClass.Transient)]
    [InlineData("messages", 529, """{"type":"error","error":{"type":"overloaded_error","message":"m"}}""", ErrorClass.Transient)]
    public void A_status_and_its_body_say_what_can_be_done(string dialect, int status, string body, ErrorClass expected) =>
        Assert.Equal(expected, Of(dialect).ReadError(status, Encoding.UTF8.GetBytes(body)).Class);

    [Theory]
    [InlineData("""{"error":{"message":"m","type":"t","param":null,"code":"c"}}""", "c", "m")]
    [InlineData("""{"error":{"message":"m","type":"t","code":null},"detail":"x"}""", "t", "m")]
    [InlineData("""{"error":{"message":"m","code":17}}""", "17", "m")]
    [InlineData("""{"error":{"message":"m"}}""", "418", "m")]
    [InlineData("""{"error":"words"}""", "418", "words")]
    [InlineData("""{"message":"m","code":"c"}""", "c", "m")]
    [InlineData("""{"detail":"words"}""", "418", "words")]
    [InlineData("""{"detail":{"message":"m"}}""", "418", "m")]
    [InlineData("""{"detail":[{"msg":"a"},{"msg":"b"}]}""", "418", """[{"msg":"a"},{"msg":"b"}]""")]
    [InlineData("""{"error":null,"detail":"words"}""", "418", "words")]
    [InlineData("""{"error":{"error":{"message":"deep"}}}""", "418", "deep")]
    [InlineData("{}", "418", "{}")]
    [InlineData("\"words\"", "418", "words")]
    [InlineData("""{"error":{"message":" ","code":"c"}}""", "c", "HTTP 418 without a message")]
    [InlineData("\"\"", "418", "HTTP 418 without a message")]
    [InlineData("", "418", "HTTP 418 without a message")]
    [InlineData("  \r\n ", "418", "HTTP 418 without a message")]
    [InlineData("<html>\r\n<b>no</b>", "418", "<html>  <b>no</b>")]
    [InlineData("""{"error":{"message":"two\nlines\u001b[31m"}}""", "418", "two lines [31m")]
    public void Code_and_message_are_found_in_any_shape(string body, string code, string message)
    {
        RequestError error = Of("chat").ReadError(418, Encoding.UTF8.GetBytes(body));

        Assert.Equal((code, message), (error.Code, error.Message));
    }

    [Fact]
    public void A_very_long_message_is_cut()
    {
        string long1 = new('x', 5000);

        Assert.Equal(1003, Of("chat").ReadError(500, Encoding.UTF8.GetBytes($$$"""{"error":{"message":"{{{long1}}}"}}""")).Message.Length);
        Assert.Equal(1000, Of("chat").ReadError(500, Encoding.UTF8.GetBytes(long1)).Message.Length);
    }

    [Theory]
    [InlineData("c", "m", "c: m")]
    [InlineData("429", "429 Too Many Requests", "429 Too Many Requests")]
    public void An_error_is_shown_with_its_code_once(string code, string message, string shown) =>
        Assert.Equal(shown, new RequestError(ErrorClass.Permanent, code, message).ToString());
}
