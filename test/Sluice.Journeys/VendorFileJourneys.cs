using System.Net.Http.Headers;
using System.Text;
using System.Text.Json.Nodes;

namespace Sluice.Journeys;

/// <summary>Batches that somebody ran with a vendor's API alone: their files fill the cache, and configs that ask the same send nothing.</summary>
public sealed class VendorFileJourneys : Journey
{
    private readonly HttpClient _http = new();

    [Theory]
    [InlineData("chat", "")]
    [InlineData("responses", ".gz")]
    public async Task A_batch_that_was_run_with_OpenAIs_API_alone_answers_a_config(string api, string compression)
    {
        await ProviderAsync();
        Dataset(12);
        Config();
        ChangeConfig("name: gpt-4o-mini,", $"api: {api}, name: gpt-4o-mini,");
        ChangeConfig("max_tokens", api == "chat" ? "max_tokens" : "max_output_tokens");
        Write("input.jsonl", string.Concat(Enumerable.Range(0, 12).Select(n => Line(api, n) + "\n")));
        var (batch, output) = await RunOpenAIBatchAsync("input.jsonl", api == "chat" ? "/v1/chat/completions" : "/v1/responses");
        Write($"{batch}_output.jsonl", output);
        Pack($"{batch}_output.jsonl", compression);
        Pack("input.jsonl", compression);

        string[] import = ["cache", "import", "--provider", "openai", "--input", "input.jsonl" + compression, "--output", $"{batch}_output.jsonl{compression}", "--store-requests"];
        var imported = (await RunAsync([.. import, "--json"])).Is(0).Json;

        Assert.Equal((12, 12, 12, 0, 0), (Number(imported, "requests"), Number(imported, "responses"), Number(imported, "new"), Number(imported, "failed"), Number(imported, "unanswered")));
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(12, Count("done"));
        Assert.Equal((1, 0), (OpenAI.BatchesCreated, OpenAI.RepeatedBodies));
        (await RunAsync(import)).Is(0).Says("12 requests: 12 responses, 0 of them new here; 0 failed, 0 without a result");
        (await RunAsync("cache", "find", "--text", "Question 3 echo", "--source", batch)).Is(0).Says("request: Question 3 echo: A: 3");
        // Another repeat, or another study, is another question.
        Assert.Equal(12, (await SweepAsync("epochs=2")).Is(0).Sent);
    }

    [Fact]
    public async Task A_batch_that_was_run_with_Anthropics_API_alone_answers_a_config()
    {
        await ProviderAsync();
        Dataset(12);
        Config(provider: "anthropic");
        var lines = Enumerable.Range(0, 12).Select(n =>
            $$"""{"custom_id": "q-{{n}}", "params": {"model": "claude-haiku-4-5", "max_tokens": 64, "temperature": 0.0, "messages": [{"role": "user", "content": "Question {{n}} echo: A: {{(n % 10 == 9 ? n + 1 : n)}}"}] } }""").ToList();
        Write("requests.jsonl", string.Join('\n', lines));
        var (batch, results) = await RunAnthropicBatchAsync(lines);
        Write("results.jsonl", results);

        var imported = (await RunAsync("cache", "import", "--provider", "anthropic", "--input", "requests.jsonl", "--output", "results.jsonl", "--source", batch, "--json")).Is(0).Json;

        Assert.Equal((12, 12, 12), (Number(imported, "requests"), Number(imported, "responses"), Number(imported, "new")));
        Assert.Equal(0, (await SweepAsync()).Is(0).Sent);
        Assert.Equal(12, Count("done"));
        Assert.Equal((1, 0), (Anthropic.BatchesCreated, Anthropic.RepeatedBodies));
        (await RunAsync("cache", "ls", "--source", batch, "--limit", "1")).Is(0).Says("claude-haiku-4-5");
    }

    [Fact]
    public async Task Failed_requests_are_not_taken_for_answers_and_lines_that_do_not_fit_are_named()
    {
        await ProviderAsync();
        Dataset(3);
        Config();
        Write("input.jsonl", string.Concat(Enumerable.Range(0, 3).Select(n => Line("chat", n) + "\n")));
        var (_, output) = await RunOpenAIBatchAsync("input.jsonl", "/v1/chat/completions");
        var answers = output.Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Write("output.jsonl", answers.First(a => a.Contains("\"q-0\"", StringComparison.Ordinal)) + "\n");
        Write("errors.jsonl", """{"id":"batch_req_x","custom_id":"q-1","response":{"status_code":400,"body":{"error":{"message":"no","type":"invalid_request_error"}}},"error":null}""" + "\n");
        Write("strange.jsonl", answers[0].Replace("\"q-", "\"other-", StringComparison.Ordinal) + "\n");
        string[] import = ["cache", "import", "--provider", "openai", "--input", "input.jsonl"];

        (await RunAsync([.. import, "--output", "output.jsonl", "--output", "errors.jsonl"])).Is(0).Says("3 requests: 1 response, 1 of them new here; 1 failed, 1 without a result");
        (await RunAsync([.. import, "--output", "strange.jsonl"])).Explains(2, "strange.jsonl, line 1: the input has no request with custom_id `other-");

        Assert.Equal(2, (await SweepAsync()).Is(0).Sent);
    }

    [Theory]
    [InlineData("nothing to import is named")]
    [InlineData("--output is missing", "--provider", "openai", "--input", "x.jsonl")]
    [InlineData("--provider is missing", "--input", "x.jsonl", "--output", "x.jsonl")]
    [InlineData("--epoch has no meaning here", "x.jsonl", "--epoch", "1")]
    [InlineData("--epoch is below 0", "--provider", "openai", "--input", "x.jsonl", "--output", "x.jsonl", "--epoch", "-1")]
    [InlineData("unknown provider `opnai`", "--provider", "opnai", "--input", "x.jsonl", "--output", "x.jsonl")]
    [InlineData("file y.jsonl does not exist", "--provider", "openai", "--input", "x.jsonl", "--output", "y.jsonl")]
    public async Task What_cannot_be_imported_is_said_before_anything_is_made(string message, params string[] args)
    {
        Write("x.jsonl", "{}");

        (await RunAsync(["cache", "import", .. args])).Explains(2, message);

        Assert.Equal(["x.jsonl"], Directory.EnumerateFileSystemEntries(Folder).Select(Path.GetFileName));
    }

    /// <summary>A line as somebody else's program writes it.</summary>
    private static string Line(string api, int n)
    {
        var question = $"Question {n} echo: A: {(n % 10 == 9 ? n + 1 : n)}";
        var (url, prompt, limit) = api == "chat"
            ? ("/v1/chat/completions", $"\"messages\": [{{\"role\": \"user\", \"content\": \"{question}\"}}]", "max_tokens")
            : ("/v1/responses", $"\"input\": \"{question}\"", "max_output_tokens");
        return $$"""{"custom_id": "q-{{n}}", "method": "POST", "url": "{{url}}", "body": {"model": "gpt-4o-mini", {{prompt}}, "{{limit}}": 64, "temperature": 0.0} }""";
    }

    private void ChangeConfig(string old, string text)
    {
        var path = Path.Combine(Folder, "configs/one.yaml");
        File.WriteAllText(path, File.ReadAllText(path).Replace(old, text, StringComparison.Ordinal));
    }

    private async Task<(string Batch, string Output)> RunOpenAIBatchAsync(string file, string endpoint)
    {
        _http.BaseAddress = Simulator.Address;
        _http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "sk-journey");
        using var form = new MultipartFormDataContent { { new StringContent("batch"), "purpose" }, { new ByteArrayContent(await File.ReadAllBytesAsync(Path.Combine(Folder, file), Cancel)), "file", file } };
        var uploaded = await PostAsync("/v1/files", form);
        using var create = Json($$"""{"input_file_id":"{{(string?)uploaded["id"]}}","endpoint":"{{endpoint}}","completion_window":"24h"}""");
        var id = (string)(await PostAsync("/v1/batches", create))["id"]!;
        var ended = await EndedAsync($"/v1/batches/{id}", b => (string?)b["status"] == "completed");
        return (id, await _http.GetStringAsync(new Uri($"/v1/files/{(string?)ended["output_file_id"]}/content", UriKind.Relative), Cancel));
    }

    private async Task<(string Batch, string Results)> RunAnthropicBatchAsync(IEnumerable<string> requests)
    {
        _http.BaseAddress = Simulator.Address;
        _http.DefaultRequestHeaders.Add("x-api-key", "sk-ant-journey");
        _http.DefaultRequestHeaders.Add("anthropic-version", "2023-06-01");
        using var create = Json($$"""{"requests":[{{string.Join(',', requests)}}]}""");
        var id = (string)(await PostAsync("/v1/messages/batches", create))["id"]!;
        await EndedAsync($"/v1/messages/batches/{id}", b => (string?)b["processing_status"] == "ended");
        return (id, await _http.GetStringAsync(new Uri($"/v1/messages/batches/{id}/results", UriKind.Relative), Cancel));
    }

    private async Task<JsonNode> PostAsync(string path, HttpContent content)
    {
        using var response = await _http.PostAsync(new Uri(path, UriKind.Relative), content, Cancel);
        var body = await response.Content.ReadAsStringAsync(Cancel);
        Assert.True(response.IsSuccessStatusCode, body);
        return JsonNode.Parse(body)!;
    }

    private async Task<JsonNode> EndedAsync(string path, Func<JsonNode, bool> hasEnded)
    {
        for (var attempt = 0; attempt < 6000; attempt++)
        {
            var batch = JsonNode.Parse(await _http.GetStringAsync(new Uri(path, UriKind.Relative), Cancel))!;
            Assert.NotEqual("failed", (string?)batch["status"]);
            if (hasEnded(batch))
            {
                return batch;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancel);
        }

        throw new TimeoutException($"{path} does not end");
    }

    private void Pack(string file, string compression)
    {
        if (compression.Length > 0)
        {
            using var packed = new System.IO.Compression.GZipStream(File.Create(Path.Combine(Folder, file + compression)), System.IO.Compression.CompressionLevel.Fastest);
            packed.Write(File.ReadAllBytes(Path.Combine(Folder, file)));
        }
    }

    private static StringContent Json(string text) => new(text, Encoding.UTF8, "application/json");

    private static int Number(JsonNode node, string name) => node[name]!.GetValue<int>();
}
