using System.Net;

namespace Sluice.Simulator.Tests;

public sealed class OpenAIBatchTests : SimulatorTest
{
    [Fact]
    public async Task A_batch_ends_completed_with_one_row_per_line_and_its_usage()
    {
        await StartAsync();
        var batch = await EndOfAsync(await SubmitAsync(Lines(3)));
        var rows = await RowsAsync(batch["output_file_id"]);

        Assert.Equal("completed", (string?)batch["status"]);
        Assert.Equal("7", (string?)batch["metadata"]!["attempt"]);
        Assert.Null(batch["error_file_id"]);
        Assert.Equal("""{"total":3,"completed":3,"failed":0}""", batch["request_counts"]!.ToJsonString());
        Assert.Equal(["id-0", "id-1", "id-2"], rows.Select(row => (string?)row["custom_id"]));
        Assert.All(rows, row => Assert.Equal(200, (int)row["response"]!["status_code"]!));
        Assert.Equal(
            rows.Sum(row => (long)row["response"]!["body"]!["usage"]!["total_tokens"]!), (long)batch["usage"]!["total_tokens"]!);
        foreach (var time in (string[])["created_at", "in_progress_at", "expires_at", "finalizing_at", "completed_at"])
        {
            Assert.True((long?)batch[time] > 0, time);
        }
    }

    [Fact]
    public async Task A_custom_id_comes_back_byte_for_byte()
    {
        await StartAsync();
        var id = """ä \"quoted\" \u00e9 """ + new string('x', 120);

        var batch = await EndOfAsync(await SubmitAsync(Line(id, "hello")));

        Assert.Contains($"\"custom_id\":\"{id}\"", await ContentAsync(batch["output_file_id"]));
    }

    [Fact]
    public async Task Lines_the_model_refuses_go_to_the_error_file()
    {
        await StartAsync();
        var bad = """{"custom_id":"bad","method":"POST","url":"/v1/chat/completions","body":{"model":"gpt-4o-mini"}}""";

        var batch = await EndOfAsync(await SubmitAsync(Line("good", "echo: yes") + "\n" + bad + "\n"));
        var error = Assert.Single(await RowsAsync(batch["error_file_id"]));

        Assert.Equal(1, (int)batch["request_counts"]!["failed"]!);
        Assert.Equal(400, (int)error["response"]!["status_code"]!);
        Assert.Null(error["error"]);
        Assert.Equal("messages", (string?)error["response"]!["body"]!["error"]!["param"]);
    }

    [Theory]
    [InlineData("invalid_json_line", 2, "{not json")]
    [InlineData("invalid_json_line", 2, "[1]")]
    [InlineData("invalid_json_line", 2, """{"custom_id":"b"} trailing""")]
    [InlineData("missing_required_parameter", 2, """{"method":"POST","url":"/v1/chat/completions","body":{"model":"m"}}""")]
    [InlineData("duplicate_custom_id", 2, """{"custom_id":"a","method":"POST","url":"/v1/chat/completions","body":{"model":"m"}}""")]
    [InlineData("invalid_url", 2, """{"custom_id":"b","method":"POST","url":"/v1/responses","body":{"model":"m"}}""")]
    [InlineData("invalid_request", 2, """{"custom_id":"b","method":"POST","url":"/v1/chat/completions"}""")]
    [InlineData("invalid_request", 2, """{"custom_id":"b","method":"POST","url":"/v1/chat/completions","body":{}}""")]
    [InlineData("mismatched_model", 2, """{"custom_id":"b","method":"POST","url":"/v1/chat/completions","body":{"model":"other"}}""")]
    [InlineData("streaming_unsupported", 2, """{"custom_id":"b","method":"POST","url":"/v1/chat/completions","body":{"model":"m","stream":true}}""")]
    public async Task A_bad_line_fails_the_whole_batch(string code, int line, string bad)
    {
        await StartAsync();

        var batch = await EndOfAsync(await SubmitAsync(Line("a", "hello", "m") + "\n" + bad));
        var error = Assert.Single(batch["errors"]!["data"]!.AsArray())!;

        Assert.Equal("failed", (string?)batch["status"]);
        Assert.Equal(code, (string?)error["code"]);
        Assert.Equal(line, (int?)error["line"]);
        Assert.Equal(0, (int)batch["request_counts"]!["total"]!);
        Assert.NotNull(batch["failed_at"]);
        Assert.Null(batch["output_file_id"]);
    }

    [Fact]
    public async Task A_file_that_is_not_there_or_of_another_purpose_fails_the_batch_after_a_create_with_200()
    {
        await StartAsync();
        var other = await JsonAsync(await UploadAsync("x", "notes.txt", "user_data"));

        foreach (var fileId in (string[])["file-nothing", (string)other["id"]!])
        {
            var batch = await EndOfAsync((string)(await CreateAsync(fileId))["id"]!);
            Assert.Equal("invalid_request", (string?)batch["errors"]!["data"]![0]!["code"]);
            Assert.Null(batch["errors"]!["data"]![0]!["line"]);
        }
    }

    [Fact]
    public async Task Too_many_lines_and_unknown_models_fail_the_batch()
    {
        await StartAsync(Options with { Limits = new SimulatorLimits { OpenAIRequestsPerBatch = 2 }, KnownModels = ["gpt-4o-mini"] });

        var tooMany = await EndOfAsync(await SubmitAsync(Lines(3)));
        var unknown = await EndOfAsync(await SubmitAsync(Line("a", "hello", "gpt-9")));

        Assert.Equal("too_many_tasks", (string?)tooMany["errors"]!["data"]![0]!["code"]);
        Assert.Equal("model_not_found", (string?)unknown["errors"]!["data"]![0]!["code"]);
    }

    [Fact]
    public async Task The_queue_of_a_model_is_limited_until_its_batches_end()
    {
        await StartAsync(Options with
        {
            BatchDelay = TimeSpan.FromHours(1), Limits = new SimulatorLimits { OpenAIEnqueuedTokensPerModel = 15 },
        });
        var first = await SubmitAsync(Line("a", "hello"));
        await PollAsync(() => GetAsync(OpenAI, "/v1/batches/" + first), batch => (string?)batch["status"] == "in_progress");

        var refused = await EndOfAsync(await SubmitAsync(Line("a", "hello")));
        var otherModel = await SubmitAsync(Line("a", "hello", "gpt-4o"));
        await PollAsync(() => GetAsync(OpenAI, "/v1/batches/" + otherModel), batch => (string?)batch["status"] == "in_progress");
        await PostAsync(OpenAI, $"/v1/batches/{first}/cancel", "");
        await EndOfAsync(first);
        var accepted = await SubmitAsync(Line("a", "hello"));

        Assert.Equal("token_limit_exceeded", (string?)refused["errors"]!["data"]![0]!["code"]);
        Assert.StartsWith("Enqueued token limit reached for gpt-4o-mini in organization", (string?)refused["errors"]!["data"]![0]!["message"]);
        await PollAsync(() => GetAsync(OpenAI, "/v1/batches/" + accepted), batch => (string?)batch["status"] == "in_progress");
    }

    [Fact]
    public async Task Uploads_are_refused_by_size_and_by_name()
    {
        await StartAsync(Options with { Limits = new SimulatorLimits { OpenAIBytesPerBatch = 1000 } });

        var large = await UploadAsync(new string('x', 300_000));
        var misnamed = await UploadAsync("{}", "batch.txt");

        Assert.Equal(HttpStatusCode.BadRequest, large.StatusCode);
        Assert.Equal(
            """{"error":{"message":"File is too large.","type":"invalid_request_error","param":null,"code":null}}""",
            await large.Content.ReadAsStringAsync(Cancel));
        Assert.Contains("Must be .jsonl", await misnamed.Content.ReadAsStringAsync(Cancel));
        Assert.Empty(Directory.GetFiles(Path.Combine(Folder, "data", "openai", "files")));
    }

    [Theory]
    [InlineData("""{"endpoint":"/v1/chat/completions","completion_window":"24h"}""", "input_file_id")]
    [InlineData("""{"input_file_id":"f","endpoint":"/v1/other","completion_window":"24h"}""", "endpoint")]
    [InlineData("""{"input_file_id":"f","endpoint":"/v1/responses","completion_window":"1h"}""", "completion_window")]
    [InlineData("""{"input_file_id":"f","endpoint":"/v1/responses","completion_window":"24h","metadata":{"n":1}}""", "metadata.n")]
    public async Task A_bad_create_is_refused_with_the_parameter(string body, string param)
    {
        await StartAsync();

        var answer = await PostAsync(OpenAI, "/v1/batches", body);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal(param, (string?)(await JsonAsync(answer))["error"]!["param"]);
    }

    [Fact]
    public async Task Unknown_ids_are_404_with_the_documented_text()
    {
        await StartAsync();

        var answer = await OpenAI.GetAsync("/v1/batches/batch_x", Cancel);

        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Equal("No batch found with id 'batch_x'.", (string?)(await JsonAsync(answer))["error"]!["message"]);
        Assert.Equal(HttpStatusCode.NotFound, (await OpenAI.GetAsync("/v1/files/file-x/content", Cancel)).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await OpenAI.GetAsync("/v1/nothing", Cancel)).StatusCode);
    }

    [Fact]
    public async Task A_batch_that_has_ended_cannot_be_cancelled()
    {
        await StartAsync();
        var id = await SubmitAsync(Lines(1));
        await EndOfAsync(id);

        Assert.Equal(HttpStatusCode.Conflict, (await PostAsync(OpenAI, $"/v1/batches/{id}/cancel", "")).StatusCode);
    }

    [Fact]
    public async Task A_deleted_file_is_gone()
    {
        await StartAsync();
        var file = await JsonAsync(await UploadAsync(Lines(1)));

        var deleted = await JsonAsync(await OpenAI.DeleteAsync($"/v1/files/{file["id"]}", Cancel));

        Assert.True((bool)deleted["deleted"]!);
        Assert.Equal(HttpStatusCode.NotFound, (await OpenAI.GetAsync($"/v1/files/{file["id"]}", Cancel)).StatusCode);
    }

    [Fact]
    public async Task The_list_pages_with_after()
    {
        await StartAsync();
        var ids = new List<string>();
        for (var n = 0; n < 3; n++)
        {
            ids.Insert(0, await SubmitAsync(Lines(1)));
        }

        var first = await GetAsync(OpenAI, "/v1/batches?limit=2");
        var second = await GetAsync(OpenAI, $"/v1/batches?limit=2&after={first["last_id"]}");

        Assert.True((bool)first["has_more"]!);
        Assert.False((bool)second["has_more"]!);
        Assert.Equal(ids, first["data"]!.AsArray().Concat(second["data"]!.AsArray()).Select(batch => (string?)batch!["id"]));
    }

    [Fact]
    public async Task A_responses_batch_answers_with_response_objects_and_obeys_the_token_limit()
    {
        await StartAsync();
        var line = """{"custom_id":"a","method":"POST","url":"/v1/responses","body":{"model":"gpt-5","input":[{"role":"user","content":[{"type":"input_text","text":"echo: one two three four"}]}],"max_output_tokens":2}}""";

        var batch = await EndOfAsync(await SubmitAsync(line, "/v1/responses"));
        var body = Assert.Single(await RowsAsync(batch["output_file_id"]))["response"]!["body"]!;

        Assert.Equal("incomplete", (string?)body["status"]);
        Assert.Equal("max_output_tokens", (string?)body["incomplete_details"]!["reason"]);
        Assert.Equal("one two ", (string?)body["output"]![0]!["content"]![0]!["text"]);
        Assert.Equal(2, (int)body["usage"]!["output_tokens"]!);
    }
}
