using Sluice.Providers;
using Sluice.Providers.Anthropic;
using Sluice.Providers.OpenAI;

namespace Sluice.Tests.Providers;

public sealed class BatchApiTests : IDisposable
{
    private static readonly DateTimeOffset s_since = DateTimeOffset.FromUnixTimeSeconds(1_700_000_000);
    private readonly string _spool = Path.GetTempFileName();

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public void Dispose() => File.Delete(_spool);

    private static IBatchApi OpenAI(StubHttp http) => OpenAIProviderFactory.OpenAI.Create(new("openai", "chat", "http://h/v1/", null), http.Environment).Batch!;

    private static IBatchApi Anthropic(StubHttp http) => new AnthropicProviderFactory().Create(new("anthropic", "messages", "http://h", null), http.Environment).Batch!;

    private static async Task<BatchInfo> GetAsync(string body)
    {
        using var http = new StubHttp(_ => StubHttp.Json(body, 200, ("retry-after", "10")));
        return await OpenAI(http).GetAsync("b", Token);
    }

    private BatchSpool Spool(string lines)
    {
        File.WriteAllText(_spool, lines);
        return new BatchSpool("intent12345678901234", _spool, lines.Count(c => c == '\n'), lines.Length);
    }

    [Fact]
    public async Task A_spool_is_uploaded_once_under_the_intents_name_and_a_batch_made_from_it()
    {
        using var http = new StubHttp(request => StubHttp.Json(request.RequestUri!.AbsolutePath == "/v1/files" ? """{"id":"file-1"}""" : """{"id":"batch_1","status":"validating"}"""));
        BatchSpool spool = Spool("{\"a\":1}\n{\"b\":2}\n");

        string? file = await OpenAI(http).UploadAsync(spool, Token);
        BatchInfo info = await OpenAI(http).CreateAsync(spool, file, Token);

        Assert.Equal(("file-1", "batch_1", BatchState.Validating), (file, info.Id, info.State));
        Assert.Equal(["http://h/v1/files", "http://h/v1/batches"], http.Asked.Select(a => a.Url));
        Assert.Contains("{\"a\":1}\n{\"b\":2}\n", http.Asked[0].Body, StringComparison.Ordinal);
        Assert.Contains("sluice-intent12345678901234.jsonl", http.Asked[0].Body, StringComparison.Ordinal);
        Assert.Equal("""{"input_file_id":"file-1","endpoint":"/v1/chat/completions","completion_window":"24h","metadata":{"sluice_intent":"intent12345678901234"}}""", http.Asked[1].Body);
        Assert.All(http.Asked, asked => Assert.Equal("Bearer key-of-OPENAI_API_KEY", asked.Headers.Authorization!.ToString()));
    }

    [Fact]
    public async Task Anthropic_takes_the_lines_as_one_list()
    {
        using var http = new StubHttp(_ => StubHttp.Json("""{"id":"msgbatch_1","processing_status":"in_progress","request_counts":{"processing":2,"succeeded":0,"errored":0,"canceled":0,"expired":0},"created_at":"2026-11-23T12:00:00Z"}"""));
        BatchSpool spool = Spool("{\"custom_id\":\"a\"}\n{\"custom_id\":\"b\"}\n");

        Assert.Null(await Anthropic(http).UploadAsync(spool, Token));
        BatchInfo info = await Anthropic(http).CreateAsync(spool, null, Token);

        Assert.Equal("""{"requests":[{"custom_id":"a"},{"custom_id":"b"}]}""", Assert.Single(http.Asked).Body);
        Assert.Equal(("msgbatch_1", BatchState.Running, 2, 0), (info.Id, info.State, info.Total!.Value, info.Finished!.Value));
        Assert.Equal("key-of-ANTHROPIC_API_KEY", http.Asked[0].Headers.GetValues("x-api-key").Single());
        Assert.Equal("2023-06-01", http.Asked[0].Headers.GetValues("anthropic-version").Single());
    }

    [Theory]
    [InlineData("validating", BatchState.Validating)]
    [InlineData("Validating", BatchState.Validating)]
    [InlineData("in_progress", BatchState.Running)]
    [InlineData("finalizing", BatchState.Running)]
    [InlineData("IN_PROGRESS", BatchState.Running)]
    [InlineData("cancelling", BatchState.Cancelling)]
    [InlineData("CANCELING", BatchState.Cancelling)]
    [InlineData("completed", BatchState.Done)]
    [InlineData("expired", BatchState.Expired)]
    [InlineData("cancelled", BatchState.Cancelled)]
    [InlineData("failed", BatchState.Failed)]
    [InlineData("pondering", BatchState.Running)]
    [InlineData("", BatchState.Running)]
    public async Task States_have_one_normal_form_and_an_unknown_one_is_running(string status, BatchState expected)
    {
        BatchInfo info = await GetAsync($$"""{"id":"b","status":"{{status}}"}""");

        Assert.Equal((expected, status), (info.State, info.RawState));
        Assert.Equal(expected is BatchState.Done or BatchState.Expired or BatchState.Cancelled or BatchState.Failed, info.IsEnded);
    }

    [Fact]
    public async Task A_full_batch_is_read_with_everything_it_tells()
    {
        BatchInfo info = await GetAsync("""
            {"id":"batch_1","status":"completed","input_file_id":"file-in","output_file_id":"file-out","error_file_id":"file-err","created_at":1711471533,"errors":null,
             "request_counts":{"total":100,"completed":95,"failed":5},"metadata":{"sluice_intent":"abcdefghijklmnopqrst","other":"x"}}
            """);

        Assert.Equal((100, 100, "abcdefghijklmnopqrst", "file-in"), (info.Total!.Value, info.Finished!.Value, info.Intent, info.InputFile));
        Assert.Equal(["file-out", "file-err"], info.ResultFiles);
        Assert.Equal(DateTimeOffset.FromUnixTimeSeconds(1711471533), info.CreatedAt);
        Assert.Equal(TimeSpan.FromSeconds(10), info.RetryAfter);
    }

    [Theory]
    [InlineData(".././././././.././/d")]
    [InlineData("ABCDEFGHIJKLMNOPQRST")]
    [InlineData("abcdefghijklmnopqrs1")]
    [InlineData("me")]
    public async Task A_mark_that_cannot_be_ours_is_none(string mark) =>
        Assert.Null((await GetAsync($$$"""{"id":"b","metadata":{"sluice_intent":"{{{mark}}}"}}""")).Intent);

    [Theory]
    [InlineData("""{"id":"b"}""")]
    [InlineData("""{"id":"b","status":null,"output_file_id":null,"error_file_id":"","errors":null,"request_counts":null,"metadata":null,"created_at":null}""")]
    [InlineData("""{"id":"b","request_counts":{"total":null,"completed":null,"failed":null},"errors":{"data":[]},"metadata":[],"created_at":"soon"}""")]
    [InlineData("""{"id":"b","status":7,"output_file_id":7,"request_counts":"x","created_at":1e300}""")]
    [InlineData("""{"id":"b","created_at":-1e300}""")]
    public async Task Anything_but_the_id_may_be_absent_null_or_empty(string body)
    {
        BatchInfo info = await GetAsync(body);

        Assert.Equal(("b", BatchState.Running, null, null, null), (info.Id, info.State, info.CreatedAt, info.Total, info.Finished));
        Assert.Empty(info.ResultFiles);
    }

    [Theory]
    [InlineData("""{"id":"b","created_at":"2026-11-23T12:00:00Z"}""", "2026-11-23T12:00:00Z")]
    [InlineData("""{"id":"b","created_at":1700000000.7}""", "2023-11-14T22:13:20Z")]
    public async Task Times_are_read_as_numbers_and_as_ISO_8601(string body, string expected) =>
        Assert.Equal(DateTimeOffset.Parse(expected, System.Globalization.CultureInfo.InvariantCulture), (await GetAsync(body)).CreatedAt);

    [Theory]
    [InlineData("""{"id":"b","status":"failed","errors":{"object":"list","data":[{"code":"token_limit_exceeded","message":"Enqueued token limit reached","line":null}]}}""", ErrorClass.RateLimited, "token_limit_exceeded", "Enqueued token limit reached")]
    [InlineData("""{"id":"b","status":"failed","errors":{"data":[{"code":"invalid_json_line","message":"bad","line":3}]}}""", ErrorClass.Permanent, "invalid_json_line", "bad (line 3)")]
    [InlineData("""{"job":{"id":"b","status":"FAILED","error":"file is bad"}}""", ErrorClass.Permanent, "batch_failed", "file is bad")]
    public async Task A_refused_batch_tells_why(string body, ErrorClass kind, string code, string message)
    {
        BatchInfo info = await GetAsync(body);

        Assert.Equal((BatchState.Failed, new RequestError(kind, code, message)), (info.State, info.Error));
    }

    [Fact]
    public async Task A_failed_batch_with_files_is_done_and_is_read() =>
        Assert.Equal(BatchState.Done, (await GetAsync("""{"id":"b","status":"failed","error_file_id":"f"}""")).State);

    [Fact]
    public async Task A_list_is_paged_until_it_is_old_enough()
    {
        // Eight falls and no rise tell that the younger ones come first.
        string old = string.Concat(Enumerable.Range(1, 6).Select(n => $$""",{"id":"old{{n}}","created_at":{{1_600_000_000 - n}}}"""));
        string[] pages =
        [
            """{"data":[{"id":"c","created_at":1700000300},{"id":"b","created_at":1700000200}],"has_more":true}""",
            $$"""{"data":[{"id":"a","created_at":1700000100}{{old}},{"id":"older","created_at":1500000000}],"has_more":true}""",
            """{"data":[{"id":"oldest","created_at":1400000000}],"has_more":true}""",
        ];
        int page = 0;
        using var http = new StubHttp(_ => StubHttp.Json(pages[page++]));

        List<BatchInfo> found = await OpenAI(http).ListAsync(s_since, Token).ToListAsync(Token);

        Assert.Equal(["c", "b", "a"], found.Select(b => b.Id));
        Assert.Equal(["http://h/v1/batches?limit=100", "http://h/v1/batches?limit=100&after=b", "http://h/v1/batches?limit=100&after=older"], http.Asked.Select(a => a.Url));
    }

    [Theory]
    [InlineData("""{"data":[]}""")]
    [InlineData("""{"data":[],"has_more":false}""")]
    [InlineData("""{"data":[],"has_more":null}""")]
    public async Task An_empty_page_ends_a_list(string body)
    {
        using var http = new StubHttp(_ => StubHttp.Json(body));

        Assert.Empty(await OpenAI(http).ListAsync(s_since, Token).ToListAsync(Token));
        Assert.Empty(await Anthropic(http).ListAsync(s_since, Token).ToListAsync(Token));
        Assert.Equal(2, http.Asked.Count);
    }

    /// <summary>A proxy's page, a bare list or null instead of an object: the contract knows only one exception.</summary>
    [Theory]
    [InlineData("{}")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("\"ok\"")]
    [InlineData("<html>busy</html>")]
    [InlineData("""{"data":null}""")]
    [InlineData("""{"data":[7]}""")]
    public async Task An_answer_of_another_shape_is_a_transient_error_with_an_open_outcome(string body)
    {
        using var http = new StubHttp(_ => StubHttp.Json(body));
        BatchSpool spool = Spool("{}\n");
        foreach (IBatchApi api in (IBatchApi[])[OpenAI(http), Anthropic(http)])
        {
            await FailsAsync(() => api.GetAsync("b", Token));
            await FailsAsync(() => api.CreateAsync(spool, "f", Token));
            await FailsAsync(() => api.ListAsync(s_since, Token).ToListAsync(Token).AsTask());
        }

        await FailsAsync(() => OpenAI(http).UploadAsync(spool, Token));

        static async Task FailsAsync(Func<Task> call)
        {
            ProviderException error = await Assert.ThrowsAsync<ProviderException>(call);
            Assert.Equal((ErrorClass.Transient, "bad_answer", true), (error.Error.Class, error.Error.Code, error.OutcomeUnknown));
        }
    }

    [Fact]
    public async Task Results_are_opened_at_our_own_address()
    {
        using var http = new StubHttp(_ => StubHttp.Json("line"));

        await using Stream openAI = await OpenAI(http).OpenResultsAsync("file/../x", Token);
        await using Stream anthropic = await Anthropic(http).OpenResultsAsync("msgbatch_1", Token);

        Assert.Equal(["http://h/v1/files/file%2F..%2Fx/content", "http://h/v1/messages/batches/msgbatch_1/results"], http.Asked.Select(a => a.Url));
        using var reader = new StreamReader(openAI);
        Assert.Equal("line", await reader.ReadToEndAsync(Token));
    }
}
