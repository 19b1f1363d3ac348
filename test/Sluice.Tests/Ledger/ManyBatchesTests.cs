using Microsoft.Data.Sqlite;
using Microsoft.Extensions.Time.Testing;
using Sluice.Ledger;
using Sluice.Storage;
using Sluice.Tests.Dispatch;

namespace Sluice.Tests.Ledger;

/// <summary>What is asked once per batch must not cost more the more batches there are.</summary>
public sealed class ManyBatchesTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("sluice-many-").FullName;
    private readonly FakeTimeProvider _time = new();
    private readonly ScriptedProvider _provider = new();
    private readonly List<LedgerStore> _others = [];
    private readonly LedgerStore _ledger;

    public ManyBatchesTests() => _ledger = new LedgerStore(LedgerPath, _time);

    private string LedgerPath => Path.Combine(_folder, "ledger.db");

    public void Dispose()
    {
        _others.ForEach(o => o.Dispose());
        _ledger.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Theory]
    [InlineData("DELETE FROM claims WHERE value=1")]
    [InlineData("DELETE FROM claims_recent WHERE value=1")]
    [InlineData("DELETE FROM failures WHERE intent=1 AND intent<>0")]
    [InlineData("UPDATE failures SET intent=0 WHERE intent=1 AND intent<>0")]
    [InlineData("SELECT row FROM intents WHERE account='a' AND state=4 AND state NOT IN (5, 6) ORDER BY row")]
    [InlineData("SELECT 1 FROM intents WHERE batch_id='b' AND account='a'")]
    [InlineData("SELECT 1 FROM intents other WHERE other.account='a' AND other.state IN (3, 7, 8) AND other.state NOT IN (5, 6)")]
    [InlineData("SELECT min(account) FROM intents WHERE state NOT IN (5, 6)")]
    public void A_question_that_is_asked_for_each_batch_has_an_index(string sql)
    {
        using var connection = SqliteStore.OpenForReading(LedgerPath);
        using var plan = new Statement(connection, "EXPLAIN QUERY PLAN " + sql);
        var steps = new List<string>();
        while (plan.Step())
        {
            steps.Add(plan.Text(3)!);
        }

        Assert.All(steps.Where(step => !step.StartsWith("USE TEMP", StringComparison.Ordinal)), step => Assert.Contains(" INDEX ", step, StringComparison.Ordinal));
    }

    [Fact]
    public void Accounts_and_models_with_work_are_each_told_once()
    {
        foreach (string model in (string[])["m2", "m1", "m2", "m3"])
        {
            Seal(model);
        }

        _ledger.MarkUploaded(Seal("m4"), "file");
        _ledger.Begin(new ScriptedProvider { Account = "another" }, "m9");
        _ledger.Begin(new ScriptedProvider { Account = "a third" }, "m9");

        Assert.Equal(["a third", "another", _provider.Account], _ledger.OpenAccounts());
        Assert.Equal(["m4", "m1", "m2", "m3"], _ledger.ModelsToSend(_provider.Account));
        Assert.Empty(_ledger.ModelsToSend("another"));
        Assert.Equal(5, _ledger.Open(_provider.Account).Count);
        Assert.Equal(7, _ledger.OpenStates().Count);
    }

    [Fact]
    public void The_oldest_unsent_batch_of_the_models_is_taken_that_no_living_process_has()
    {
        Intent theirs = SealAs("1:1@elsewhere", "m1");
        Intent held = Seal("held");
        Intent first = Seal("m1");
        Intent second = Seal("m2");
        Assert.Equal(first.Row, _ledger.TryOwnUnsent(_provider.Account, ["m2", "m1"])!.Row);

        _ledger.MarkCreating(_ledger.MarkUploaded(first, null));
        Assert.Equal(second.Row, _ledger.TryOwnUnsent(_provider.Account, ["m2", "m1"])!.Row);
        Assert.Null(_ledger.TryOwnUnsent(_provider.Account, ["m1"]));
        Assert.Equal(held.Row, _ledger.TryOwnUnsent(_provider.Account, ["held"])!.Row);

        // The other process has shown no sign of life for too long.
        _time.Advance(LedgerStore.LeaseTime * 2);
        _ledger.RenewLease();
        Assert.Equal((theirs.Row, theirs.Fence + 1), _ledger.TryOwnUnsent(_provider.Account, ["m1"]) is { } mine ? (mine.Row, mine.Fence) : default);
    }

    [Fact]
    public void Refused_batches_of_an_intent_are_rows_of_their_own_and_go_with_it()
    {
        Intent intent = Seal("m");
        for (int i = 0; i < 300; i++)
        {
            intent = _ledger.MarkNotCreated(_ledger.MarkSubmitted(_ledger.MarkCreating(intent)!, $"batch_{i}"), "no room");
        }

        Assert.True(_ledger.IsRejected(intent, "batch_0") && _ledger.IsRejected(intent, "batch_299") && !_ledger.IsRejected(intent, "batch_300"));
        Assert.Equal(300, Number("SELECT count(*) FROM rejected"));
        Assert.Equal((300, 0), (intent.Attempt, intent.LostCreates));

        _ledger.MarkIngested(_ledger.MarkSubmitted(_ledger.MarkCreating(intent)!, "batch_300"), default, 0, 0);
        Assert.Equal(0, Number("SELECT count(*) FROM rejected"));
    }

    [Fact]
    public void A_ledger_of_the_schema_before_opens_and_keeps_what_it_knew()
    {
        string path = Path.Combine(_folder, "old.db");
        using (SqliteConnection old = SqliteStore.Open(path, pageSize: 8192, cacheKib: 512, walPages: 1000))
        {
            SqliteStore.Migrate(old, path, LedgerStore.Schema[..2]);
            SqliteStore.Execute(old, """
                INSERT INTO intents(id, provider, api, account, model, state, owner, created, attempt, rejected) VALUES
                    ('a', 'scripted', 'chat', 'x', 'm', 1, '', 0, 4, 'b1 b2'), ('b', 'scripted', 'chat', 'x', 'm', 2, '', 0, 1, NULL), ('c', 'scripted', 'chat', 'x', 'm', 5, '', 0, 2, 'b3');
                INSERT INTO claims VALUES(7, 1); INSERT INTO claims_recent VALUES(8, 2);
                """);
        }

        using var ledger = new LedgerStore(path, _time);
        Intent first = ledger.Open().First();
        Assert.Equal(["a", "b"], ledger.Open().Select(i => i.Id));
        Assert.True(ledger.IsRejected(first, "b1") && ledger.IsRejected(first, "b2"));
        // Four create calls, two of them refused, the last one perhaps: one may have been lost.
        Assert.Equal([1, 0], ledger.Open().Select(i => i.LostCreates));
        Assert.Equal("x", Assert.Single(ledger.OpenAccounts()));
    }

    private Intent Seal(string model) => Seal(_ledger, model);

    private Intent Seal(LedgerStore ledger, string model) => ledger.Seal(ledger.Begin(_provider, model), 1, 10);

    private Intent SealAs(string owner, string model)
    {
        var other = new LedgerStore(LedgerPath, _time, owner, _ => true);
        Intent intent = Seal(other, model);
        // It is not disposed here: that would give its lease back.
        _others.Add(other);
        return intent;
    }

    private long Number(string sql)
    {
        using SqliteConnection connection = SqliteStore.OpenForReading(LedgerPath);
        using var query = new Statement(connection, sql);
        query.Step();
        return query.Integer(0);
    }
}
