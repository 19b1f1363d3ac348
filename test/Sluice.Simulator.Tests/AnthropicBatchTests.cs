using System.Net;
using System.Text.Json.Nodes;

namespace Sluice.Simulator.Tests;

public sealed class AnthropicBatchTests : SimulatorTest
{
    [Fact]
    public async Task Bad_params_become_errored_rows_and_the_others_succeed()
    {
        await StartAsync();
        var body = $$$"""
            {"requests": [
              {{{Request("good", "echo: fine")}}},
              {"custom_id": "no-tokens",
               "params": {"model": "m", "messages": [{"role": "user", "content": "x"}]}},
              {"custom_id": "no-messages", "params": {"model": "m", "max_tokens": 5}},
              {{{Request("streams", "x", ",\"stream\":true")}}}
            ]}
            """;

        var id = await SubmitMessagesAsync(body);
        var batch = await EndOfMessagesAsync(id);
        var rows = (await ResultsAsync(id)).ToDictionary(row => (string)row["custom_id"]!, row => row["result"]!);

        Assert.Equal("""{"processing":0,"succeeded":1,"errored":3,"canceled":0,"expired":0}""", batch["request_counts"]!.ToJsonString());
        Assert.Equal("fine", (string?)rows["good"]["message"]!["content"]![0]!["text"]);
        Assert.Equal("batch", (string?)rows["good"]["message"]!["usage"]!["service_tier"]);
        Assert.Equal("max_tokens: Field required", (string?)rows["no-tokens"]["error"]!["error"]!["message"]);
        Assert.Equal("messages: Field required", (string?)rows["no-messages"]["error"]!["error"]!["message"]);
        Assert.Equal("invalid_request_error", (string?)rows["streams"]["error"]!["error"]!["type"]);
    }

    [Theory]
    [InlineData("""{}""", "requests: Field required")]
    [InlineData("""{"requests":[]}""", "requests: List should have at least 1 item after validation, not 0")]
    [InlineData("""{"requests":{}}""", "requests: Input should be a valid list")]
    [InlineData("""{"requests":[{"custom_id":"a","params":{}},{"custom_id":"a","params":{}}]}""", "requests.1.custom_id: Duplicate custom_id 'a'")]
    [InlineData("""{"requests":[{"custom_id":"a b","params":{}}]}""", "requests.0.custom_id: String should match pattern '^[a-zA-Z0-9_-]{1,64}$'")]
    [InlineData("""{"requests":[{"params":{}}]}""", "requests.0.custom_id: Field required")]
    [InlineData("""{"requests":[{"custom_id":"a"}]}""", "requests.0.params: Field required")]
    [InlineData("""{"requests":[{"custom_id":"a","params":{}}""", "The request body is not valid JSON")]
    [InlineData("""{"more":1,"requests":[]}""", "more: Extra inputs are not permitted")]
    public async Task A_bad_create_is_refused_at_once(string body, string message)
    {
        await StartAsync();

        var answer = await PostAsync(Anthropic, "/v1/messages/batches", body);
        var error = await JsonAsync(answer);

        Assert.Equal(HttpStatusCode.BadRequest, answer.StatusCode);
        Assert.Equal("error", (string?)error["type"]);
        Assert.Equal("invalid_request_error", (string?)error["error"]!["type"]);
        Assert.StartsWith(message, (string?)error["error"]!["message"]);
        Assert.Empty(Directory.GetFiles(Path.Combine(Folder, "data", "anthropic", "batches")));
    }

    [Fact]
    public async Task An_id_of_65_characters_is_refused_and_one_of_64_is_not()
    {
        await StartAsync();

        var refused = await PostAsync(Anthropic, "/v1/messages/batches", $$"""{"requests":[{{Request(new string('a', 65), "x")}}]}""");
        var accepted = await PostAsync(Anthropic, "/v1/messages/batches", $$"""{"requests":[{{Request(new string('a', 64), "x")}}]}""");

        Assert.Contains("requests.0.custom_id: String should have at most 64 characters", await refused.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(HttpStatusCode.OK, accepted.StatusCode);
    }

    [Fact]
    public async Task Sizes_beyond_the_limits_are_refused()
    {
        await StartAsync(Options with { Limits = new SimulatorLimits { AnthropicRequestsPerBatch = 2, AnthropicBytesPerBatch = 1000 } });

        var many = await PostAsync(Anthropic, "/v1/messages/batches", Requests(3));
        var large = await PostAsync(Anthropic, "/v1/messages/batches", $$"""{"requests":[{{Request("a", new string('x', 500_000))}}]}""");

        Assert.Contains("at most 2 items", await many.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(HttpStatusCode.RequestEntityTooLarge, large.StatusCode);
        Assert.Equal("request_too_large", (string?)(await JsonAsync(large))["error"]!["type"]);
    }

    [Fact]
    public async Task Requests_larger_than_the_read_buffer_and_many_of_them_arrive_whole()
    {
        await StartAsync();
        var requests = Enumerable.Range(0, 300).Select(n => Request($"id-{n}", $"echo: {n}\\n" + new string('x', n == 150 ? 600_000 : n * 10)));

        var id = await SubmitMessagesAsync($$"""{"requests":[{{string.Join(" ,\n ", requests)}}]}""");
        await EndOfMessagesAsync(id);

        Assert.Equal(
            Enumerable.Range(0, 300).Select(n => $"id-{n}={n}"),
            (await ResultsAsync(id)).Select(row => $"{row["custom_id"]}={row["result"]!["message"]!["content"]![0]!["text"]}"));
    }

    [Fact]
    public async Task Before_the_end_there_is_no_results_url_and_results_are_404()
    {
        await StartAsync(Options with { BatchDelay = TimeSpan.FromHours(1), PollAfterSeconds = 10 });
        var id = await SubmitMessagesAsync(Requests(2));

        var get = await Anthropic.GetAsync("/v1/messages/batches/" + id, Cancel);
        var results = await Anthropic.GetAsync($"/v1/messages/batches/{id}/results", Cancel);
        var delete = await Anthropic.DeleteAsync("/v1/messages/batches/" + id, Cancel);
        var batch = await JsonAsync(get);

        Assert.Equal(TimeSpan.FromSeconds(10), get.Headers.RetryAfter?.Delta);
        Assert.Equal("in_progress", (string?)batch["processing_status"]);
        Assert.Null(batch["results_url"]);
        Assert.Equal(2, (int)batch["request_counts"]!["processing"]!);
        Assert.Equal(HttpStatusCode.NotFound, results.StatusCode);
        Assert.Contains("has no available results", await results.Content.ReadAsStringAsync(Cancel));
        Assert.Equal(HttpStatusCode.BadRequest, delete.StatusCode);
    }

    [Fact]
    public async Task The_list_pages_in_both_directions()
    {
        await StartAsync();
        var ids = new List<string>();
        for (var n = 0; n < 5; n++)
        {
            ids.Insert(0, await SubmitMessagesAsync(Requests(1)));
        }

        var first = await GetAsync(Anthropic, "/v1/messages/batches?limit=2");
        var after = await GetAsync(Anthropic, $"/v1/messages/batches?limit=2&after_id={first["last_id"]}");
        var before = await GetAsync(Anthropic, $"/v1/messages/batches?limit=2&before_id={ids[4]}");

        Assert.Equal(ids[..2], IdsOf(first));
        Assert.True((bool)first["has_more"]!);
        Assert.Equal(ids[2..4], IdsOf(after));
        Assert.Equal(ids[2..4], IdsOf(before));
        Assert.True((bool)before["has_more"]!);
    }

    private static IEnumerable<string> IdsOf(JsonNode page) => page["data"]!.AsArray().Select(batch => (string)batch!["id"]!);
}
