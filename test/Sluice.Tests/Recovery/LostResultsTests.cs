using Sluice.Caching;
using Sluice.Ledger;
using Sluice.Recovery;
using Sluice.Requests;
using Sluice.Sweeps;
using Sluice.Tests.Dispatch;

namespace Sluice.Tests.Recovery;

/// <summary>Which finished results, and which batches of manifests, count as all that is left of paid answers.</summary>
public sealed class LostResultsTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-lost-").FullName;

    private static CancellationToken Token => TestContext.Current.CancellationToken;

    private Workspace Workspace => new(_folder);

    public async ValueTask DisposeAsync()
    {
        await _fixture.DisposeAsync();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task An_answer_that_an_open_batch_will_bring_is_not_lost()
    {
        await _fixture.SpoolAsync(1);
        await _fixture.PutAsync(_fixture.Request(1).Key);
        Results(_fixture.Request(0).Key, _fixture.Request(1).Key);
        Assert.Empty(await FindAsync());

        Results(_fixture.Request(0).Key, _fixture.Request(1).Key, _fixture.Request(2).Key);
        Assert.Equal("runs/s has 1 finished result whose answers the cache has lost", Assert.Single(await FindAsync()).Loss.Problem);
    }

    [Theory]
    [InlineData("", true)]
    [InlineData("cache: { write: true, backend: redis }", true)]
    [InlineData("cache: { expiry: 7d }", true)]
    [InlineData("cache: { not_before: 2026-11-01 }", true)]
    [InlineData("cache: { expiry: null, backend: redis }", true)]
    [InlineData("cache: { expiry: 7d, backend: redis }", false)]
    [InlineData("cache: { write: false }", false)]
    [InlineData("cache: { backend: memory }", false)]
    public async Task Only_answers_that_the_store_keeps_are_missed(string config, bool isMissed)
    {
        Results(_fixture.Request(0).Key);
        await File.WriteAllTextAsync(Path.Combine(_folder, "runs/s/one/config.yaml"), config, Token);

        Assert.Equal(isMissed ? 1 : 0, (await FindAsync()).Count);
        _fixture.Ledger.ForgetResults([("s", "one")]);
        Assert.Empty(await FindAsync());
    }

    [Fact]
    public void Another_batch_in_doubt_does_not_hide_one_that_only_a_manifest_knows()
    {
        _fixture.Ledger.MissBatches("s", ["batch_1"]);
        Restore(_fixture.Request(0).Key, 'a', isRestored: false);
        Assert.Equal(["batch_1"], LostResults.MissedBatches(Workspace, "s", _fixture.Ledger));

        // What a spool was left of is looked for, and may be found to be that one.
        Restore(_fixture.Request(1).Key, 'b', isRestored: true);
        Assert.Empty(LostResults.MissedBatches(Workspace, "s", _fixture.Ledger));
    }

    [Fact]
    public async Task Doctor_does_not_call_lost_what_waits_for_the_cache()
    {
        Results(_fixture.Request(0).Key);
        var waiting = Path.Combine(Workspace.CacheAwayFolder, "0123456789abcdef0123456789abcdef");
        Directory.CreateDirectory(waiting);
        using (var ledger = new LedgerStore(Workspace.LedgerPath, _fixture.Time))
        {
            Restore(_fixture.Request(5).Key, 'a', isRestored: false, ledger);
        }

        await using (var cache = new SqliteResponseCache(Workspace.CachePath, _fixture.Time))
        {
            await cache.PutAsync([new CacheEntry(_fixture.Request(9).Key, "{}"u8.ToArray(), new TokenUsage(1, 1)) { Origin = new ResponseOrigin("p", "m", "b") }], cancellationToken: Token);
        }

        Assert.DoesNotContain(await new Doctor(Workspace, _fixture.Time).ExamineAsync(repair: false, cancellationToken: Token), f => f.Problem.StartsWith("runs/s", StringComparison.Ordinal));

        Directory.Delete(waiting);
        Assert.Contains(await new Doctor(Workspace, _fixture.Time).ExamineAsync(repair: false, cancellationToken: Token), f => f.Problem.StartsWith("runs/s has 1 finished result", StringComparison.Ordinal));
    }

    private Task<IReadOnlyList<(string Sweep, Loss Loss)>> FindAsync() => LostResults.FindAsync(Workspace, _fixture.Ledger, _fixture.Cache, isExact: true, Token);

    /// <summary>Writes finished results that rest on answers.</summary>
    private void Results(params RequestKey[] keys)
    {
        var folder = Path.Combine(_folder, "runs/s/one");
        Directory.CreateDirectory(folder);
        File.WriteAllText(Path.Combine(_folder, "runs/s/manifest.json"), """{"version":1,"sweep":"s","state":"done","experiments":[{"name":"one","batches":[]}]}""");
        File.WriteAllText(Path.Combine(folder, "config.yaml"), "name: one\n");
        File.WriteAllLines(Path.Combine(folder, "results.jsonl"), keys.Select(key => $$$$"""{"status":"done","steps":{"answer":{"key":"{{{{key}}}}"}}}"""));
    }

    private void Restore(RequestKey key, char id, bool isRestored, LedgerStore? ledger = null) => (ledger ?? _fixture.Ledger).Restore(
        new Intent
        {
            Row = 0, Id = new string(id, 20), Provider = _fixture.Provider.Reference, Account = _fixture.Provider.Account, Model = "m", State = IntentState.Unknown, Owner = "",
            Count = 1, CreatedAt = _fixture.Time.GetUtcNow(), IsRestored = isRestored,
        },
        [key]);
}
