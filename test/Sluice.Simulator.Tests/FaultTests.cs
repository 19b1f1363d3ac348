using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json.Nodes;
using Sluice.Simulator.Faults;

namespace Sluice.Simulator.Tests;

public sealed class FaultTests : SimulatorTest
{
    [Fact]
    public async Task A_429_carries_its_headers_and_happens_as_often_as_asked_after_what_is_skipped()
    {
        await StartAsync(faults: """
            [{"when":{"provider":"openai","operation":"list"},"times":2,"skip":1,
              "fault":{"type":"http-status","status":429,"retry_after":1.5,"headers":{"x-should-retry":"true"}}}]
            """);

        var answers = new List<HttpResponseMessage>();
        for (var n = 0; n < 4; n++)
        {
            answers.Add(await OpenAI.GetAsync("/v1/batches", Cancel));
        }

        Assert.Equal([200, 429, 429, 200], answers.Select(answer => (int)answer.StatusCode));
        Assert.Equal("1.5", Assert.Single(answers[1].Headers.GetValues("retry-after")));
        Assert.Equal("true", Assert.Single(answers[1].Headers.GetValues("x-should-retry")));
        Assert.Equal("rate_limit_exceeded", (string?)(await JsonAsync(answers[1]))["error"]!["code"]);
        Assert.Equal(2, Server.Stats.OpenAI.FaultsInjected);
    }

    [Fact]
    public async Task Retry_after_can_be_a_date_and_529_speaks_anthropic()
    {
        await StartAsync(faults: """[{"when":{"operation":"live"},"times":-1,"fault":{"type":"http-status","status":529,"retry_after":"date+60"}}]""");

        var answer = await PostAsync(Anthropic, "/v1/messages", """{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]}""");

        Assert.Equal(529, (int)answer.StatusCode);
        Assert.NotNull(answer.Headers.RetryAfter?.Date);
        Assert.Equal("overloaded_error", (string?)(await JsonAsync(answer))["error"]!["type"]);
    }

    [Theory]
    [InlineData("-5", "-5")]
    [InlineData("1e300", "1e300")]
    [InlineData("99999999999999999999", "99999999999999999999")]
    [InlineData("\"-1.5\"", "-1.5")]
    [InlineData("\"Wed, 21 Oct 2015 07:28:00 GMT\"", "Wed, 21 Oct 2015 07:28:00 GMT")]
    [InlineData("\"bientôt ✓; 5, \\\"x\\\"\"", "bientôt ✓; 5, \"x\"")]
    [InlineData("\"date+soon\"", "date+soon")]
    [InlineData("\"date+99999999999\"", "date+99999999999")]
    [InlineData("\"\"", "")]
    public async Task Retry_after_can_say_anything(string json, string header)
    {
        await StartAsync(faults: $$$"""[{"when":{"operation":"list"},"fault":{"type":"http-status","status":429,"retry_after":{{{json}}}}}]""");
        using var client = new HttpClient(new SocketsHttpHandler { ResponseHeaderEncodingSelector = (_, _) => Encoding.UTF8 }) { BaseAddress = Server.Address };
        client.DefaultRequestHeaders.Add("Authorization", "Bearer sk-test");

        var answer = await client.GetAsync("/v1/batches", Cancel);

        Assert.Equal(429, (int)answer.StatusCode);
        Assert.Equal(header, answer.Headers.NonValidated["retry-after"].ToString());
    }

    [Fact]
    public async Task A_502_can_be_an_html_page_and_a_200_can_be_garbage()
    {
        await StartAsync(faults: """
            [{"when":{"operation":"get"},"fault":{"type":"http-status","status":502,"html":true}},
             {"when":{"operation":"get"},"skip":1,"fault":{"type":"garbage"}}]
            """);
        var id = await SubmitAsync(Lines(1));

        var page = await OpenAI.GetAsync("/v1/batches/" + id, Cancel);
        var garbage = await OpenAI.GetAsync("/v1/batches/" + id, Cancel);

        Assert.Equal(HttpStatusCode.BadGateway, page.StatusCode);
        Assert.StartsWith("<html>", await page.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(HttpStatusCode.OK, garbage.StatusCode);
        await Assert.ThrowsAnyAsync<System.Text.Json.JsonException>(() => JsonAsync(garbage));
    }

    [Fact]
    public async Task A_gzip_bomb_is_small_on_the_wire_and_comes_after_the_operation()
    {
        const int Bytes = 20_000_001;
        await StartAsync(faults: $$$"""
            [{"when":{"operation":"create"},"times":2,"fault":{"type":"gzip-bomb","bytes":{{{Bytes}}}}},
             {"when":{"operation":"content"},"fault":{"type":"gzip-bomb","bytes":{{{Bytes}}}}},
             {"when":{"operation":"list","provider":"anthropic"},"fault":{"type":"gzip-bomb","bytes":9000000000000}}]
            """);
        var file = await JsonAsync(await UploadAsync(Lines(1)));

        var wire = await PostAsync(OpenAI, "/v1/batches", $$$"""{"input_file_id":"{{{file["id"]}}}","endpoint":"/v1/chat/completions","completion_window":"24h"}""");
        var created = (string)(await GetAsync(OpenAI, "/v1/batches"))["data"]![0]!["id"]!;
        var output = (await EndOfAsync(created))["output_file_id"];
        using var unpacking = new HttpClient(new SocketsHttpHandler { AutomaticDecompression = DecompressionMethods.GZip }) { BaseAddress = Server.Address };
        unpacking.DefaultRequestHeaders.Add("Authorization", "Bearer sk-test");
        var expanded = await unpacking.GetByteArrayAsync($"/v1/files/{output}/content", Cancel);

        Assert.Equal("gzip", Assert.Single(wire.Content.Headers.ContentEncoding));
        Assert.InRange((await wire.Content.ReadAsByteArrayAsync(Cancel)).Length, 1, Bytes / 200);
        Assert.Equal((Bytes, -1), (expanded.Length, expanded.AsSpan().IndexOfAnyExcept((byte)' ')));
        Assert.Single(await RowsAsync(output));

        // One that never ends, for a client that has had enough.
        using (var endless = await Anthropic.GetAsync("/v1/messages/batches", HttpCompletionOption.ResponseHeadersRead, Cancel))
        {
            Assert.Equal(HttpStatusCode.OK, endless.StatusCode);
            await (await endless.Content.ReadAsStreamAsync(Cancel)).ReadExactlyAsync(new byte[4096], Cancel);
        }

        await PostAsync(Anthropic, "/v1/messages/batches", Requests(1));
        Assert.Single((await GetAsync(Anthropic, "/v1/messages/batches"))["data"]!.AsArray());
        Assert.Empty(Server.Stats.InternalErrors);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 1)]
    public async Task A_dropped_create_was_carried_out_only_if_the_answer_was_dropped(bool after, int batches)
    {
        await StartAsync(faults: $$$"""[{"when":{"operation":"create"},"times":2,"fault":{"type":"drop","after":{{{(after ? "true" : "false")}}}}}]""");
        var file = await JsonAsync(await UploadAsync(Lines(1)));

        await Assert.ThrowsAsync<HttpRequestException>(() => CreateAsync((string)file["id"]!));
        await Assert.ThrowsAsync<HttpRequestException>(() => PostAsync(Anthropic, "/v1/messages/batches", Requests(1)));

        Assert.Equal(batches, (await GetAsync(OpenAI, "/v1/batches"))["data"]!.AsArray().Count);
        Assert.Equal(batches, (await GetAsync(Anthropic, "/v1/messages/batches"))["data"]!.AsArray().Count);
    }

    [Theory]
    [InlineData("/v1/files", "multipart/form-data; boundary=x")]
    [InlineData("/v1/batches", "application/json")]
    [InlineData("/v1/messages/batches", "application/json")]
    [InlineData("/v1/chat/completions", "application/json")]
    public async Task A_reset_comes_in_the_middle_of_the_body(string path, string type)
    {
        await StartAsync(faults: $"[{string.Join(",", ((string[])["upload", "create", "live"]).Select(operation =>
            $$$"""{"when":{"operation":"{{{operation}}}","match":"/v1/"},"fault":{"type":"reset","fraction":0.25}}"""))}]");
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(IPAddress.Loopback, Server.Address.Port, Cancel);

        // Half of the body is enough: the server does not wait for the rest.
        await client.SendAsync(Encoding.ASCII.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\nx-api-key: k\r\nanthropic-version: 2023-06-01\r\nContent-Type: {type}\r\nContent-Length: 2000000\r\n\r\n"), Cancel);
        await SendAllAsync(client, new byte[1_000_000]);
        var error = await Assert.ThrowsAsync<SocketException>(async () => await client.ReceiveAsync(new byte[1], Cancel));

        Assert.Equal(SocketError.ConnectionReset, error.SocketErrorCode);
        Assert.Equal(1, Server.Stats.OpenAI.FaultsInjected + Server.Stats.Anthropic.FaultsInjected);
        Assert.Empty(Server.Stats.InternalErrors);
    }

    [Fact]
    public async Task What_was_reset_was_not_carried_out_and_works_the_next_time()
    {
        await StartAsync(faults: """
            [{"when":{"operation":"upload"},"fault":{"type":"reset"}}, {"when":{"operation":"create"},"times":2,"fault":{"type":"reset"}},
             {"when":{"operation":"get"},"fault":{"type":"reset"}}, {"when":{"operation":"live"},"fault":{"type":"reset","fraction":1}}]
            """);

        await Assert.ThrowsAsync<HttpRequestException>(() => UploadAsync(Lines(1000)));
        Assert.Empty((await GetAsync(OpenAI, "/v1/files"))["data"]!.AsArray());
        var file = await JsonAsync(await UploadAsync(Lines(1000)));
        await Assert.ThrowsAsync<HttpRequestException>(() => CreateAsync((string)file["id"]!));
        await Assert.ThrowsAsync<HttpRequestException>(() => PostAsync(Anthropic, "/v1/messages/batches", Requests(1000)));
        await Assert.ThrowsAsync<HttpRequestException>(() => GetAsync(OpenAI, "/v1/batches/none"));
        await Assert.ThrowsAsync<HttpRequestException>(() => PostAsync(OpenAI, "/v1/chat/completions", """{"model":"m","messages":[]}"""));

        Assert.Empty((await GetAsync(OpenAI, "/v1/batches"))["data"]!.AsArray());
        Assert.Empty((await GetAsync(Anthropic, "/v1/messages/batches"))["data"]!.AsArray());
        Assert.Equal(0, Server.Stats.OpenAI.LiveCalls);
        Assert.Equal("completed", (string?)(await EndOfAsync((string)(await CreateAsync((string)file["id"]!))["id"]!))["status"]);
    }

    [Theory]
    [InlineData("/v1/files", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=file; filename=a.jsonl\r\n\r\nabc", true)]
    [InlineData("/v1/files", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=file; filename=a.jsonl\r\n\r\nabc", false)]
    [InlineData("/v1/messages/batches", "application/json", "{\"requests\":[", true)]
    [InlineData("/v1/messages/batches", "application/json", "{\"requests\":[", false)]
    public async Task A_client_that_breaks_off_is_no_error_of_the_simulator(string path, string type, string body, bool hard)
    {
        await StartAsync();
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        await client.ConnectAsync(IPAddress.Loopback, Server.Address.Port, Cancel);

        await client.SendAsync(Encoding.ASCII.GetBytes(
            $"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer k\r\nx-api-key: k\r\nanthropic-version: 2023-06-01\r\nContent-Type: {type}\r\nContent-Length: 2000\r\n\r\n{body}"), Cancel);
        await PollAsync(() => Task.FromResult(Unfinished()), files => files == 1);
        client.LingerState = new LingerOption(hard, 0);
        client.Close();
        await PollAsync(() => Task.FromResult(Unfinished()), files => files == 0);
        await EndOfMessagesAsync(await SubmitMessagesAsync(Requests(1)));

        Assert.Empty(Server.Stats.InternalErrors);

        int Unfinished() => Directory.EnumerateFiles(Folder, "*", SearchOption.AllDirectories).Count();
    }

    [Fact]
    public async Task A_500_after_acceptance_hides_a_batch_that_exists_and_match_selects_by_metadata()
    {
        await StartAsync(faults: """[{"when":{"operation":"create","match":"\"attempt\":\"7\""},"fault":{"type":"http-status","status":500,"after":true}}]""");
        var file = await JsonAsync(await UploadAsync(Lines(1)));

        var error = await CreateAsync((string)file["id"]!);

        Assert.Equal("server_error", (string?)error["error"]!["code"]);
        Assert.Single((await GetAsync(OpenAI, "/v1/batches"))["data"]!.AsArray());
    }

    [Fact]
    public async Task Token_limit_failures_come_as_often_as_asked_with_the_documented_text()
    {
        await StartAsync(faults: """[{"times":2,"fault":{"type":"failed","code":"token_limit_exceeded"}}]""");

        var states = new List<string>();
        JsonNode batch = new JsonObject();
        for (var n = 0; n < 3; n++)
        {
            batch = n == 2 ? batch : await EndOfAsync(await SubmitAsync(Lines(1)));
            states.Add(n == 2 ? (string)(await EndOfAsync(await SubmitAsync(Lines(1))))["status"]! : (string)batch["status"]!);
        }

        Assert.Equal(["failed", "failed", "completed"], states);
        Assert.StartsWith("Enqueued token limit reached for gpt-4o-mini in organization", (string?)batch["errors"]!["data"]![0]!["message"]);
    }

    [Fact]
    public async Task A_new_batch_can_be_404_for_a_while()
    {
        await StartAsync(faults: """[{"times":-1,"fault":{"type":"not-found","gets":2}}]""");
        var id = await SubmitAsync(Lines(1));
        var messages = await SubmitMessagesAsync(Requests(1));

        Assert.Equal("404 404 200", await StatusesAsync(OpenAI, "/v1/batches/" + id, 3));
        Assert.Equal("404 404 200", await StatusesAsync(Anthropic, "/v1/messages/batches/" + messages, 3));
    }

    [Fact]
    public async Task A_new_batch_can_be_missing_in_lists_for_a_while()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await StartAsync(Options with { TimeProvider = clock }, """[{"times":-1,"fault":{"type":"list-lag","seconds":60}}]""");
        var id = await SubmitAsync(Lines(1));
        var messages = await SubmitMessagesAsync(Requests(1));
        await EndOfAsync(id);
        await EndOfMessagesAsync(messages);

        clock.Advance(TimeSpan.FromSeconds(59));
        Assert.Empty((await GetAsync(OpenAI, "/v1/batches"))["data"]!.AsArray());
        Assert.Empty((await GetAsync(Anthropic, "/v1/messages/batches"))["data"]!.AsArray());
        await StopAsync();
        await StartAsync(Options with { TimeProvider = clock });
        Assert.Empty((await GetAsync(OpenAI, "/v1/batches"))["data"]!.AsArray());
        clock.Advance(TimeSpan.FromSeconds(1));

        Assert.Equal(id, (string?)Assert.Single((await GetAsync(OpenAI, "/v1/batches"))["data"]!.AsArray())!["id"]);
        Assert.Equal(messages, (string?)Assert.Single((await GetAsync(Anthropic, "/v1/messages/batches"))["data"]!.AsArray())!["id"]);
    }

    [Fact]
    public async Task All_errors_leave_the_output_file_id_null()
    {
        await StartAsync(faults: """[{"times":-1,"fault":{"type":"all-errors","status":503}}]""");

        var batch = await EndOfAsync(await SubmitAsync(Lines(3)));
        var messages = await EndOfMessagesAsync(await SubmitMessagesAsync(Requests(3)));

        Assert.Equal("completed", (string?)batch["status"]);
        Assert.Null(batch["output_file_id"]);
        Assert.All(await RowsAsync(batch["error_file_id"]), row => Assert.Equal(503, (int)row["response"]!["status_code"]!));
        Assert.Equal(3, (int)messages["request_counts"]!["errored"]!);
    }

    [Theory]
    [InlineData("expired", "expired", "batch_expired")]
    [InlineData("cancelled", "cancelled", "batch_cancelled")]
    public async Task A_batch_can_stop_with_a_part_of_its_output(string fault, string status, string code)
    {
        await StartAsync(faults: $$$"""[{"times":-1,"fault":{"type":"{{{fault}}}","fraction":0.3}}]""");

        var batch = await EndOfAsync(await SubmitAsync(Lines(10)));
        var messages = await EndOfMessagesAsync(await SubmitMessagesAsync(Requests(10)));
        var errors = await RowsAsync(batch["error_file_id"]);

        Assert.Equal(status, (string?)batch["status"]);
        Assert.NotNull(batch[status + "_at"]);
        Assert.Equal("""{"total":10,"completed":3,"failed":7}""", batch["request_counts"]!.ToJsonString());
        Assert.Equal(3, (await RowsAsync(batch["output_file_id"])).Length);
        Assert.Equal(7, errors.Length);
        Assert.All(errors, row => Assert.Equal(code, (string?)row["error"]!["code"]));
        Assert.Equal(7, (int)messages["request_counts"]![status == "expired" ? "expired" : "canceled"]!);
    }

    [Fact]
    public async Task Shuffled_rows_are_all_there_in_another_order()
    {
        await StartAsync(faults: """[{"times":-1,"fault":{"type":"rows-shuffled"}}]""");
        var batch = await EndOfAsync(await SubmitAsync(Lines(50)));
        var messages = await SubmitMessagesAsync(Requests(50));
        await EndOfMessagesAsync(messages);

        foreach (var rows in (JsonNode[][])[await RowsAsync(batch["output_file_id"]), await ResultsAsync(messages)])
        {
            var ids = rows.Select(row => (string)row["custom_id"]!).ToArray();
            Assert.NotEqual(Enumerable.Range(0, 50).Select(n => $"id-{n}"), ids);
            Assert.Equal(Enumerable.Range(0, 50).Select(n => $"id-{n}").Order(), ids.Order());
        }
    }

    [Fact]
    public async Task Files_can_be_formatted_badly()
    {
        await StartAsync(faults: """
            [{"fault":{"type":"no-final-newline"}}, {"skip":1,"fault":{"type":"blank-lines"}},
             {"skip":2,"fault":{"type":"crlf"}}, {"skip":3,"fault":{"type":"bom"}}]
            """);
        var files = new List<string>();
        for (var n = 0; n < 4; n++)
        {
            var batch = await EndOfAsync(await SubmitAsync(Lines(2)));
            var bytes = await OpenAI.GetByteArrayAsync($"/v1/files/{batch["output_file_id"]}/content", Cancel);
            files.Add(System.Text.Encoding.UTF8.GetString(bytes));
        }

        Assert.EndsWith("}", files[0]);
        Assert.Equal(2, files[1].Split("\n\n", StringSplitOptions.RemoveEmptyEntries).Length);
        Assert.EndsWith("}\r\n", files[2]);
        Assert.StartsWith("\uFEFF{", files[3]);
        Assert.All(files, file => Assert.Equal(2, ParseRows(file.TrimStart('\uFEFF')).Length));
    }

    [Fact]
    public async Task The_output_file_id_can_come_late()
    {
        await StartAsync(faults: """[{"times":-1,"fault":{"type":"output-id-null","gets":2}}]""");
        var id = await SubmitAsync(Lines(1));
        var messages = await SubmitMessagesAsync(Requests(1));

        Assert.Null((await EndOfAsync(id))["output_file_id"]);
        Assert.Null((await GetAsync(OpenAI, "/v1/batches/" + id))["output_file_id"]);
        Assert.NotNull((await GetAsync(OpenAI, "/v1/batches/" + id))["output_file_id"]);
        Assert.Null((await EndOfMessagesAsync(messages))["results_url"]);
    }

    [Fact]
    public async Task A_clean_batch_can_have_an_empty_error_id_or_an_empty_error_file()
    {
        await StartAsync(faults: """[{"fault":{"type":"error-id-empty"}},{"skip":1,"fault":{"type":"error-file-empty"}}]""");

        var emptyId = await EndOfAsync(await SubmitAsync(Lines(1)));
        var emptyFile = await EndOfAsync(await SubmitAsync(Lines(1)));

        Assert.Equal("", (string?)emptyId["error_file_id"]);
        Assert.Equal("", await ContentAsync(emptyFile["error_file_id"]));
    }

    [Fact]
    public async Task What_is_shown_of_a_batch_can_be_odd()
    {
        await StartAsync(faults: """
            [{"fault":{"type":"show-state","state":"pondering","gets":2}}, {"skip":1,"fault":{"type":"upper-case-states"}},
             {"skip":2,"fault":{"type":"null-counts"}}, {"skip":3,"fault":{"type":"null-counts","members":true}},
             {"skip":4,"fault":{"type":"iso-times"}}]
            """);
        var unknown = await SubmitAsync(Lines(1));
        Assert.Equal("pondering", (string?)(await GetAsync(OpenAI, "/v1/batches/" + unknown))["status"]);
        Assert.Equal("pondering", (string?)(await GetAsync(OpenAI, "/v1/batches/" + unknown))["status"]);
        Assert.Equal("completed", (string?)(await EndOfAsync(unknown))["status"]);
        Assert.Equal("COMPLETED", (string?)(await EndOfAsync(await SubmitAsync(Lines(1))))["status"]);
        Assert.Null((await EndOfAsync(await SubmitAsync(Lines(1))))["request_counts"]);
        Assert.Equal(
            """{"total":null,"completed":null,"failed":null}""",
            (await EndOfAsync(await SubmitAsync(Lines(1))))["request_counts"]!.ToJsonString());
        Assert.StartsWith("20", (string?)(await EndOfAsync(await SubmitAsync(Lines(1))))["created_at"]);
    }

    [Fact]
    public async Task Counters_can_go_backwards()
    {
        await StartAsync(faults: """
            [{"times":-1,"fault":{"type":"counters-backwards"}},
             {"when":{"provider":"anthropic"},"fault":{"type":"all-errors"}}]
            """);
        var id = await SubmitAsync(Lines(4));
        await EndOfAsync(id);
        var failing = await SubmitMessagesAsync(Requests(4));
        await EndOfMessagesAsync(failing);

        var counts = new List<int>();
        var errors = new List<int>();
        for (var n = 0; n < 2; n++)
        {
            counts.Add((int)(await GetAsync(OpenAI, "/v1/batches/" + id))["request_counts"]!["completed"]!);
            errors.Add((int)(await GetAsync(Anthropic, "/v1/messages/batches/" + failing))["request_counts"]!["errored"]!);
        }

        Assert.Equal([2, 4], counts.Order());
        Assert.Equal([2, 4], errors.Order());
    }

    [Fact]
    public async Task Single_rows_can_be_missing_double_unknown_zero_or_long()
    {
        await StartAsync(faults: """
            [{"when":{"match":"id-0\""},"fault":{"type":"row-missing"}}, {"when":{"match":"answer 1"},"fault":{"type":"row-twice"}},
             {"when":{"match":"id-2\""},"fault":{"type":"row-unknown-id"}}, {"when":{"match":"id-3\""},"fault":{"type":"row-status-zero"}},
             {"when":{"match":"id-4\""},"fault":{"type":"row-long","bytes":50000}}]
            """);

        var batch = await EndOfAsync(await SubmitAsync(Lines(5)));
        var rows = await RowsAsync(batch["output_file_id"]);

        Assert.Equal(["id-1", "id-1", "nobody-sent-this", "id-2", "id-3", "id-4"], rows.Select(row => (string?)row["custom_id"]));
        Assert.Equal(0, (int)rows[4]["response"]!["status_code"]!);
        Assert.True(TextOf(rows[5]).Length >= 50000);
    }

    [Fact]
    public async Task A_line_fails_for_its_first_attempts_and_then_succeeds()
    {
        await StartAsync(faults: """
            [{"when":{"match":"id-1"},"times":-1,"fault":{"type":"line-error","status":429,"attempts":2}},
             {"when":{"match":"id-2","provider":"openai"},"times":-1,"fault":{"type":"line-error","status":400,"code":"bad","error_type":"invalid_request_error","message":"no"}}]
            """);

        var failed = new List<string>();
        for (var attempt = 0; attempt < 3; attempt++)
        {
            var batch = await EndOfAsync(await SubmitAsync(Lines(3)));
            failed.AddRange((await RowsAsync(batch["error_file_id"])).Select(row =>
                $"{attempt} {row["custom_id"]} {row["response"]!["status_code"]} {row["response"]!["body"]!["error"]!["code"]}"));
        }

        var messages = await SubmitMessagesAsync(Requests(3));
        await EndOfMessagesAsync(messages);
        Assert.Equal(["0 id-1 429 rate_limit_exceeded", "0 id-2 400 bad", "1 id-1 429 rate_limit_exceeded", "1 id-2 400 bad", "2 id-2 400 bad"], failed);
        Assert.Equal("rate_limit_error", (string?)(await ResultsAsync(messages))[1]["result"]!["error"]!["error"]!["type"]);
    }

    [Fact]
    public async Task A_share_of_the_lines_is_the_same_lines_each_time()
    {
        await StartAsync(faults: """[{"when":{"share":0.25},"times":-1,"fault":{"type":"line-error"}}]""");

        var sets = new List<string>();
        for (var n = 0; n < 2; n++)
        {
            var batch = await EndOfAsync(await SubmitAsync(Lines(400)));
            sets.Add(string.Join(",", (await RowsAsync(batch["error_file_id"])).Select(row => (string?)row["custom_id"])));
        }

        Assert.InRange(sets[0].Split(',').Length, 60, 140);
        Assert.Equal(sets[0], sets[1]);
    }

    [Fact]
    public async Task A_download_can_break_off_or_end_early_as_if_it_were_whole()
    {
        await StartAsync(faults: """
            [{"when":{"operation":"content"},"fault":{"type":"truncate","fraction":0.5}},
             {"when":{"operation":"content"},"skip":1,"fault":{"type":"truncate","fraction":0.5,"content_length":false}},
             {"when":{"operation":"results"},"fault":{"type":"truncate","fraction":0.5}}]
            """);
        var batch = await EndOfAsync(await SubmitAsync(Lines(2000)));
        var messages = await SubmitMessagesAsync(Requests(10));
        await EndOfMessagesAsync(messages);

        await Assert.ThrowsAsync<HttpRequestException>(() => ContentAsync(batch["output_file_id"]));
        var early = await ContentAsync(batch["output_file_id"]);
        var whole = await ContentAsync(batch["output_file_id"]);
        await Assert.ThrowsAsync<HttpRequestException>(() => ResultsAsync(messages));

        Assert.Equal(whole.Length / 2, early.Length);
        Assert.Equal(2000, ParseRows(whole).Length);
        Assert.Equal(10, (await ResultsAsync(messages)).Length);
    }

    [Fact]
    public async Task A_delay_waits_by_the_given_clock()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await StartAsync(Options with
        {
            TimeProvider = clock,
            Faults = FaultScript.Parse("""[{"when":{"operation":"list"},"fault":{"type":"delay","seconds":60}}]"""),
        });

        var answer = OpenAI.GetAsync("/v1/batches", Cancel);
        await PollAsync(() => Task.FromResult(Server.Stats.OpenAI.FaultsInjected), faults => faults == 1);
        Assert.False(answer.IsCompleted);
        var done = await PollAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromSeconds(60));
                return Task.FromResult(answer.IsCompleted);
            },
            completed => completed);

        Assert.True(done);
        Assert.Equal(HttpStatusCode.OK, (await answer).StatusCode);
    }

    [Fact]
    public async Task A_delay_after_the_operation_holds_back_only_the_answer()
    {
        var clock = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        await StartAsync(Options with
        {
            TimeProvider = clock,
            Faults = FaultScript.Parse("""
                [{"when":{"operation":"create"},"times":-1,"fault":{"type":"delay","seconds":60,"after":true}},
                 {"when":{"operation":"create","provider":"anthropic"},"fault":{"type":"drop","after":true}}]
                """),
        });
        var file = await JsonAsync(await UploadAsync(Lines(1)));

        var answer = CreateAsync((string)file["id"]!);
        var dropped = PostAsync(Anthropic, "/v1/messages/batches", Requests(1));
        await PollAsync(() => GetAsync(OpenAI, "/v1/batches"), list => list["data"]!.AsArray().Count == 1);
        await PollAsync(() => GetAsync(Anthropic, "/v1/messages/batches"), list => list["data"]!.AsArray().Count == 1);
        Assert.False(answer.IsCompleted || dropped.IsCompleted);
        await PollAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromSeconds(60));
                return Task.FromResult(answer.IsCompleted && dropped.IsCompleted);
            },
            completed => completed);

        Assert.NotNull((await answer)["id"]);
        await Assert.ThrowsAsync<HttpRequestException>(() => dropped);
    }

    [Theory]
    [InlineData("{}", "A fault script is a JSON array of rules")]
    [InlineData("""[{"fault":{"type":"explode"}}]""", "rule 1: unknown fault \"explode\". Known are: http-status, drop,")]
    [InlineData("""[{"fault":{"type":"crlf","bytes":1}}]""", "fault \"crlf\" has no parameter \"bytes\"; it takes none")]
    [InlineData("""[{"when":{"operation":"get"},"fault":{"type":"crlf"}}]""", "fault \"crlf\" does not work on operation \"get\"; it works on create")]
    [InlineData("""[{"when":{"provider":"anthropic"},"fault":{"type":"failed"}}]""", "exists for openai only")]
    [InlineData("""[{"when":{"provider":"gemini"},"fault":{"type":"crlf"}}]""", "unknown provider \"gemini\"")]
    [InlineData("""[{"fault":{"type":"drop"}}]""", "does not work on operation \"\"")]
    [InlineData("""[{"times":"x","fault":{"type":"crlf"}}]""", "\"times\" must be a whole number")]
    [InlineData("""[{"when":{"operation":"get"},"fault":{"type":"http-status","retry_after":true}}]""", "\"retry_after\" must be a number or a text")]
    [InlineData("""[{"when":{"operation":"get"},"fault":{"type":"http-status","retry_after":"1\n2"}}]""", "\"retry_after\" has a control character")]
    [InlineData("""[{"when":{"operation":"get"},"fault":{"type":"gzip-bomb","bytes":1.5}}]""", "\"bytes\" must be a whole number")]
    [InlineData("""[{"wen":{},"fault":{"type":"crlf"}}]""", "unknown field \"wen\"")]
    public void A_wrong_script_says_what_is_wrong(string script, string message)
    {
        var error = Assert.Throws<InvalidDataException>(() => FaultScript.Parse(script, "faults.json"));

        Assert.StartsWith("faults.json", error.Message);
        Assert.Contains(message, error.Message);
    }

    [Fact]
    public void Every_fault_has_a_row_in_the_table_and_a_line_in_the_docs()
    {
        var docs = File.ReadAllText(Path.Combine(AppContext.BaseDirectory, "simulator.md"));

        Assert.Equal(Enum.GetValues<FaultKind>(), FaultTable.Entries.Select(entry => entry.Kind));
        Assert.All(FaultTable.Entries, entry => Assert.Contains($"| `{entry.Name}` |", docs));
    }

    private static async Task SendAllAsync(Socket socket, ReadOnlyMemory<byte> bytes)
    {
        while (!bytes.IsEmpty)
        {
            bytes = bytes[await socket.SendAsync(bytes, Cancel)..];
        }
    }

    private static async Task<string> StatusesAsync(HttpClient client, string path, int count)
    {
        var statuses = new int[count];
        for (var n = 0; n < count; n++)
        {
            statuses[n] = (int)(await client.GetAsync(path, Cancel)).StatusCode;
        }

        return string.Join(" ", statuses);
    }
}
