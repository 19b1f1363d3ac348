using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Recovery;
using Sluice.Requests;
using Sluice.Tests.Dispatch;

namespace Sluice.Tests.Recovery;

/// <summary>What the provider's list has is taken over batch by batch: one that is odd, gone or refused hides no other.</summary>
public sealed class AdopterTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();

    private ScriptedProvider Provider => _fixture.Provider;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Theory]
    [InlineData("gone", 404)]
    [InlineData("busy", 503)]
    [InlineData("page", 200)]
    public async Task A_file_that_cannot_be_read_hides_none_behind_it(string trouble, int status)
    {
        RequestKey[] keys = await BatchesAsync(3);
        Provider.OnInfo = batch => batch.Info(BatchState.Done, "out", "err");
        Provider.OnOpen = (batch, file) => (batch.Id, file) switch
        {
            ("batch-1", "out") when status == 200 => "a proxy's page\n",
            ("batch-1", "out") => throw ScriptedProvider.Error(ErrorClass.Transient, trouble, status: status),
            (_, "err") => "",
            _ => batch.AnswerAll(),
        };

        if (status == 404)
        {
            AdoptReport report = await AdoptAsync();
            Assert.Equal((3, 2, 2, 1), (report.Batches, report.Ours, report.New, report.Gone));
        }
        else
        {
            await Assert.ThrowsAsync<ProviderException>(AdoptAsync);
        }

        bool[] found = await Task.WhenAll(keys.Select(async key => await _fixture.GetAsync(key) is not null));
        Assert.Equal([true, false, true], found);
    }

    [Fact]
    public async Task A_refused_key_ends_it()
    {
        await BatchesAsync(3);
        Provider.OnInfo = batch => batch.Info(BatchState.Done, "out");
        Provider.OnOpen = (_, _) => throw ScriptedProvider.Error(ErrorClass.Credentials, "no", status: 401);

        await Assert.ThrowsAsync<ProviderException>(AdoptAsync);

        Assert.Equal(1, Provider.CountOf("open"));
    }

    [Fact]
    public async Task A_batch_whose_input_is_not_ours_is_left_alone_and_writes_nothing()
    {
        await BatchesAsync(2);
        foreach (Intent intent in _fixture.Ledger.Open())
        {
            _fixture.Ledger.GiveUp(_fixture.Ledger.Overrule(intent, evenSubmitted: true)!, "lost");
            Spool.Delete(_fixture.SpoolFolder, intent.Id);
        }

        Provider.OnInfo = batch => batch.Info(BatchState.Running) with { InputFile = $"{batch.Id}/in", Intent = batch.Id == "batch-1" ? batch.Intent : "abcdefghijklmnopqrst" };
        Provider.OnOpen = (_, _) => """{"custom_id":"mine"}""";

        AdoptReport report = await AdoptAsync();

        // The other one was given up: nobody waits for it, and nobody is told so.
        Assert.Equal((2, 0), (report.Batches, report.UnderWay));
        Assert.Empty(Directory.GetFiles(_fixture.SpoolFolder));
        Assert.Empty(_fixture.Ledger.Open());
        Assert.Contains(_fixture.Events.OfType<Remark>(), r => r.Text.Contains("its input is not: left alone", StringComparison.Ordinal));
        Assert.Contains(_fixture.Events.OfType<Remark>(), r => r.Text.Contains("batch batch-1 is under way although this workspace has closed it", StringComparison.Ordinal));
    }

    private Task<AdoptReport> AdoptAsync() =>
        new Adopter(new BatchContext(_fixture.Ledger, _fixture.Cache, Provider.Registry(), _fixture.SpoolFolder, _fixture.Time, _fixture.Events.Enqueue)).AdoptAsync([Provider], Token);

    /// <summary>Makes batches of one request each, which stay under way.</summary>
    private async Task<RequestKey[]> BatchesAsync(int count)
    {
        Provider.OnGet = batch => batch.Info(BatchState.Running);
        var keys = new List<RequestKey>();
        for (int n = 0; n < count; n++)
        {
            keys.AddRange(await _fixture.SpoolAsync(1, from: n));
        }

        await _fixture.RunUntilAsync(() => Provider.Batches.Count == count && _fixture.Ledger.Open().All(i => i.State == IntentState.Submitted));
        _fixture.Events.Clear();
        return [.. keys];
    }
}
