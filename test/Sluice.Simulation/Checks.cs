using System.Text;
using Microsoft.Data.Sqlite;
using Sluice.Ledger;
using Sluice.Requests;

namespace Sluice.Simulation;

/// <summary>What must hold when everything has come to its end, whatever went wrong before.</summary>
internal sealed class Checks(World world, SimProcess last, int[] wanted)
{
    public async Task RunAsync()
    {
        using var database = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = world.LedgerPath, Pooling = false }.ToString());
        await database.OpenAsync();
        var settled = new Dictionary<string, string?>();
        foreach (var row in Rows(database, "SELECT id, batch_id, state FROM intents"))
        {
            settled[(string)row[0]] = row[1] as string;
            Expect((long)row[2] is (long)IntentState.Ingested or (long)IntentState.Refused, $"{world.NameOf((string)row[0])} is still open, in state {row[2]}");
        }

        foreach (var table in (string[])["claims", "claims_recent"])
        {
            Expect(Rows(database, $"SELECT c.value FROM {table} c LEFT JOIN intents i ON i.row=c.value WHERE i.state IS NULL OR i.state<>6").Count == 0, $"claims are left in {table}");
        }

        Expect(Rows(database, "SELECT owner FROM leases").Count == 0, "leases are left");
        Expect(!Directory.Exists(world.SpoolFolder) || Directory.GetFiles(world.SpoolFolder).Length == 0, "spool files are left");
        CheckBatches(settled);
        CheckRequests(settled);
    }

    private void CheckBatches(Dictionary<string, string?> settled)
    {
        foreach (var batch in world.Account.Batches)
        {
            // Draws what nobody has looked at.
            world.Jump(batch.EndsAt > world.Now ? batch.EndsAt - world.Now : TimeSpan.Zero);
            _ = batch.Info(last, isList: true);
            if (batch.Fate != Fate.Failed)
            {
                _ = batch.Download("/output", last);
            }

            Expect(batch.Intent is not null || !batch.IsCancelled, $"{batch.Id}, which others made, was cancelled");
        }

        foreach (var (intent, id) in settled)
        {
            var made = world.Account.Batches.Where(b => b.Intent == intent && b.Fate != Fate.Failed).ToList();
            foreach (var twin in made.Where(b => made.Count > 1 && b.Id != id))
            {
                Expect(IsReported(twin), $"{twin.Id} was made for {world.NameOf(intent)} beside {id}, and nobody was told");
            }
        }
    }

    private void CheckRequests(Dictionary<string, string?> settled)
    {
        var routes = Enumerable.Range(0, world.Plan.Models).Select(i => new Route(null!, $"m{i}", null)).ToArray();
        foreach (var number in wanted)
        {
            var key = Stage.RequestOf(number, routes, world.Account.Dialect).Key;
            var isAnswered = world.Cache.Find(key) is not null;
            Expect(isAnswered || !world.Cache.Acknowledged.Contains(key), $"request {number}: its answer was stored, and is gone");
            Expect(isAnswered || last.Failed.ContainsKey(number), $"request {number} is neither answered nor failed");
            Expect(!isAnswered || !last.Failed.ContainsKey(number), $"request {number} is said to have failed ({last.Failed.GetValueOrDefault(number)}), and is answered");
            var kept = world.Account.Executions.GetValueOrDefault(key, []).Where(e => !IsExcused(e, key, settled)).ToList();
            Expect(kept.Count <= 1, $"request {number} was paid for {kept.Count} times: {string.Join(", ", kept.Select(e => e.Batch?.Id ?? $"live by {e.By!.Name}"))}");
            Expect(isAnswered || kept.Count == 0, $"request {number} failed ({last.Failed.GetValueOrDefault(number)}), and {kept.FirstOrDefault()?.Batch?.Id ?? "a live call"} has answered it");
            Expect(isAnswered || MayFail(key), $"request {number} failed without a reason: {last.Failed.GetValueOrDefault(number)}");
        }
    }

    /// <summary>Tells whether an execution is one that the documentation says may be paid for in vain.</summary>
    private bool IsExcused(Execution execution, RequestKey key, Dictionary<string, string?> settled)
    {
        if (execution.Batch is not { } batch)
        {
            // A live call whose answer never came is made again; a dead lease frees its request.
            return execution.IsLost || execution.By!.IsDead || execution.By.HasLostLease;
        }

        // A line that four readings have not shown counts as a failed try; a second batch is excused by telling of it.
        return batch.Unseen.Any(u => u.Value > MaxReadings && u.Key.CustomId.EndsWith(key.ToString(), StringComparison.Ordinal))
            || !batch.CustomIds.Any(id => id.EndsWith(key.ToString(), StringComparison.Ordinal))
            || IsReported(batch);
    }

    private const int MaxReadings = 3;

    private bool MayFail(RequestKey key)
    {
        var id = key.ToString();
        var (times, final) = world.Account.Failures.GetValueOrDefault(key);
        var batches = world.Account.Batches.Where(b => b.CustomIds.Any(c => c.EndsWith(id, StringComparison.Ordinal))).ToList();
        var unseen = batches.Count(b => b.Unseen.Any(u => u.Value > MaxReadings && u.Key.CustomId.EndsWith(id, StringComparison.Ordinal)));
        var refused = batches.Where(b => b.Fate == Fate.Failed).ToList();
        return final || times + unseen >= Stage.MaxAttempts || refused.Exists(b => b.Error!.Class == Providers.ErrorClass.Permanent) || refused.Count >= 5 || world.Plan.LiveShare > 0;
    }

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
