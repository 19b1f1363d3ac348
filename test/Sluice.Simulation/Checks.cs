using System.Text;
using Microsoft.Data.Sqlite;
using Sluice.Ledger;
using Sluice.Requests;
using Sluice.Testing;

namespace Sluice.Simulation;

/// <summary>What must hold when everything has come to its end, whatever went wrong before.</summary>
internal sealed class Checks(World world, SimProcess last, int[] wanted)
{
    private const int MaxReadings = 3;

    private readonly Route[] _routes = [.. Enumerable.Range(0, world.Plan.Models).Select(i => new Route(null!, $"m{i}", null))];

    public async Task RunAsync()
    {
        using var database = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = world.LedgerPath, Pooling = false }.ToString());
        await database.OpenAsync();
        var left = Rows(database, "SELECT owner FROM leases").Select(r => $"the lease of {r[0]}").ToList();
        foreach (var row in Rows(database, "SELECT id, state FROM intents"))
        {
            if ((IntentState)(long)row[1] is not (IntentState.Ingested or IntentState.Refused) and var state)
            {
                left.Add($"{world.NameOf((string)row[0])}, {state}");
            }
        }

        foreach (var table in (string[])["claims", "claims_recent"])
        {
            left.AddRange(Rows(database, $"SELECT c.value FROM {table} c LEFT JOIN intents i ON i.row=c.value WHERE i.state IS NULL OR i.state<>{(int)IntentState.Refused}").Select(r => $"a claim of {r[0]}"));
        }

        CheckBatches();
        CheckRequests();
        // Another process may have got an answer after the last one gave up: the ledger knows, the last one does not.
        using var ledger = new LedgerStore(world.LedgerPath, new SimTime(world, last), "0:0@simulated", _ => null);
        var failed = last.Failed.Keys.Select(KeyOf).Where(key => ledger.Find(key).Standing == Standing.Failed).Select(key => key.ToString());
        foreach (var violation in Invariants.Check(FactsOf(left, [.. failed])))
        {
            world.Violate(violation);
        }
    }

    private Facts FactsOf(List<string> left, List<string> failed)
    {
        return new Facts
        {
            Before = [.. world.Cache.Acknowledged.Select(a => new Answer(a.Key.ToString(), a.Value))],
            After = [.. world.Cache.All.Select(a => new Answer(a.Key.ToString(), SimCache.HashOf(a.Value)))],
            Failed = failed,
            Expected = [.. wanted.Select(n => KeyOf(n).ToString())],
            Batches = [.. world.Account.Batches.Select(b => new ProviderBatch(b.Id, b.Intent, b.Fate == Fate.Failed))],
            ReportedTwins = [.. world.Account.Batches.Where(IsReported).Select(b => b.Id)],
            LeftEntries = left,
            LeftFiles = Directory.Exists(world.SpoolFolder) ? [.. Directory.GetFiles(world.SpoolFolder).Select(f => Path.GetFileName(f))] : [],
        };
    }

    private void CheckBatches()
    {
        foreach (var batch in world.Account.Batches)
        {
            // Draws what nobody has looked at.
            world.Jump(batch.EndsAt > world.Now ? batch.EndsAt - world.Now : TimeSpan.Zero);
            _ = batch.Info(last, isList: true);
            if (batch.Fate != Fate.Failed)
            {
                _ = batch.Download(".output", last);
            }

            Expect(batch.Intent is not null || !batch.IsCancelled, $"{batch.Id}, which others made, was cancelled");
        }
    }

    private void CheckRequests()
    {
        foreach (var number in wanted)
        {
            var key = KeyOf(number);
            var isAnswered = world.Cache.Find(key) is not null;
            var kept = world.Account.Executions.GetValueOrDefault(key, []).Where(e => !IsExcused(e, key)).ToList();
            Expect(kept.Count <= 1, $"request {number} was paid for {kept.Count} times: {string.Join(", ", kept.Select(e => e.Batch?.Id ?? $"live by {e.By!.Name}"))}");
            Expect(isAnswered || kept.Count == 0, $"request {number} failed ({last.Failed.GetValueOrDefault(number)}), and {kept.FirstOrDefault()?.Batch?.Id ?? "a live call"} has answered it");
            Expect(isAnswered || MayFail(key), $"request {number} failed without a reason: {last.Failed.GetValueOrDefault(number)}");
        }
    }

    /// <summary>Tells whether an execution is one that the documentation says may be paid for in vain.</summary>
    private bool IsExcused(Execution execution, RequestKey key)
    {
        if (execution.Batch is not { } batch)
        {
            // A live call whose answer never came is made again. A lease that has run out frees its request only where nobody sees that its process lives.
            return execution.IsLost || execution.By!.IsDead || (execution.By.HasLostLease && world.Plan.Host != HostKind.OneNamespace);
        }

        // A line that four readings have not shown counts as a failed try; a second batch is excused by telling of it.
        return batch.Unseen.Any(u => u.Value > MaxReadings && u.Key.EndsWith(key.ToString(), StringComparison.Ordinal))
            || !batch.CustomIds.Any(id => id.EndsWith(key.ToString(), StringComparison.Ordinal))
            || IsReported(batch);
    }

    private bool MayFail(RequestKey key)
    {
        var id = key.ToString();
        var (times, final) = world.Account.Failures.GetValueOrDefault(key);
        var batches = world.Account.Batches.Where(b => b.CustomIds.Any(c => c.EndsWith(id, StringComparison.Ordinal))).ToList();
        var unseen = batches.Count(b => b.Unseen.Any(u => u.Value > MaxReadings && u.Key.EndsWith(id, StringComparison.Ordinal)));
        var refused = batches.Where(b => b.Fate == Fate.Failed).ToList();
        return final || times + unseen >= Stage.MaxAttempts || refused.Exists(b => b.Error!.Class == Providers.ErrorClass.Permanent) || refused.Count >= 5 || world.Plan.LiveShare > 0;
    }

    private RequestKey KeyOf(int number) => Stage.RequestOf(number, _routes, world.Account.Dialect).Key;

    private bool IsReported(SimBatch batch) =>
        world.Remarks.Exists(r => r.StartsWith($"batch {batch.Id} was made twice", StringComparison.Ordinal));

    private void Expect(bool holds, string otherwise)
    {
        if (!holds)
        {
            world.Violate(otherwise);
        }
    }

    private static List<object[]> Rows(SqliteConnection database, string sql)
    {
        using var command = database.CreateCommand();
#pragma warning disable CA2100 // The texts are the ones above.
        command.CommandText = sql;
#pragma warning restore CA2100
        using var reader = command.ExecuteReader();
        var rows = new List<object[]>();
        while (reader.Read())
        {
            var row = new object[reader.FieldCount];
            reader.GetValues(row);
            rows.Add(row);
        }

        return rows;
    }
}
