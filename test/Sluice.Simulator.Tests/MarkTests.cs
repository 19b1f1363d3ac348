using System.Net;

namespace Sluice.Simulator.Tests;

/// <summary>Whatever the simulator answers says that it is the simulator.</summary>
public sealed class MarkTests : SimulatorTest
{
    private static string? MarkOf(HttpResponseMessage response) =>
        response.Headers.TryGetValues(SimulatorServer.MarkHeader, out var values) ? string.Join(',', values) : null;

    [Theory]
    [InlineData("GET", "/v1/batches", HttpStatusCode.OK)]
    [InlineData("GET", "/v1/batches/none", HttpStatusCode.NotFound)]
    [InlineData("GET", "/nowhere", HttpStatusCode.NotFound)]
    [InlineData("PUT", "/v1/batches", HttpStatusCode.NotFound)]
    [InlineData("GET", "/_sim/health", HttpStatusCode.OK)]
    [InlineData("POST", "/_sim/reset-stats", HttpStatusCode.NoContent)]
    [InlineData("POST", "/v1/chat/completions", HttpStatusCode.BadRequest)]
    public async Task Every_answer_bears_the_mark(string method, string path, HttpStatusCode expected)
    {
        await StartAsync();

        using var request = new HttpRequestMessage(new HttpMethod(method), path);
        using var response = await OpenAI.SendAsync(request, Cancel);

        Assert.Equal((expected, "1"), (response.StatusCode, MarkOf(response)));
    }

    [Theory]
    [InlineData("""{ "type": "http-status", "status": 502, "html": true }""", HttpStatusCode.BadGateway)]
    [InlineData("""{ "type": "http-status", "status": 301 }""", HttpStatusCode.MovedPermanently)]
    [InlineData("""{ "type": "garbage" }""", HttpStatusCode.OK)]
    public async Task So_do_faults(string fault, HttpStatusCode expected)
    {
        await StartAsync(faults: $$"""[{ "when": { "operation": "list" }, "fault": {{fault}} }]""");

        using var response = await OpenAI.GetAsync("/v1/batches", Cancel);

        Assert.Equal((expected, "1"), (response.StatusCode, MarkOf(response)));
    }

    [Fact]
    public async Task So_do_results_and_refused_keys()
    {
        await StartAsync();
        var batch = await EndOfAsync(await SubmitAsync(Lines(1)));

        using var results = await OpenAI.GetAsync($"/v1/files/{batch["output_file_id"]}/content", Cancel);
        OpenAI.DefaultRequestHeaders.Authorization = null;
        using var refused = await OpenAI.GetAsync("/v1/batches", Cancel);

        Assert.Equal((HttpStatusCode.OK, "1"), (results.StatusCode, MarkOf(results)));
        Assert.Equal((HttpStatusCode.Unauthorized, "1"), (refused.StatusCode, MarkOf(refused)));
    }
}
