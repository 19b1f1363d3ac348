using System.ClientModel;
using System.ClientModel.Primitives;
using System.Text;
using System.Text.Json.Nodes;
using OpenAI;
using OpenAI.Batch;
using OpenAI.Chat;
using OpenAI.Files;
using OpenAI.Responses;

namespace Sluice.Simulator.Tests;

/// <summary>The vendor's own SDK, unmodified, against the simulator.</summary>
public sealed class OpenAISdkTests : SimulatorTest
{
    [Fact]
    public async Task The_sdk_uploads_submits_polls_lists_and_downloads_a_batch()
    {
        await StartAsync();
        var client = Client();
        var files = client.GetOpenAIFileClient();
        var batches = client.GetBatchClient();

        var upload = (await files.UploadFileAsync(new MemoryStream(Encoding.UTF8.GetBytes(Lines(3))), "in.jsonl", FileUploadPurpose.Batch, Cancel)).Value;
        var operation = await batches.CreateBatchAsync(
            BinaryContent.Create(BinaryData.FromString($$"""{"input_file_id":"{{upload.Id}}","endpoint":"/v1/chat/completions","completion_window":"24h"}""")),
            waitUntilCompleted: false);
        var ended = await PollAsync(
            async () => JsonNode.Parse((await batches.GetBatchAsync(operation.BatchId, new RequestOptions())).GetRawResponse().Content)!,
            batch => (string?)batch["status"] == "completed");
        var jobs = new List<BatchJob>();
        await foreach (var job in batches.GetBatchesAsync(new BatchCollectionOptions(), Cancel))
        {
            jobs.Add(job);
        }

        var output = (await files.DownloadFileAsync((string)ended["output_file_id"]!, Cancel)).Value.ToString();
        Assert.Equal(FilePurpose.Batch, upload.Purpose);
        Assert.Equal(operation.BatchId, Assert.Single(jobs).Id);
        Assert.Equal(["answer 0", "answer 1", "answer 2"], ParseRows(output).Select(TextOf));
    }

    [Fact]
    public async Task The_sdk_pages_through_files_and_batches_newest_first()
    {
        await StartAsync();
        var ids = new List<string>();
        for (var n = 0; n < 5; n++)
        {
            ids.Insert(0, await SubmitAsync(Lines(1)));
        }

        var seen = new List<string>();
        await foreach (var job in Client().GetBatchClient().GetBatchesAsync(new BatchCollectionOptions { PageSizeLimit = 2 }, Cancel))
        {
            seen.Add(job.Id);
        }

        var inputs = (await Client().GetOpenAIFileClient().GetFilesAsync(FilePurpose.Batch, Cancel)).Value;
        Assert.Equal(ids, seen);
        Assert.Equal(5, inputs.Count);
    }

    [Fact]
    public async Task The_sdk_cancels_a_batch_that_waits()
    {
        await StartAsync(Options with { BatchDelay = TimeSpan.FromHours(1) });
        var id = await SubmitAsync(Lines(4));
        var operation = await CreateBatchOperation.RehydrateAsync(Client().GetBatchClient(), id, Cancel);

        await operation.CancelAsync(new RequestOptions());
        var ended = await EndOfAsync(id);

        Assert.Equal("cancelled", (string?)ended["status"]);
        Assert.Null(ended["output_file_id"]);
        Assert.All(await RowsAsync(ended["error_file_id"]), row => Assert.Equal("batch_cancelled", (string?)row["error"]!["code"]));
    }

    [Fact]
    public async Task The_sdk_reads_a_chat_completion_and_its_stream()
    {
        await StartAsync();
        var chat = Client().GetChatClient("gpt-4o-mini");

        var whole = (await chat.CompleteChatAsync([new UserChatMessage("What is 2 + 2?")], null, Cancel)).Value;
        var streamed = new StringBuilder();
        ChatFinishReason? reason = null;
        await foreach (var update in chat.CompleteChatStreamingAsync([new UserChatMessage("What is 2 + 2?")], null, Cancel))
        {
            streamed.Append(string.Concat(update.ContentUpdate.Select(part => part.Text)));
            reason ??= update.FinishReason;
        }

        Assert.Contains("\nA: ", whole.Content[0].Text);
        Assert.Equal(ChatFinishReason.Stop, whole.FinishReason);
        Assert.True(whole.Usage.TotalTokenCount > whole.Usage.OutputTokenCount);
        Assert.Equal(whole.Content[0].Text, streamed.ToString());
        Assert.Equal(ChatFinishReason.Stop, reason);
    }

    [Fact]
    public async Task The_sdk_reads_a_response_and_its_stream()
    {
        await StartAsync();
        var responses = Client().GetResponsesClient();

        var whole = (await responses.CreateResponseAsync("gpt-5", "Why is the sky blue?", null, Cancel)).Value;
        var streamed = new StringBuilder();
        ResponseResult? completed = null;
        await foreach (var update in await responses.CreateResponseStreamingAsync("gpt-5", "Why is the sky blue?", null, Cancel))
        {
            streamed.Append((update as StreamingResponseOutputTextDeltaUpdate)?.Delta);
            completed ??= (update as StreamingResponseCompletedUpdate)?.Response;
        }

        Assert.Equal(ResponseStatus.Completed, whole.Status);
        Assert.Contains("\nA: ", whole.GetOutputText());
        Assert.Equal(whole.GetOutputText(), streamed.ToString());
        Assert.Equal(whole.GetOutputText(), completed!.GetOutputText());
        Assert.Equal(whole.Usage.TotalTokenCount, completed.Usage.TotalTokenCount);
    }

    [Fact]
    public async Task The_sdk_sees_a_wrong_key_as_401()
    {
        await StartAsync();

        var error = await Assert.ThrowsAsync<ClientResultException>(() => Client("invalid").GetOpenAIFileClient().GetFilesAsync(Cancel));

        Assert.Equal(401, error.Status);
        Assert.Contains("invalid_api_key", error.Message);
    }

    private OpenAIClient Client(string key = "sk-test") =>
        new(new ApiKeyCredential(key), new OpenAIClientOptions { Endpoint = new Uri(Server.Address, "/v1") });
}
