using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;

namespace Sluice.Simulator.Tests;

/// <summary>Gives each test a folder, servers on it, and the few calls that most tests make.</summary>
public abstract class SimulatorTest : IAsyncLifetime
{
    private readonly List<SimulatorServer> _servers = [];

    protected string Folder { get; } = Directory.CreateTempSubdirectory("sluice-simulator-").FullName;

    protected HttpClient OpenAI { get; private set; } = new();

    protected HttpClient Anthropic { get; private set; } = new();

    protected SimulatorServer Server => _servers[^1];

    protected static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        foreach (var server in _servers)
        {
            await server.DisposeAsync();
        }

        OpenAI.Dispose();
        Anthropic.Dispose();
        Directory.Delete(Folder, recursive: true);
    }

    protected async Task<SimulatorServer> StartAsync(SimulatorOptions? options = null, string? faults = null)
    {
        options = (options ?? Options) with { Faults = faults is null ? options?.Faults : FaultScript.Parse(faults) };
        _servers.Add(await SimulatorServer.StartAsync(options, Cancel));
        OpenAI = new HttpClient { BaseAddress = Server.Address };
        OpenAI.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", "sk-test");
        Anthropic = new HttpClient { BaseAddress = Server.Address };
        Anthropic.DefaultRequestHeaders.Add("x-api-key", "sk-ant-test");
        Anthropic.DefaultRequestHeaders.Add("anthropic-version", "2023-06-01");
        return Server;
    }

    protected async Task StopAsync()
    {
        await Server.DisposeAsync();
        _servers.RemoveAt(_servers.Count - 1);
    }

    protected SimulatorOptions Options => new() { Folder = Path.Combine(Folder, "data") };

    protected static string Line(string id, string prompt, string model = "gpt-4o-mini", string extra = "") =>
        $$$"""{"custom_id":"{{{id}}}","method":"POST","url":"/v1/chat/completions","body":{"model":"{{{model}}}","messages":[{"role":"user","content":"{{{prompt}}}"}]{{{extra}}}}}""";

    protected static string Lines(int count) => string.Join('\n', Enumerable.Range(0, count).Select(n => Line($"id-{n}", $"echo: answer {n}")));

    protected static string Request(string id, string prompt, string extra = "") =>
        $$$"""{"custom_id":"{{{id}}}","params":{"model":"claude-haiku-4-5","max_tokens":100,"messages":[{"role":"user","content":"{{{prompt}}}"}]{{{extra}}}}}""";

    protected static string Requests(int count) =>
        $$"""{"requests":[{{string.Join(",", Enumerable.Range(0, count).Select(n => Request($"id-{n}", $"echo: answer {n}")))}}]}""";

    protected async Task<HttpResponseMessage> UploadAsync(string content, string name = "batch.jsonl", string purpose = "batch")
    {
        using var form = new MultipartFormDataContent
        {
            { new StringContent(purpose), "purpose" },
            { new ByteArrayContent(Encoding.UTF8.GetBytes(content)), "file", name },
        };
        return await OpenAI.PostAsync("/v1/files", form, Cancel);
    }

    /// <returns>The batch's id.</returns>
    protected async Task<string> SubmitAsync(string lines, string endpoint = "/v1/chat/completions")
    {
        var file = await JsonAsync(await UploadAsync(lines));
        return (await CreateAsync((string)file["id"]!, endpoint))["id"]!.ToString();
    }

    protected async Task<JsonNode> CreateAsync(string fileId, string endpoint = "/v1/chat/completions") => await JsonAsync(
        await PostAsync(OpenAI, "/v1/batches", $$$"""{"input_file_id":"{{{fileId}}}","endpoint":"{{{endpoint}}}","completion_window":"24h","metadata":{"attempt":"7"}}"""));

    /// <returns>The batch's id.</returns>
    protected async Task<string> SubmitMessagesAsync(string body) =>
        (string)(await JsonAsync(await PostAsync(Anthropic, "/v1/messages/batches", body)))["id"]!;

    protected Task<JsonNode> EndOfAsync(string batchId) => PollAsync(
        () => GetAsync(OpenAI, "/v1/batches/" + batchId),
        batch => batch["status"]!.ToString().ToLowerInvariant() is "completed" or "failed" or "expired" or "cancelled");

    protected Task<JsonNode> EndOfMessagesAsync(string batchId) => PollAsync(
        () => GetAsync(Anthropic, "/v1/messages/batches/" + batchId), batch => (string?)batch["processing_status"] == "ended");

    protected static async Task<T> PollAsync<T>(Func<Task<T>> get, Func<T, bool> isDone)
    {
        for (var attempt = 0; attempt < 1000; attempt++)
        {
            var value = await get();
            if (isDone(value))
            {
                return value;
            }

            await Task.Delay(TimeSpan.FromMilliseconds(10), TimeProvider.System, Cancel);
        }

        throw new TimeoutException("What was waited for did not happen.");
    }

    protected async Task<JsonNode> GetAsync(HttpClient client, string path) => await JsonAsync(await client.GetAsync(path, Cancel));

    protected static Task<HttpResponseMessage> PostAsync(HttpClient client, string path, string body) =>
        client.PostAsync(path, new StringContent(body, Encoding.UTF8, "application/json"), Cancel);

    protected static async Task<JsonNode> JsonAsync(HttpResponseMessage response)
    {
        var text = await response.Content.ReadAsStringAsync(Cancel);
        return JsonNode.Parse(text) ?? throw new JsonException(text);
    }

    protected Task<string> ContentAsync(JsonNode? fileId) => OpenAI.GetStringAsync($"/v1/files/{fileId}/content", Cancel);

    protected async Task<JsonNode[]> RowsAsync(JsonNode? fileId) => ParseRows(await ContentAsync(fileId));

    protected async Task<JsonNode[]> ResultsAsync(string batchId) =>
        ParseRows(await Anthropic.GetStringAsync($"/v1/messages/batches/{batchId}/results", Cancel));

    protected static JsonNode[] ParseRows(string text) =>
        [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(row => JsonNode.Parse(row)!)];

    protected static string TextOf(JsonNode row) => (string)row["response"]!["body"]!["choices"]![0]!["message"]!["content"]!;
}
