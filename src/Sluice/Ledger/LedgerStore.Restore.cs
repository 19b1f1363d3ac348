using Sluice.Requests;

namespace Sluice.Ledger;

/// <content>Taking intents in that another, lost ledger had.</content>
public sealed partial class LedgerStore
{
    /// <summary>Tells whether nothing was ever sent by way of this ledger: it is new, or one that was lost has been made anew.</summary>
    public bool IsBlank() => Look(() => Number(
        "SELECT EXISTS(SELECT 1 FROM intents) OR EXISTS(SELECT 1 FROM failures) OR EXISTS(SELECT 1 FROM model_usage) OR EXISTS(SELECT 1 FROM claims) OR EXISTS(SELECT 1 FROM claims_recent)", static s => s)) == 0;

    /// <summary>Tells whether the answers of an experiment's results are not missed: people have deleted or forgotten them, or they were never kept.</summary>
    public bool AreForgotten(string sweep, string experiment) => Look(() =>
        Number("SELECT EXISTS(SELECT 1 FROM forgotten_results WHERE sweep=?1 AND experiment=?2)", s => s.Bind(1, sweep).Bind(2, experiment))) == 1;

    /// <summary>Notes of experiments that the answers of their results are not missed.</summary>
    public void ForgetResults(IReadOnlyCollection<(string Sweep, string Experiment)> results)
    {
        ArgumentNullException.ThrowIfNull(results);
        if (results.Any(r => !AreForgotten(r.Sweep, r.Experiment)))
        {
            Write("forget-results", durable: true, () =>
            {
                foreach (var (sweep, experiment) in results)
                {
                    Sql("INSERT OR IGNORE INTO forgotten_results(sweep, experiment) VALUES(?1, ?2)").Bind(1, sweep).Bind(2, experiment).Run();
                }

                return 0;
            });
        }
    }

    /// <summary>Notes that the cache has the answers of all of an experiment's results: from now on they are missed when they are gone.</summary>
    public void TrustResults(string sweep, string experiment)
    {
        if (AreForgotten(sweep, experiment))
        {
            Write("trust-results", durable: false, () => Sql("DELETE FROM forgotten_results WHERE sweep=?1 AND experiment=?2").Bind(1, sweep).Bind(2, experiment).Run());
        }
    }

    /// <summary>Remembers batches that a sweep waits for by its manifest: the ledger that knew them is gone. Those that it has met already stay as they are.</summary>
    public void MissBatches(string sweep, IReadOnlyCollection<string> batches)
    {
        ArgumentNullException.ThrowIfNull(batches);
        if (batches.Count > 0)
        {
            Write("miss-batches", durable: true, () =>
            {
                foreach (var batch in batches)
                {
                    Sql("INSERT OR IGNORE INTO missed_batches(sweep, batch) VALUES(?1, ?2)").Bind(1, sweep).Bind(2, batch).Run();
                }

                return 0;
            });
        }
    }

    /// <summary>Returns the batches that a sweep waits for and of which nobody knows what they ask, and whether they have ended.</summary>
    public IReadOnlyList<string> MissedBatches(string sweep) => Look(() =>
        Texts("SELECT batch FROM missed_batches AS m WHERE sweep=?1 AND settled=0 AND NOT EXISTS(SELECT 1 FROM intents WHERE batch_id=m.batch) ORDER BY batch", s => s.Bind(1, sweep)));

    /// <summary>Tells whether a batch that a sweep waits for by its manifest was never this ledger's: it is older than the batch, e.g. a backup that was put back.</summary>
    /// <remarks>One that turned out to be another's, or that people no longer miss, was.</remarks>
    public bool IsStranger(string sweep, string batch) => Look(() => Number(
        "SELECT NOT EXISTS(SELECT 1 FROM intents WHERE batch_id=?2) AND NOT EXISTS(SELECT 1 FROM rejected WHERE batch=?2) AND NOT EXISTS(SELECT 1 FROM missed_batches WHERE sweep=?1 AND batch=?2 AND settled=1)",
        s => s.Bind(1, sweep).Bind(2, batch))) == 1;

    /// <summary>Misses no batch any longer.</summary>
    public void ForgetMissed() => Write("forget-missed", durable: true, () => Sql("UPDATE missed_batches SET settled=1").Run());

    /// <summary>Misses a batch no longer: its answers are in the cache, or it has none.</summary>
    public void SettleMissed(string batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        if (Look(() => Number("SELECT EXISTS(SELECT 1 FROM missed_batches WHERE batch=?1 AND settled=0)", s => s.Bind(1, batch))) == 1)
        {
            Write("settle-missed", durable: true, () => Sql("UPDATE missed_batches SET settled=1 WHERE batch=?1").Bind(1, batch).Run());
        }
    }

    /// <summary>Takes in an intent that this ledger does not know, with its requests; false, and nothing changed, when it is known already.</summary>
    /// <param name="intent">The intent; its row, owner and fence do not matter.</param>
    /// <param name="keys">Its requests; those that another intent has are left to that.</param>
    public bool Restore(Intent intent, IEnumerable<RequestKey> keys)
    {
        ArgumentNullException.ThrowIfNull(intent);
        ArgumentNullException.ThrowIfNull(keys);
        HasHistory = true;
        return Write("restore", durable: true, () =>
        {
            if (One("id=?1", s => s.Bind(1, intent.Id)) is not null)
            {
                return false;
            }

            HoldLease();
            var reference = intent.Provider;
            Bind(Sql("""
                INSERT INTO intents(id, provider, api, base_url, api_key_env, account, model, state, owner, created, create_started, lost, count, bytes, file_id, batch_id, note, lost_after, usual_wait, delete_files, max_attempts, origin)
                VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?16, ?11, ?12, ?13, ?14, ?15, ?17, ?18, ?19, ?20, ?21)
                """), 17, intent.Terms)
                .Bind(1, intent.Id).Bind(2, reference.Provider).Bind(3, reference.Api).Bind(4, reference.BaseUrl).Bind(5, reference.ApiKeyEnv)
                .Bind(6, intent.Account).Bind(7, intent.Model).Bind(8, (long)intent.State).Bind(9, _owner).Bind(10, intent.CreatedAt.ToUnixTimeMilliseconds())
                .Bind(11, intent.Count).Bind(12, intent.Bytes).Bind(13, intent.FileId).Bind(14, intent.BatchId).Bind(15, intent.Note).Bind(16, Now()).Bind(21, (intent.IsAdopted ? Adopted : 0) | (intent.IsRestored ? Restored : 0)).Run();
            var row = One("id=?1", s => s.Bind(1, intent.Id))!.Row;
            foreach (var key in keys)
            {
                Claim(row, key, retryFailed: true);
            }

            return true;
        });
    }
}
