using System.Net;
using System.Net.Http.Headers;
using Microsoft.Extensions.Time.Testing;

namespace Sluice.Simulator.Tests;

public sealed class ServerTests : SimulatorTest
{
    [Theory]
    [InlineData(null)]
    [InlineData("invalid")]
    [InlineData("invalid-key")]
    public async Task No_key_and_a_wrong_key_are_401_in_each_vendors_words(string? key)
    {
        await StartAsync();
        OpenAI.DefaultRequestHeaders.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        Anthropic.DefaultRequestHeaders.Remove("x-api-key");
        if (key is not null)
        {
            Anthropic.DefaultRequestHeaders.Add("x-api-key", key);
        }

        var openai = await OpenAI.GetAsync("/v1/batches", Cancel);
        var anthropic = await Anthropic.GetAsync("/v1/messages/batches", Cancel);

        Assert.Equal(HttpStatusCode.Unauthorized, openai.StatusCode);
        Assert.Equal("invalid_api_key", (string?)(await JsonAsync(openai))["error"]!["code"]);
        Assert.Equal(HttpStatusCode.Unauthorized, anthropic.StatusCode);
        Assert.Equal("authentication_error", (string?)(await JsonAsync(anthropic))["error"]!["type"]);
    }

    [Fact]
    public async Task Anthropic_demands_its_version_header()
    {
        await StartAsync();
        Anthropic.DefaultRequestHeaders.Remove("anthropic-version");

        Assert.Equal(HttpStatusCode.BadRequest, (await Anthropic.GetAsync("/v1/messages/batches", Cancel)).StatusCode);
    }

    [Fact]
    public async Task A_port_in_use_is_an_IOException_that_names_it()
    {
        var first = await StartAsync();

        var error = await Assert.ThrowsAsync<IOException>(() =>
            SimulatorServer.StartAsync(Options with { Folder = Folder + "/other", Port = first.Address.Port }, Cancel));

        Assert.Contains($"127.0.0.1:{first.Address.Port}", error.Message);
    }

    [Fact]
    public async Task Started_again_on_the_same_folder_it_finishes_what_was_in_progress_and_still_has_what_was_done()
    {
        await StartAsync();
        var done = await EndOfAsync(await SubmitAsync(Lines(2)));
        var doneOutput = await ContentAsync(done["output_file_id"]);
        await StopAsync();
        await StartAsync(Options with { BatchDelay = TimeSpan.FromHours(1) });
        var waiting = await SubmitAsync(Lines(3));
        var waitingMessages = await SubmitMessagesAsync(Requests(3));
        await PollAsync(() => GetAsync(OpenAI, "/v1/batches/" + waiting), batch => (string?)batch["status"] == "in_progress");
        await StopAsync();

        await StartAsync();
        var resumed = await EndOfAsync(waiting);
        await EndOfMessagesAsync(waitingMessages);

        Assert.Equal("completed", (string?)resumed["status"]);
        Assert.Equal(3, (await RowsAsync(resumed["output_file_id"])).Length);
        Assert.Equal(3, (await ResultsAsync(waitingMessages)).Length);
        Assert.Equal(doneOutput, await ContentAsync(done["output_file_id"]));
        Assert.Equal(2, (await GetAsync(OpenAI, "/v1/batches"))["data"]!.AsArray().Count);
    }

    [Fact]
    public async Task A_batch_stays_in_progress_for_its_delay_by_the_given_clock()
    {
        var clock = new FakeTimeProvider();
        await StartAsync(Options with { BatchDelay = TimeSpan.FromMinutes(10), TimeProvider = clock });
        var id = await SubmitAsync(Lines(1));
        await PollAsync(() => GetAsync(OpenAI, "/v1/batches/" + id), batch => (string?)batch["status"] == "in_progress");

        clock.Advance(TimeSpan.FromMinutes(9));
        var early = await GetAsync(OpenAI, "/v1/batches/" + id);
        var ended = await PollAsync(
            () =>
            {
                clock.Advance(TimeSpan.FromMinutes(1));
                return GetAsync(OpenAI, "/v1/batches/" + id);
            },
            batch => (string?)batch["status"] == "completed");

        Assert.Equal("in_progress", (string?)early["status"]);
        Assert.True((long)ended["completed_at"]! - (long)ended["in_progress_at"]! >= 600);
    }

    [Fact]
    public async Task Too_many_requests_per_second_are_429_with_a_time_to_wait()
    {
        await StartAsync(Options with { RequestsPerSecond = 2, TimeProvider = new FakeTimeProvider() });

        var statuses = new List<HttpStatusCode>();
        HttpResponseMessage last = new();
        for (var n = 0; n < 3; n++)
        {
            last = await OpenAI.GetAsync("/v1/batches", Cancel);
            statuses.Add(last.StatusCode);
        }

        Assert.Equal([HttpStatusCode.OK, HttpStatusCode.OK, HttpStatusCode.TooManyRequests], statuses);
        Assert.Equal("500", Assert.Single(last.Headers.GetValues("retry-after-ms")));
        Assert.Equal(HttpStatusCode.OK, (await Anthropic.GetAsync("/v1/messages/batches", Cancel)).StatusCode);
    }

    [Fact]
    public async Task Statistics_count_what_was_done()
    {
        await StartAsync();
        var lines = Line("a", "one") + "\n" + Line("b", "one") + "\n" + Line("c", "two");
        var batch = await EndOfAsync(await SubmitAsync(lines));
        var output = await ContentAsync(batch["output_file_id"]);
        await PostAsync(OpenAI, "/v1/chat/completions", """{"model":"gpt-4o-mini","messages":[{"role":"user","content":"two"}]}""");
        await EndOfMessagesAsync(await SubmitMessagesAsync(Requests(2)));

        var stats = await GetAsync(new HttpClient { BaseAddress = Server.Address }, "/_sim/stats");
        var openai = stats["openai"]!;

        Assert.Equal(2, (int)openai["files"]!);
        Assert.Equal(lines.Length, (int)openai["bytes_uploaded"]!);
        Assert.Equal(output.Length, (int)openai["bytes_downloaded"]!);
        Assert.Equal(1, (int)openai["batches_created"]!);
        Assert.Equal(1, (int)openai["batches_ended"]!);
        Assert.Equal(3, (int)openai["lines_executed"]!);
        Assert.Equal(2, (int)openai["distinct_bodies"]!);
        Assert.Equal(2, (int)openai["repeated_bodies"]!);
        Assert.Equal(1, (int)openai["live_calls"]!);
        Assert.Equal(1, (int)openai["http_requests"]!["upload"]!);
        Assert.Equal(1, (int)openai["http_requests"]!["create"]!);
        Assert.Equal(2, (int)stats["anthropic"]!["lines_executed"]!);
        Assert.Empty(stats["internal_errors"]!.AsArray());

        await PostAsync(OpenAI, "/_sim/reset-stats", "");
        Assert.Equal(0, Server.Stats.OpenAI.LinesExecuted);
        Assert.Equal(0, Server.Stats.OpenAI.DistinctBodies);
    }

    [Fact]
    public async Task Past_the_limit_distinct_bodies_are_not_known()
    {
        await StartAsync(Options with { Limits = new SimulatorLimits { DistinctBodies = 2 } });
        await EndOfAsync(await SubmitAsync(Lines(3)));

        Assert.Null(Server.Stats.OpenAI.DistinctBodies);
        Assert.Null(Server.Stats.OpenAI.RepeatedBodies);
    }

    [Fact]
    public async Task Health_answers_without_a_key()
    {
        var server = await StartAsync();
        using var client = new HttpClient { BaseAddress = server.Address };

        Assert.Equal("""{"status":"ok"}""", await client.GetStringAsync("/_sim/health", Cancel));
    }
}
