using System.Text;
using Sluice.Caching;
using Sluice.Dispatch;
using Sluice.Dispatch.Batch;
using Sluice.Ledger;
using Sluice.Providers;
using Sluice.Requests;

namespace Sluice.Tests.Dispatch.Batch;

/// <summary>What keeps one batch from its end is noted on that batch; the others go on.</summary>
public sealed class StuckBatchTests : IAsyncDisposable
{
    private readonly DispatchFixture _fixture = new();

    private ScriptedProvider Provider => _fixture.Provider;

    private bool AllSettled => _fixture.Ledger.Open().Count == 0;

    public ValueTask DisposeAsync() => _fixture.DisposeAsync();

    [Theory]
    [InlineData("{\"version\":1,\"int")]
    [InlineData("[]")]
    [InlineData("null")]
    [InlineData("{\"crc32c\":\"x\",\"store_requests\":7}")]
    [InlineData("")]
    public async Task A_damaged_description_of_a_spool_costs_no_answer(string description)
    {
        Provider.OnGet = batch =>
        {
            File.WriteAllText(Path.Combine(_fixture.SpoolFolder, batch.Intent + ".json"), description);
            return batch.Info(BatchState.Done, "out");
        };
        RequestKey[] keys = await _fixture.SpoolAsync(2);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.NotNull(await _fixture.GetAsync(keys[0]));
        Assert.Empty(Directory.GetFiles(_fixture.SpoolFolder));
    }

    [Theory]
    [InlineData("{\"version\":1,\"int")]
    [InlineData("[]")]
    [InlineData("{\"crc32c\":\"x\"}")]
    public async Task An_unsent_batch_whose_spool_cannot_be_trusted_is_dropped_and_the_others_are_sent(string description)
    {
        RequestKey[] odd = await _fixture.SpoolAsync(2);
        Intent bad = _fixture.Ledger.Open().Single();
        await File.WriteAllTextAsync(Path.Combine(_fixture.SpoolFolder, bad.Id + ".json"), description, TestContext.Current.CancellationToken);
        RequestKey[] good = await _fixture.SpoolAsync(2, from: 10);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.All(odd, key => Assert.Equal(Standing.New, _fixture.Ledger.Find(key).Standing));
        Assert.NotNull(await _fixture.GetAsync(good[0]));
        Assert.Equal(1, Provider.CountOf("create"));
        Assert.Contains(_fixture.Events.OfType<Remark>(), r => r.Text.Contains(bad.Id, StringComparison.Ordinal) && r.Text.EndsWith("its requests are planned again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_error_of_one_batch_is_noted_on_it_and_the_others_are_collected()
    {
        Provider.OnGet = batch => batch.Id == "batch-0" ? throw new InvalidOperationException("a state without a name") : batch.Info(BatchState.Done, "out");
        await _fixture.SpoolAsync(2);
        RequestKey[] good = await _fixture.SpoolAsync(2, from: 10);

        await _fixture.RunUntilAsync(() => _fixture.Events.OfType<BatchSettled>().Any() && Provider.CountOf("get") > 12);

        Assert.NotNull(await _fixture.GetAsync(good[0]));
        Intent stuck = Assert.Single(_fixture.Ledger.Open());
        Assert.Contains("a state without a name", stuck.Note, StringComparison.Ordinal);
        Assert.NotNull(stuck.TroubleSince);
        Assert.Contains(_fixture.Events.OfType<Remark>(), r => r.Text.Contains("sluice resend batch-0", StringComparison.Ordinal));
    }

    [Fact]
    public async Task An_odd_answer_to_an_upload_stops_no_other_batch()
    {
        int uploads = 0;
        Provider.OnUpload = spool => ++uploads <= 2 ? throw new FormatException("no id in the answer") : $"file-{uploads}";
        await _fixture.SpoolAsync(1);
        await _fixture.SpoolAsync(1, from: 10);

        await _fixture.RunUntilAsync(() => AllSettled);

        Assert.Equal(2, Provider.CountOf("create"));
        Assert.Contains(_fixture.Events.OfType<Remark>(), r => r.Text.Contains("no id in the answer", StringComparison.Ordinal));
    }

    [Fact]
    public async Task Since_when_a_batch_cannot_be_looked_at_is_kept_over_commands_and_forgotten_when_it_can()
    {
        bool gone = true;
        Provider.OnGet = batch => gone ? throw ScriptedProvider.Error(ErrorClass.Permanent, "No batch found", status: 404) : batch.Info(BatchState.Running);
        await _fixture.SpoolAsync(1);
        await _fixture.RunUntilAsync(() => Provider.CountOf("get") > 1);
        DateTimeOffset since = _fixture.Ledger.Open().Single().TroubleSince!.Value;

        await _fixture.RunUntilAsync(() => Provider.CountOf("get") > 20);
        Assert.Equal(since, _fixture.Ledger.Open().Single().TroubleSince);
        Assert.Contains("No batch found", _fixture.Ledger.Open().Single().Note, StringComparison.Ordinal);

        gone = false;
        int looks = Provider.CountOf("get");
        await _fixture.RunUntilAsync(() => Provider.CountOf("get") > looks + 1);
        Assert.Equal((null, null), (_fixture.Ledger.Open().Single().Note, _fixture.Ledger.Open().Single().TroubleSince));
    }

    [Fact]
    public async Task A_batch_that_stays_in_cancelling_says_so()
    {
        Provider.OnGet = batch => batch.Info(BatchState.Cancelling);
        await _fixture.SpoolAsync(1);

        await _fixture.RunUntilAsync(() => Provider.CountOf("get") > 5);

        Assert.Contains("cancelling", _fixture.Ledger.Open().Single().Note, StringComparison.Ordinal);
        Assert.NotNull(_fixture.Ledger.Open().Single().TroubleSince);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_refusal_to_show_one_batch_is_its_own_trouble_unless_the_list_is_refused_as_well(bool isKey)
    {
        Provider.OnGet = batch => batch.Id == "batch-0" || isKey ? throw ScriptedProvider.Error(ErrorClass.Credentials, "no permission", status: 403) : batch.Info(BatchState.Done, "out");
        Provider.OnList = () => _ = isKey ? throw ScriptedProvider.Error(ErrorClass.Credentials, "no permission", status: 403) : 0;
        await _fixture.SpoolAsync(1);
        RequestKey[] keys = await _fixture.SpoolAsync(1, from: 1);

        if (isKey)
        {
            SluiceException error = await Assert.ThrowsAsync<SluiceException>(() => _fixture.RunUntilAsync(() => AllSettled));
            Assert.Equal(ErrorKind.Credentials, error.Kind);
            return;
        }

        await _fixture.RunUntilAsync(() => _fixture.Ledger.Open().Count == 1);
        Assert.NotNull(await _fixture.GetAsync(keys[0]));
        await _fixture.RunUntilAsync(() => _fixture.Ledger.Open().Single().Note is { } note && note.Contains("answers 403", StringComparison.Ordinal));
    }

    [Fact]
    public async Task The_account_that_has_made_a_batch_is_known_until_another_key_has_shown_it()
    {
        Provider.OnGet = batch => batch.Info(BatchState.Running);
        await _fixture.SpoolAsync(1);
        await _fixture.RunUntilAsync(() => Provider.CountOf("get") > 0);
        bool isOfOneProject = false;
        var other = new ScriptedProvider { Account = "scripted@here#1" };
        other.OnGet = batch => isOfOneProject ? batch.Info(BatchState.Running) : throw ScriptedProvider.Error(ErrorClass.Permanent, "No batch found", status: 404);
        foreach (var (id, batch) in Provider.Batches)
        {
            other.Batches[id] = batch;
        }

        await _fixture.RunUntilAsync(() => other.CountOf("get") > 1, _fixture.Engine(provider: other));
        Intent moved = _fixture.Ledger.Open().Single();
        Assert.Equal((other.Account, Provider.Account), (moved.Account, moved.HomeAccount));
        Assert.Contains("made with another key or address (scripted@here#0)", moved.Note, StringComparison.Ordinal);
        Assert.NotNull(AccountTrouble.StrangerTo(moved, other));
        Assert.Null(AccountTrouble.StrangerTo(moved, Provider));

        isOfOneProject = true;
        int looks = other.CountOf("get");
        await _fixture.RunUntilAsync(() => other.CountOf("get") > looks + 1, _fixture.Engine(provider: other));
        Intent seen = _fixture.Ledger.Open().Single();
        Assert.Equal((other.Account, null, null), (seen.Account, seen.HomeAccount, seen.Note));
        Assert.Null(AccountTrouble.StrangerTo(seen, other));
    }

    [Fact]
    public async Task A_batch_that_goes_to_another_key_and_back_is_at_home_again()
    {
        Provider.OnGet = batch => batch.Info(BatchState.Running);
        await _fixture.SpoolAsync(1);
        await _fixture.RunUntilAsync(() => Provider.CountOf("get") > 0);

        Assert.True(_fixture.Ledger.TryMove(_fixture.Ledger.Open().Single(), "scripted@here#1"));
        Assert.True(_fixture.Ledger.TryMove(_fixture.Ledger.Open().Single(), "scripted@here#2"));
        Assert.Equal(Provider.Account, _fixture.Ledger.Open().Single().HomeAccount);
        Assert.True(_fixture.Ledger.TryMove(_fixture.Ledger.Open().Single(), Provider.Account));

        Assert.Null(_fixture.Ledger.Open().Single().HomeAccount);
    }

    [Fact]
    public async Task A_batch_that_is_given_up_frees_its_requests_and_stays_known()
    {
        Provider.OnGet = batch => batch.Info(BatchState.Running);
        RequestKey[] keys = await _fixture.SpoolAsync(2);
        await _fixture.RunUntilAsync(() => Provider.CountOf("get") > 0);
        Intent intent = _fixture.Ledger.Open().Single();
        using LedgerStore people = _fixture.OpenLedger("2:2@people");

        Intent mine = people.Overrule(intent, evenSubmitted: true)!;
        Assert.True(people.GiveUp(mine, "given up"));
        Assert.False(people.GiveUp(mine, "given up"));

        Assert.Empty(_fixture.Ledger.Open());
        Assert.All(keys, key => Assert.Equal(Standing.New, _fixture.Ledger.Find(key).Standing));
        Assert.True(_fixture.Ledger.IsTaken(intent.Account, intent.BatchId!));
        Assert.Equal((0, "given up"), (_fixture.Ledger.AnsweredBatches(), _fixture.Ledger.Get(intent.Row)!.Note));
        // The process that had watched it lets go.
        Assert.Throws<LostIntentException>(() => _fixture.Ledger.Remark(intent, "late"));
    }

    [Fact]
    public async Task Missing_lines_are_accepted_after_readings_in_several_commands()
    {
        Provider.OnOpen = (batch, _) => ScriptedBatch.Answer(batch.CustomIds.First());
        RequestKey[] keys = await _fixture.SpoolAsync(2);
        await _fixture.RunUntilAsync(() => Provider.CountOf("create") == 1);

        int commands = 0;
        for (; !AllSettled; commands++)
        {
            Assert.True(commands < 10, "it is never closed");
            await LookOnceAsync();
            _fixture.Time.Advance(TimeSpan.FromMinutes(10));
        }

        // The command that created it may have read it, too.
        Assert.True(commands < 6, $"{commands} commands");
        Assert.Equal(1, _fixture.Ledger.Find(keys[1]).Attempts);
    }

    [Fact]
    public async Task Readings_that_follow_each_other_at_once_count_as_one()
    {
        await _fixture.SpoolAsync(1);
        Intent intent = _fixture.Ledger.MarkSubmitted(_fixture.Ledger.MarkCreating(_fixture.Ledger.Open().Single())!, "b");
        TimeSpan gap = TimeSpan.FromSeconds(10);
        int[] counts = [.. new[] { 0, 0, 9, 1, 5, 5, -20, 0 }.Select(seconds =>
        {
            _fixture.Time.AdjustTime(_fixture.Time.GetUtcNow() + TimeSpan.FromSeconds(seconds));
            return _fixture.Ledger.CountReading(intent, gap).Readings;
        })];

        // A clock that is set back does not keep it from counting.
        Assert.Equal([1, 1, 1, 2, 2, 3, 4, 4], counts);
        Assert.Equal(0, _fixture.Ledger.MarkSubmitted(intent, "b2").Readings);
    }

    [Fact]
    public async Task The_wait_for_room_grows_on_while_another_batch_of_the_model_runs()
    {
        Provider.OnGet = batch => batch.Id == "batch-0"
            ? batch.Info(BatchState.Running)
            : batch.Info(BatchState.Failed) with { Error = new RequestError(ErrorClass.RateLimited, "token_limit_exceeded", "Enqueued token limit reached") };
        await _fixture.SpoolAsync(1);
        await _fixture.SpoolAsync(1, from: 10);
        DateTimeOffset began = _fixture.Time.GetUtcNow();

        await _fixture.RunUntilAsync(() => _fixture.Time.GetUtcNow() - began > TimeSpan.FromHours(1));

        // 10, 20, 40, 80, 160, 300, 300 ... seconds: not every ten.
        Assert.InRange(Provider.CountOf("create"), 8, 20);
    }

    [Fact]
    public async Task A_batch_that_got_past_validation_after_the_wait_began_ends_it()
    {
        var time = new Microsoft.Extensions.Time.Testing.FakeTimeProvider();
        var holds = new ModelHolds(time);
        await _fixture.SpoolAsync(1);
        Intent before = _fixture.Ledger.Open().Single() with { CreateStartedAt = time.GetUtcNow() };
        time.Advance(TimeSpan.FromSeconds(1));
        holds.Hold(before, Provider, null);
        holds.LetGoAfter(before);
        Assert.True(holds.Until("m") > time.GetUtcNow());

        time.Advance(TimeSpan.FromSeconds(20));
        Assert.Equal(TimeSpan.FromSeconds(20), holds.Hold(before, Provider, null));
        holds.TryAgain(before);
        Assert.True(holds.Until("m") <= time.GetUtcNow());
        Assert.Equal(TimeSpan.FromSeconds(40), holds.Hold(before, Provider, null));

        holds.LetGoAfter(before with { CreateStartedAt = time.GetUtcNow() + TimeSpan.FromSeconds(41) });
        Assert.Equal(TimeSpan.FromSeconds(10), holds.Hold(before, Provider, null));
    }

    [Fact]
    public async Task A_batch_that_another_process_takes_over_while_it_is_closed_is_left_to_that_one()
    {
        foreach (RequestKey key in await _fixture.SpoolAsync(2))
        {
            await _fixture.PutAsync(key);
        }

        Intent settled = _fixture.Ledger.Open().Single();
        using LedgerStore rival = _fixture.OpenRival();
        var cache = new SyncedCache(_fixture.Cache, () => Assert.NotNull(rival.TryOwn(settled)));
        var engine = new BatchEngine(new BatchContext(_fixture.Ledger, cache, Provider.Registry(), _fixture.SpoolFolder, _fixture.Time, _fixture.Events.Enqueue));
        Task looked = engine.LookedAtAllAsync(TestContext.Current.CancellationToken);
        await _fixture.RunUntilAsync(() => looked.IsCompleted, engine, submit: false);

        await engine.CloseSettledAsync(TestContext.Current.CancellationToken);

        Assert.Equal(1, cache.Syncs);
        Intent theirs = Assert.Single(_fixture.Ledger.Open());
        Assert.Equal((IntentState.Sealed, settled.Fence + 1), (theirs.State, theirs.Fence));
        Assert.True(File.Exists(Spool.PathOf(_fixture.SpoolFolder, settled.Id)));
    }

    /// <summary>A cache that does something while it is synced.</summary>
    private sealed class SyncedCache(IResponseCache inner, Action onSync) : IResponseCache
    {
        public int Syncs { get; private set; }

        public ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, Memory<CachedResponse?> responses, DateTimeOffset notBefore = default, CancellationToken cancellationToken = default) =>
            inner.GetAsync(keys, responses, notBefore, cancellationToken);

        public ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore = default, CancellationToken cancellationToken = default) =>
            inner.PutAsync(entries, replacedBefore, cancellationToken);

        public ValueTask<bool> IsEmptyAsync(CancellationToken cancellationToken = default) => inner.IsEmptyAsync(cancellationToken);

        public ValueTask SyncAsync(CancellationToken cancellationToken = default)
        {
            Syncs++;
            onSync();
            return inner.SyncAsync(cancellationToken);
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }

    /// <summary>Gives every submitted batch one look, as <c>retrieve</c> without <c>--wait</c> does.</summary>
    private async Task LookOnceAsync()
    {
        BatchEngine engine = _fixture.Engine();
        Task looked = engine.LookedAtAllAsync(TestContext.Current.CancellationToken);
        await _fixture.RunUntilAsync(() => looked.IsCompleted, engine, submit: false);
    }
}
