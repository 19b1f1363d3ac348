using Sluice.Dispatch;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch.Batch;

/// <summary>Batches that carry no mark, as Anthropic's: what else of the account is created while a lost one is looked for among its likes.</summary>
public sealed class LookalikeBatchTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();

    private ScriptedProvider Provider => _fixture.Provider;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Fact]
    public async Task While_one_batch_is_taken_for_the_lost_one_others_are_created()
    {
        LoseTheFirst();
        Provider.OnGet = batch => batch.Info(BatchState.Running);
        await _fixture.SpoolAsync(1);
        await _fixture.RunUntilAsync(() => _fixture.Ledger.Open() is [{ IsProvisional: true }]);

        await _fixture.SpoolAsync(1, from: 1);
        await _fixture.RunUntilAsync(() => Provider.CountOf("create") == 2);

        Assert.Equal([true, false], _fixture.Ledger.Open().Select(i => i.IsProvisional));
    }

    [Fact]
    public async Task While_several_might_be_the_lost_one_nothing_else_is_created_until_their_results_tell()
    {
        var ended = false;
        LoseTheFirst();
        Provider.OnInfo = batch => ended ? batch.Info(BatchState.Done, "out") : batch.Info(BatchState.Running);
        Provider.Batches["stranger"] = new ScriptedBatch("stranger", "", null, ["{\"custom_id\":\"x\"}"], Provider.CreatedAt);
        RequestKey[] lost = await _fixture.SpoolAsync(1);
        RequestKey[] other = await _fixture.SpoolAsync(1, from: 1);

        await _fixture.RunUntilAsync(() => _fixture.Ledger.Open().Any(i => i.State == IntentState.NeedsHuman) && Provider.CountOf("list") > 20);
        Assert.Equal(1, Provider.CountOf("create"));

        ended = true;
        await _fixture.RunUntilAsync(() => _fixture.Ledger.Open().Count == 0);
        Assert.Equal(2, Provider.CountOf("create"));
        Assert.NotNull(await _fixture.GetAsync(lost[0]));
        Assert.NotNull(await _fixture.GetAsync(other[0]));
    }

    private void LoseTheFirst()
    {
        Provider.OnUpload = _ => null;
        Provider.OnCreated = _ =>
        {
            if (Provider.CountOf("create") == 1)
            {
                throw ScriptedProvider.Error(ErrorClass.Transient, "reset", unknown: true);
            }
        };
    }
}
