using Sluice.Requests;

namespace Sluice.Ledger;

/// <content>Taking intents in that another, lost ledger had.</content>
public sealed partial class LedgerStore
{
    /// <summary>Tells whether nothing was ever sent by way of this ledger: it is new, or one that was lost has been made anew.</summary>
    public bool IsBlank() => Look(() => Number(
        "SELECT EXISTS(SELECT 1 FROM intents) OR EXISTS(SELECT 1 FROM failures) OR EXISTS(SELECT 1 FROM model_usage) OR EXISTS(SELECT 1 FROM claims) OR EXISTS(SELECT 1 FROM claims_recent)", static s => s)) == 0;

    /// <summary>Tells whether a sweep's results were there before this ledger, which knows nothing of what they have cost.</summary>
    public bool HasLostResults(string sweep) => Look(() => Number("SELECT EXISTS(SELECT 1 FROM lost_results WHERE sweep=?1)", s => s.Bind(1, sweep))) == 1;

    /// <summary>Remembers that a sweep's results were there before this ledger: once other sweeps have filled it, nothing else would tell.</summary>
    public void RememberLostResults(string sweep) => Write("lost-results", durable: false, () => Sql("INSERT INTO lost_results(sweep) VALUES(?1) ON CONFLICT DO NOTHING").Bind(1, sweep).Run());

    /// <summary>Forgets that a sweep's results were there before: people have taken them in, or moved them away.</summary>
    public void ForgetLostResults(string sweep)
    {
        if (HasLostResults(sweep))
        {
            Write("lost-results", durable: false, () => Sql("DELETE FROM lost_results WHERE sweep=?1").Bind(1, sweep).Run());
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
                INSERT INTO intents(id, provider, api, base_url, api_key_env, account, model, state, owner, created, create_started, lost, count, bytes, file_id, batch_id, note, lost_after, usual_wait, delete_files, max_attempts)
                VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?10, ?16, ?11, ?12, ?13, ?14, ?15, ?17, ?18, ?19, ?20)
                """), 17, intent.Terms)
                .Bind(1, intent.Id).Bind(2, reference.Provider).Bind(3, reference.Api).Bind(4, reference.BaseUrl).Bind(5, reference.ApiKeyEnv)
                .Bind(6, intent.Account).Bind(7, intent.Model).Bind(8, (long)intent.State).Bind(9, _owner).Bind(10, intent.CreatedAt.ToUnixTimeMilliseconds())
                .Bind(11, intent.Count).Bind(12, intent.Bytes).Bind(13, intent.FileId).Bind(14, intent.BatchId).Bind(15, intent.Note).Bind(16, Now()).Run();
            var row = One("id=?1", s => s.Bind(1, intent.Id))!.Row;
            foreach (var key in keys)
            {
                Claim(row, key, retryFailed: true);
            }

            return true;
        });
    }
}
