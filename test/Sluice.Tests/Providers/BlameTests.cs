using System.Net;
using System.Text;
using Sluice.Providers;
using Sluice.Providers.OpenAI;
using static Sluice.Tests.Providers.DialectCase;

namespace Sluice.Tests.Providers;

/// <summary>Who is to blame for an error: the request, the account, or what answers at the address.</summary>
public class BlameTests
{
    private const string Page = "<html><body><h1>Sign in</h1></body></html>";

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private static async Task<ProviderException> FailsAsync(StubHttp http)
    {
        IProvider provider = OpenAIProviderFactory.Compatible.Create(new ProviderReference("openai-compatible", "chat", "http://127.0.0.1:9/v1", null), http.Environment);
        return await Assert.ThrowsAsync<ProviderException>(() => provider.Live.SendAsync("{}"u8.ToArray(), TimeSpan.FromSeconds(30), Token));
    }

    /// <summary>No credit, or a limit that only people lift, whatever the status.</summary>
    [Theory]
    [InlineData("messages", 400, """{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API. Please go to Plans & Billing to upgrade or purchase credits."}}""")]
    [InlineData("messages", 400, """{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."}}""")]
    [InlineData("messages", 400, """{"type":"error","error":{"type":"invalid_request_error","message":"You have reached your specified workspace API usage limits. You will regain access on 2026-12-01 at 00:00 UTC."}}""")]
    [InlineData("messages", 402, """{"type":"error","error":{"type":"billing_error","message":"m"}}""")]
    [InlineData("messages", 403, """{"type":"error","error":{"type":"billing_error","message":"m"}}""")]
    [InlineData("chat", 400, """{"error":{"message":"You have exceeded your file storage quota.","type":"invalid_request_error","param":null,"code":null}}""")]
    [InlineData("chat", 400, """{"error":{"code":"quotaExceeded","message":"The quota for files without expiry is reached. The maximum is 500."}}""")]
    [InlineData("chat", 400, """{"error":{"message":"Billing hard limit has been reached","type":"invalid_request_error","param":null,"code":"billing_hard_limit_reached"}}""")]
    [InlineData("chat", 400, """{"error":{"message":"ExceededBudget: Budget has been exceeded! Current cost: 10.1, Max budget: 10.0","type":"budget_exceeded","param":null,"code":"400"}}""")]
    [InlineData("chat", 402, """{"error":{"message":"Insufficient Balance","type":"unknown_error","param":null,"code":"invalid_request_error"}}""")]
    [InlineData("chat", 403, """{"error":{"message":"user quota is not enough","type":"new_api_error","code":"insufficient_user_quota"}}""")]
    [InlineData("chat", 429, """{"error":{"message":"You exceeded your current quota, please check your plan and billing details.","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}""")]
    [InlineData("chat", 429, """{"error":{"message":"You exceeded your current quota, please check your plan and billing details."}}""")]
    [InlineData("chat", 429, """{"code":"Some resource has been exhausted","error":"Your team has either used all available credits or reached its monthly spending limit."}""")]
    [InlineData("chat", 429, """{"error":{"message":"Your account is not active, please check your billing details on our website.","type":"billing_not_active","code":"billing_not_active"}}""")]
    [InlineData("chat", 400, """{"error":{"message":"The account's owner has run into its billing limit has been reached for 'project x'; it's final"}}""")]
    [InlineData("responses", 500, """{"error":{"message":"m","code":"insufficient_quota"}}""")]
    public void A_spent_account_is_the_accounts_trouble_whatever_the_status(string dialect, int status, string body) =>
        Assert.Equal(ErrorClass.Quota, Of(dialect).ReadError(status, Encoding.UTF8.GetBytes(body)).Class);

    /// <summary>What a refusal of one request says may hold words of its prompt.</summary>
    [Theory]
    [InlineData(422, """{"detail":[{"msg":"too long","input":"My credit balance is too low"}]}""")]
    [InlineData(404, """{"error":{"message":"The model `check your billing` does not exist","code":"model_not_found"}}""")]
    [InlineData(400, """{"error":{"message":"Invalid prompt: 'my credit balance is too low'","code":"invalid_prompt"}}""")]
    [InlineData(400, """{"object":"error","message":"1 validation error: messages.0.content: input_value='I don't know why the ATM said insufficient funds', input_type=str","type":"BadRequestError","code":400}""")]
    [InlineData(400, """{"error":{"message":"Invalid value: \"please check your billing"}}""")]
    [InlineData(429, """{"error":{"message":"Request too large for gpt-4o in organization o on tokens per min (TPM): Limit 30000, Requested 41000.","type":"tokens","code":"rate_limit_exceeded"}}""")]
    [InlineData(403, """{"error":{"code":403,"message":"Your chosen model requires moderation and your input was flagged","metadata":{"reasons":["violence"]}}}""")]
    public void What_is_said_of_one_request_is_neither_a_spent_account_nor_a_refused_key(int status, string body) =>
        Assert.Equal(ErrorClass.Permanent, Of("chat").ReadError(status, Encoding.UTF8.GetBytes(body)).Class);

    [Theory]
    [InlineData("""{"custom_id":"a","response":{"status_code":400,"body":{"error":{"message":"Billing hard limit has been reached","code":"billing_hard_limit_reached"}}},"error":null}""")]
    [InlineData("""{"custom_id":"a","response":{"status_code":403,"body":{"error":{"message":"no","code":"insufficient_quota"}}},"error":null}""")]
    [InlineData("""{"custom_id":"a","response":null,"error":{"code":"insufficient_quota","message":"no"}}""")]
    [InlineData("""{"custom_id":"a","response":null,"error":{"code":"400","message":"Your credit balance is too low."}}""")]
    public void A_result_line_of_OpenAI_tells_a_spent_account(string line) =>
        Assert.Equal(ErrorClass.Quota, Of("chat").ReadBatchLine(Encoding.UTF8.GetBytes(line)).Error!.Class);

    [Fact]
    public void A_result_line_of_Anthropic_tells_a_spent_account()
    {
        const string Line = """{"custom_id":"a","result":{"type":"errored","error":{"type":"error","error":{"type":"invalid_request_error","message":"Your credit balance is too low to access the Anthropic API."}}}}""";

        Assert.Equal(ErrorClass.Quota, Of("messages").ReadBatchLine(Encoding.UTF8.GetBytes(Line)).Error!.Class);
    }

    /// <summary>A line has no address of its own: whatever its status, it is an answer about the request.</summary>
    [Theory]
    [InlineData(302)]
    [InlineData(405)]
    [InlineData(413)]
    public void A_result_line_never_blames_the_address(int status)
    {
        string line = $$$"""{"custom_id":"a","response":{"status_code":{{{status}}},"body":"<html>no</html>"},"error":null}""";

        Assert.Equal(ErrorClass.Permanent, Of("chat").ReadBatchLine(Encoding.UTF8.GetBytes(line)).Error!.Class);
    }

    [Theory]
    [InlineData(400, """{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}""")]
    [InlineData(400, """{"code":"Client specified an invalid argument","error":"Incorrect API key provided: xa***zz."}""")]
    [InlineData(400, """{"error":{"message":"m","code":"invalid_api_key"}}""")]
    [InlineData(401, Page)]
    [InlineData(403, """{"error":{"message":"m","code":"not_available_for_plan"}}""")]
    public void A_wrong_key_is_told_in_many_ways(int status, string body) =>
        Assert.Equal(ErrorClass.Credentials, Of("chat").ReadError(status, Encoding.UTF8.GetBytes(body)).Class);

    /// <summary>A refusal that is not in the provider's format comes from something in between.</summary>
    [Theory]
    [InlineData(400, Page)]
    [InlineData(400, "The plain HTTP request was sent to HTTPS port")]
    [InlineData(403, Page)]
    [InlineData(403, "error code: 1010")]
    [InlineData(404, "404 page not found")]
    [InlineData(404, """{"detail":"Not Found"}""")]
    [InlineData(404, """{"error":{"message":"Invalid URL (POST /v1/v1/chat/completions)","type":"invalid_request_error","param":null,"code":null}}""")]
    [InlineData(405, """{"detail":"Method Not Allowed"}""")]
    [InlineData(407, "")]
    [InlineData(413, Page)]
    [InlineData(413, "")]
    [InlineData(421, "\"misdirected\"")]
    public void What_a_proxy_refuses_is_the_addresss_trouble(int status, string body)
    {
        Assert.Equal(ErrorClass.Address, Of("chat").ReadError(status, Encoding.UTF8.GetBytes(body)).Class);
        Assert.Equal(ErrorClass.Address, Of("messages").ReadError(status, Encoding.UTF8.GetBytes(body)).Class);
    }

    [Theory]
    [InlineData(502, Page, ErrorClass.Unreachable)]
    [InlineData(502, "", ErrorClass.Unreachable)]
    [InlineData(511, Page, ErrorClass.Unreachable)]
    [InlineData(525, Page, ErrorClass.Unreachable)]
    [InlineData(526, Page, ErrorClass.Unreachable)]
    [InlineData(503, "upstream connect error or disconnect/reset before headers. reset reason: connection failure", ErrorClass.Unreachable)]
    [InlineData(522, "error code: 522", ErrorClass.Unreachable)]
    [InlineData(503, """{"error":{"message":"The engine is currently overloaded"}}""", ErrorClass.Transient)]
    [InlineData(504, Page, ErrorClass.Transient)]
    [InlineData(500, Page, ErrorClass.Unreachable)]
    [InlineData(500, "Internal Server Error", ErrorClass.Transient)]
    public void A_gateway_without_a_server_behind_it_is_one_that_cannot_be_reached(int status, string body, ErrorClass expected) =>
        Assert.Equal(expected, Of("chat").ReadError(status, Encoding.UTF8.GetBytes(body)).Class);

    [Theory]
    [InlineData(HttpRequestError.NameResolutionError, ErrorClass.Unreachable, false)]
    [InlineData(HttpRequestError.ConnectionError, ErrorClass.Unreachable, false)]
    [InlineData(HttpRequestError.SecureConnectionError, ErrorClass.Unreachable, false)]
    [InlineData(HttpRequestError.ProxyTunnelError, ErrorClass.Unreachable, false)]
    [InlineData(HttpRequestError.ResponseEnded, ErrorClass.Transient, true)]
    [InlineData(HttpRequestError.Unknown, ErrorClass.Transient, true)]
    public async Task A_server_that_was_never_reached_is_told_from_one_that_broke_off(HttpRequestError problem, ErrorClass expected, bool unknown)
    {
        using var http = new StubHttp((_, _) => throw new HttpRequestException(problem, "no way"));

        ProviderException error = await FailsAsync(http);

        Assert.Equal((expected, unknown, "network"), (error.Error.Class, error.OutcomeUnknown, error.Error.Code));
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_the_addresss_trouble_and_proves_that_nothing_was_carried_out(int status)
    {
        using var http = new StubHttp(_ => StubHttp.Json("", status, ("Location", "https://elsewhere/v1")));

        ProviderException error = await FailsAsync(http);

        Assert.Equal((ErrorClass.Address, false), (error.Error.Class, error.OutcomeUnknown));
        Assert.Contains("https://elsewhere/v1", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_redirect_to_nowhere_says_so()
    {
        using var http = new StubHttp(_ => StubHttp.Json("", 302));

        ProviderException error = await FailsAsync(http);

        Assert.Contains("redirects and does not say where to;", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_login_page_with_status_200_is_the_addresss_trouble()
    {
        using var http = new StubHttp(_ => new HttpResponseMessage(HttpStatusCode.OK) { Content = new StringContent(Page, Encoding.UTF8, "text/html") });

        ProviderException error = await FailsAsync(http);

        Assert.Equal((ErrorClass.Address, true, 200), (error.Error.Class, error.OutcomeUnknown, error.Status!.Value));
    }
}
