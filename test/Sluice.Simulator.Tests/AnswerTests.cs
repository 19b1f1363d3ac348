using System.Net;
using System.Text.Json.Nodes;

namespace Sluice.Simulator.Tests;

public sealed class AnswerTests : SimulatorTest
{
    private const string Recordings = """
        {"model": "m1", "prompt": "What is \"2 + 2\"?\nThink.", "completion": "four\nA: 4"}

        {"model": "m2", "prompt": "What is \"2 + 2\"?\nThink.", "completion": "vier"}
        {"prompt": "any", "completion": "for all models"}
        """;

    [Fact]
    public async Task A_recording_is_found_by_model_and_last_user_message()
    {
        await StartAsync(Options with { RecordingsPath = await WriteAsync(Recordings) });

        var answer = await AskAsync("m1", """
            [{"role":"user","content":"first"},{"role":"assistant","content":"no"},
             {"content":[{"type":"text","text":"What is \"2 + 2\"?\nThink."}],"role":"user"},{"role":"assistant","content":"I"}]
            """);

        Assert.Equal("four\nA: 4", answer);
        Assert.Equal("vier", await AskAsync("m2", """[{"role":"user","content":"What is \u00222 + 2\"?\nThink."}]"""));
        Assert.Equal("for all models", await AskAsync("m3", """[{"role":"user","content":"any"}]"""));
        Assert.Contains("\nA: ", await AskAsync("m3", """[{"role":"user","content":"What is \"2 + 2\"?\nThink."}]"""));
    }

    [Fact]
    public async Task Every_line_of_a_long_recordings_file_is_found()
    {
        var rows = Enumerable.Range(0, 2000).Select(n =>
            new JsonObject { ["model"] = "m", ["prompt"] = $"question {n}", ["completion"] = n == 7 ? new string('y', 9000) : $"answer {n}" }.ToJsonString());
        await StartAsync(Options with { RecordingsPath = await WriteAsync(string.Join('\n', rows)), OnMissing = MissingRecording.Refuse });

        var lines = string.Join('\n', Enumerable.Range(0, 2000).Select(n => Line($"id-{n}", $"question {n}", "m")));
        var batch = await EndOfAsync(await SubmitAsync(lines));
        var answers = (await RowsAsync(batch["output_file_id"])).Select(TextOf).ToArray();

        Assert.Equal(2000, answers.Length);
        Assert.Equal(9000, answers[7].Length);
        Assert.All(answers.Where((_, n) => n != 7).Zip(Enumerable.Range(0, 2000).Where(n => n != 7)), pair => Assert.Equal($"answer {pair.Second}", pair.First));
    }

    [Fact]
    public async Task A_missing_recording_can_be_an_error()
    {
        await StartAsync(Options with { RecordingsPath = await WriteAsync(Recordings), OnMissing = MissingRecording.Refuse });

        var batch = await EndOfAsync(await SubmitAsync(Line("a", "never recorded", "m1")));
        var row = Assert.Single(await RowsAsync(batch["error_file_id"]));

        Assert.Equal(400, (int)row["response"]!["status_code"]!);
        Assert.Equal("invalid_request_error", (string?)row["response"]!["body"]!["error"]!["type"]);
    }

    [Fact]
    public async Task A_recordings_file_with_a_bad_line_names_it()
    {
        var path = await WriteAsync(Recordings + "\n{\"prompt\": 1}");

        var error = await Assert.ThrowsAsync<InvalidDataException>(() => StartAsync(Options with { RecordingsPath = path }));

        Assert.StartsWith(path + ":5: ", error.Message);
    }

    [Fact]
    public async Task The_same_body_gets_the_same_answer_in_a_batch_again_live_and_streamed()
    {
        await StartAsync();
        var first = await EndOfAsync(await SubmitAsync(Line("a", "Why?") + "\n" + Line("b", "Why?") + "\n" + Line("c", "How?")));
        var texts = (await RowsAsync(first["output_file_id"])).Select(TextOf).ToArray();

        var live = await AskAsync("gpt-4o-mini", """[{"role":"user","content":"Why?"}]""");

        Assert.Equal(texts[0], texts[1]);
        Assert.NotEqual(texts[0], texts[2]);
        Assert.Equal(texts[0], live);
        Assert.Matches(@"\nA: \d+$", live);
    }

    [Fact]
    public async Task Echo_answers_the_rest_of_its_line()
    {
        await StartAsync();

        Assert.Equal("CORRECT é", await AskAsync("m", """[{"role":"user","content":"Judge this.\necho: CORRECT é\nThanks"}]"""));
    }

    [Fact]
    public async Task Max_tokens_cuts_between_characters()
    {
        await StartAsync();
        var answer = await JsonAsync(await PostAsync(OpenAI, "/v1/chat/completions",
            """{"model":"m","max_tokens":1,"max_completion_tokens":1,"messages":[{"role":"user","content":"echo: abcé"}]}"""));

        Assert.Equal("abc", (string?)answer["choices"]![0]!["message"]!["content"]);
        Assert.Equal("length", (string?)answer["choices"]![0]!["finish_reason"]);
    }

    [Fact]
    public async Task Live_calls_carry_request_ids_and_rate_limits_and_refuse_bad_bodies()
    {
        await StartAsync(Options with { KnownModels = ["m"] });

        var good = await PostAsync(OpenAI, "/v1/chat/completions", """{"model":"m","messages":[{"role":"user","content":"x"}]}""");
        var unknown = await PostAsync(OpenAI, "/v1/chat/completions", """{"model":"n","messages":[{"role":"user","content":"x"}]}""");
        var message = await PostAsync(Anthropic, "/v1/messages", """{"model":"m","max_tokens":9,"messages":[{"role":"user","content":"x"}]}""");
        var bad = await PostAsync(Anthropic, "/v1/messages", """{"model":"m","messages":[]}""");

        Assert.NotEmpty(good.Headers.GetValues("x-request-id"));
        Assert.NotEmpty(good.Headers.GetValues("x-ratelimit-remaining-requests"));
        Assert.Equal(HttpStatusCode.NotFound, unknown.StatusCode);
        Assert.NotEmpty(message.Headers.GetValues("request-id"));
        Assert.NotEmpty(message.Headers.GetValues("anthropic-ratelimit-requests-reset"));
        Assert.Equal("max_tokens: Field required", (string?)(await JsonAsync(bad))["error"]!["message"]);
        Assert.Equal((await JsonAsync(bad))["request_id"]!.ToString(), Assert.Single(bad.Headers.GetValues("request-id")));
    }

    [Fact]
    public async Task A_responses_input_may_be_a_text()
    {
        await StartAsync();

        var answer = await JsonAsync(await PostAsync(OpenAI, "/v1/responses", """{"model":"m","input":"echo: hello"}"""));

        Assert.Equal("hello", (string?)answer["output"]![0]!["content"]![0]!["text"]);
    }

    private async Task<string> AskAsync(string model, string messages)
    {
        var answer = await PostAsync(OpenAI, "/v1/chat/completions", $$"""{"messages":{{messages}},"model":"{{model}}"}""");
        return (string)(await JsonAsync(answer))["choices"]![0]!["message"]!["content"]!;
    }

    private async Task<string> WriteAsync(string text)
    {
        var path = Path.Combine(Folder, "recordings.jsonl");
        await File.WriteAllTextAsync(path, text, Cancel);
        return path;
    }
}
