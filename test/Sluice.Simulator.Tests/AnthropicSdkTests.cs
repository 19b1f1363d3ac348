using System.Text;
using Anthropic;
using Anthropic.Exceptions;
using Anthropic.Models.Messages;
using Anthropic.Models.Messages.Batches;

namespace Sluice.Simulator.Tests;

/// <summary>The vendor's own SDK, unmodified, against the simulator.</summary>
public sealed class AnthropicSdkTests : SimulatorTest
{
    [Fact]
    public async Task The_sdk_creates_retrieves_lists_and_reads_a_batch()
    {
        await StartAsync();
        var batches = Client().Messages.Batches;

        var created = await batches.Create(Batch("a", "b", "c"), Cancel);
        var ended = await PollAsync(
            () => batches.Retrieve(created.ID, cancellationToken: Cancel), batch => batch.ProcessingStatus.Raw() == "ended");
        var list = await batches.List(new BatchListParams(), Cancel);
        var texts = new List<string>();
        await foreach (var row in batches.ResultsStreaming(created.ID, cancellationToken: Cancel))
        {
            Assert.True(row.Result.TryPickSucceeded(out var succeeded));
            Assert.True(succeeded.Message.Content[0].TryPickText(out var text));
            texts.Add($"{row.CustomID}={text.Text}");
        }

        Assert.StartsWith("msgbatch_", created.ID);
        Assert.Equal(3, ended.RequestCounts.Succeeded);
        Assert.Equal($"{Server.Address}v1/messages/batches/{created.ID}/results", ended.ResultsUrl);
        Assert.Equal(created.ID, Assert.Single(list.Items).ID);
        Assert.Equal(["a=text of a", "b=text of b", "c=text of c"], texts);
    }

    [Fact]
    public async Task The_sdk_cancels_and_deletes_a_batch()
    {
        await StartAsync(Options with { BatchDelay = TimeSpan.FromHours(1) });
        var batches = Client().Messages.Batches;
        var created = await batches.Create(Batch("a", "b"), Cancel);

        var canceling = await batches.Cancel(created.ID, cancellationToken: Cancel);
        var ended = await PollAsync(
            () => batches.Retrieve(created.ID, cancellationToken: Cancel), batch => batch.ProcessingStatus.Raw() == "ended");
        await batches.Delete(created.ID, cancellationToken: Cancel);

        Assert.Equal("canceling", canceling.ProcessingStatus.Raw());
        Assert.Equal(2, ended.RequestCounts.Canceled);
        await Assert.ThrowsAsync<AnthropicNotFoundException>(() => batches.Retrieve(created.ID, cancellationToken: Cancel));
    }

    [Fact]
    public async Task The_sdk_reads_a_message_and_its_stream()
    {
        await StartAsync();
        var messages = Client().Messages;
        var ask = new MessageCreateParams
        {
            Model = "claude-haiku-4-5",
            MaxTokens = 1000,
            Messages = [new UserMessageParam { Content = "Why is the sky blue?" }],
        };

        var whole = await messages.Create(ask, Cancel);
        var streamed = new StringBuilder();
        await foreach (var update in messages.CreateStreaming(ask, Cancel))
        {
            if (update.TryPickContentBlockDelta(out var delta) && delta.Delta.TryPickText(out var text))
            {
                streamed.Append(text.Text);
            }
        }

        Assert.True(whole.Content[0].TryPickText(out var block));
        Assert.Contains("\nA: ", block.Text);
        Assert.Equal("end_turn", whole.StopReason?.Raw());
        Assert.Equal(block.Text, streamed.ToString());
    }

    [Fact]
    public async Task The_sdk_sees_a_wrong_key_as_401()
    {
        await StartAsync();

        await Assert.ThrowsAsync<AnthropicUnauthorizedException>(() => Client("invalid").Messages.Batches.List(new BatchListParams(), Cancel));
    }

    private AnthropicClient Client(string key = "sk-ant-test") => new() { ApiKey = key, BaseUrl = Server.Address.ToString().TrimEnd('/') };

    private static BatchCreateParams Batch(params string[] ids) => new()
    {
        Requests =
        [
            .. ids.Select(id => new Request
            {
                CustomID = id,
                Params = new Params
                {
                    Model = "claude-haiku-4-5",
                    MaxTokens = 100,
                    Messages = [new UserMessageParam { Content = $"echo: text of {id}" }],
                },
            }),
        ],
    };
}
