using System.Security.Cryptography;
using Sluice.Providers;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Ledger;

/// <content>The life of intents.</content>
public sealed partial class LedgerStore
{
    private const int Adopted = 1;
    private const int Restored = 2;
    private const string IntentColumns = "row, id, provider, api, base_url, api_key_env, account, model, state, count, bytes, created, create_started, file_id, batch_id, note, input_tokens, output_tokens, owner, fence, attempt, provisional, lost, lost_creates, readings, trouble_since, lost_after, usual_wait, delete_files, home, incomplete_since, max_attempts, origin";
    private const string IsOpen = "state NOT IN (5, 6)";
    // Uploaded ones first: their file is there already.
    private static readonly int[] Unsent = [2, 1];

    private volatile Func<long, bool> _isHeldBack = static _ => false;
    private const string IsAnswered = "state=5 AND input_tokens+output_tokens>0";

    /// <summary>Begins an intent of this process. Synced to disk: a complete spool that no ledger knows would be taken for what is left of a lost one.</summary>
    public Intent Begin(IProvider provider, string model)
    {
        ArgumentNullException.ThrowIfNull(provider);
        var id = NewId();
        var reference = provider.Reference;
        return Write("begin", durable: true, () =>
        {
            HoldLease();
            Sql("INSERT INTO intents(id, provider, api, base_url, api_key_env, account, model, state, owner, created) VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, 0, ?8, ?9)")
                .Bind(1, id).Bind(2, reference.Provider).Bind(3, reference.Api).Bind(4, reference.BaseUrl).Bind(5, reference.ApiKeyEnv)
                .Bind(6, provider.Account).Bind(7, model).Bind(8, _owner).Bind(9, Now()).Run();
            return One("id=?1", s => s.Bind(1, id))!;
        });
    }

    /// <summary>Records that the spool is complete and synced: from here on the intent may be sent.</summary>
    /// <param name="intent">The intent.</param>
    /// <param name="count">How many requests it has.</param>
    /// <param name="bytes">The spool's size.</param>
    /// <param name="terms">What the experiments of its requests ask for it; null for nothing.</param>
    public Intent Seal(Intent intent, int count, long bytes, BatchTerms? terms = null) => Change(
        "seal", intent, "state=1, count=?2, bytes=?3, lost_after=?4, usual_wait=?5, delete_files=?6, max_attempts=?7", s => Bind(s.Bind(2, count).Bind(3, bytes), 4, terms ?? BatchTerms.Default));

    /// <summary>Records the uploaded file. Not synced by itself: the create call's record, which follows, syncs it too, and all that a power cut in between costs is another upload.</summary>
    public Intent MarkUploaded(Intent intent, string? fileId) => Change("uploaded", intent, "state=2, file_id=?2, note=NULL", s => s.Bind(2, fileId), durable: false);

    /// <summary>Records that a create call is about to be made; null, and nothing changed, while another create call of the account is in doubt, in whatever process.</summary>
    public Intent? MarkCreating(Intent intent)
    {
        ArgumentNullException.ThrowIfNull(intent);
        return Write("creating", durable: true, () =>
        {
            RequireOwn(intent);
            var changed = Sql($"""
                UPDATE intents SET state=3, create_started=?2, lost=NULL, attempt=attempt+1
                WHERE row=?1 AND NOT EXISTS(SELECT 1 FROM intents other WHERE other.account=intents.account AND other.row<>?1 AND other.state IN (3, 7, 8) AND other.{IsOpen})
                """).Bind(1, intent.Row).Bind(2, Now()).Run();
            return changed == 0 ? null : Row(intent.Row);
        });
    }

    /// <summary>Records that nobody knows whether the create call has made a batch.</summary>
    public Intent MarkUnknown(Intent intent, string note) => Change("unknown", intent, "state=7, note=?2, lost=coalesce(lost, ?3)", s => s.Bind(2, note).Bind(3, Now()));

    /// <summary>Records that the provider's list does not tell either: people have to decide.</summary>
    public Intent MarkNeedsHuman(Intent intent, string note) => Change("needs-human", intent, "state=8, note=?2", s => s.Bind(2, note));

    /// <summary>Records that the create call did not make a batch, or one that was refused, so that it may be tried again later.</summary>
    public Intent MarkNotCreated(Intent intent, string note) => Reject(
        "not-created", intent, "state=CASE WHEN file_id IS NULL THEN 1 ELSE 2 END, lost_creates=lost_creates+(state IN (7, 8)), provisional=0, note=?2", note);

    /// <summary>Tells whether an earlier create call of an intent may have left a batch beside its own: one that was lost, or that was answered with an error and no batch, as a gateway does.</summary>
    public bool MayHaveTwin(Intent intent)
    {
        ArgumentNullException.ThrowIfNull(intent);
        return intent.LostCreates > 0 || intent.Attempt - 1 > Look(() => Number("SELECT count(*) FROM rejected WHERE intent=?1", s => s.Bind(1, intent.Row)));
    }

    /// <summary>Records that the create call, or the batch, was refused because the uploaded file is gone: it is uploaded again.</summary>
    public Intent MarkFileGone(Intent intent, string note) => Reject("file-gone", intent, "state=1, file_id=NULL, provisional=0, note=?2", note);

    /// <summary>Records the provider's batch id.</summary>
    /// <param name="intent">The intent.</param>
    /// <param name="batchId">The id.</param>
    /// <param name="provisional">Whether it was found by size and time alone, so that its results must prove that it is ours.</param>
    /// <param name="isFound">Whether it was found after a lost create call, which may have made more than one.</param>
    public Intent MarkSubmitted(Intent intent, string batchId, bool provisional = false, bool isFound = false) =>
        Change(
            "submitted",
            intent,
            "state=4, batch_id=?2, provisional=?3, lost_creates=lost_creates+?4, note=NULL, home=NULL, readings=0, read_at=NULL, incomplete_since=NULL, trouble_since=NULL",
            s => s.Bind(2, batchId).Bind(3, provisional ? 1 : 0).Bind(4, isFound ? 1 : 0));

    /// <summary>Records the id of a batch that came of a create call which another process has taken over in the meantime. That process goes on with it.</summary>
    /// <returns>False, and nothing changed, when the other process has made a batch of its own, or is about to.</returns>
    public bool TryHandIn(Intent intent, string batchId)
    {
        ArgumentNullException.ThrowIfNull(intent);
        return Write("handed-in", durable: true, () =>
            Sql("UPDATE intents SET state=4, batch_id=?2, provisional=0, note=NULL, fence=fence+1 WHERE row=?1 AND batch_id IS NULL AND state IN (1, 2, 7, 8)")
                .Bind(1, intent.Row).Bind(2, batchId).Run() == 1);
    }

    /// <summary>Records that a batch taken for this intent's is another's: the outcome of the create call is unknown again.</summary>
    public Intent MarkForeign(Intent intent, string note) => Reject("foreign", intent, "state=7, provisional=0, note=?2", note);

    /// <summary>Records that the account to which an intent was moved has its batch.</summary>
    public Intent MarkAtHome(Intent intent) => Change("at-home", intent, "home=NULL", static _ => { });

    /// <summary>Counts a reading of an ended batch's results that lacked something. Those that follow each other within a time count once, however many commands make them.</summary>
    public Intent CountReading(Intent intent, TimeSpan within) => Change(
        "reading",
        intent,
        "incomplete_since=coalesce(incomplete_since, ?2), readings=readings+(read_at IS NULL OR read_at NOT BETWEEN ?3 AND ?2), read_at=CASE WHEN read_at BETWEEN ?3 AND ?2 THEN read_at ELSE ?2 END",
        s => s.Bind(2, Now()).Bind(3, Now() - (long)within.TotalMilliseconds + 1));

    /// <summary>Notes what keeps a submitted batch from its end, and since when; null when nothing does any more.</summary>
    public Intent MarkTrouble(Intent intent, string? trouble)
    {
        ArgumentNullException.ThrowIfNull(intent);
        return intent.Note == trouble && (intent.TroubleSince is null) == (trouble is null)
            ? intent
            : Change("trouble", intent, "note=?2, trouble_since=CASE WHEN ?2 IS NULL THEN NULL ELSE coalesce(trouble_since, ?3) END", s => s.Bind(2, trouble).Bind(3, Now()));
    }

    /// <summary>Closes a submitted intent because people no longer wait for its batch: its requests are as if they had never been asked.</summary>
    /// <returns>False, and nothing changed, when it is no longer submitted.</returns>
    public bool GiveUp(Intent intent, string note)
    {
        ArgumentNullException.ThrowIfNull(intent);
        return Write("given-up", durable: true, () =>
        {
            RequireOwn(intent);
            if (Sql("UPDATE intents SET state=5, note=?2, delete_files=0 WHERE row=?1 AND state=4").Bind(1, intent.Row).Bind(2, note).Run() == 0)
            {
                return false;
            }

            _claims.RemoveAll(intent.Row);
            Sql("UPDATE failures SET intent=0 WHERE intent=?1 AND intent<>0").Bind(1, intent.Row).Run();
            ForgetRejected(intent);
            return true;
        });
    }

    /// <summary>Keeps a remark for <c>status</c>.</summary>
    public Intent Remark(Intent intent, string note) => Change("remark", intent, "note=?2", s => s.Bind(2, note));

    /// <summary>Records that all results are in the cache: claims that were answered end here.</summary>
    /// <param name="intent">The intent.</param>
    /// <param name="usage">Tokens of the answers.</param>
    /// <param name="responses">How many answers there were.</param>
    /// <param name="envelopeBytes">Bytes of each line beside the request's body.</param>
    public Intent MarkIngested(Intent intent, TokenUsage usage, int responses, int envelopeBytes)
    {
        ArgumentNullException.ThrowIfNull(intent);
        return Write("ingested", durable: true, () =>
        {
            RequireOwn(intent);
            var first = Sql($"UPDATE intents SET state=5, input_tokens=?2, output_tokens=?3, note=CASE WHEN trouble_since IS NULL THEN note END, trouble_since=NULL WHERE row=?1 AND {IsOpen}").Bind(1, intent.Row).Bind(2, usage.Input).Bind(3, usage.Output).Run();
            _claims.RemoveAll(intent.Row);
            Sql("DELETE FROM failures WHERE intent=?1 AND intent<>0").Bind(1, intent.Row).Run();
            ForgetRejected(intent);
            if (first == 1 && responses > 0)
            {
                // Lines that failed carry no usage: count the bytes of those that did not. Nobody pays for what is around a body.
                AddUsageRow(intent.Model, new ModelUsage(((intent.Bytes / Math.Max(1, intent.Count)) - envelopeBytes) * responses, usage.Input, usage.Output, responses));
            }

            return Row(intent.Row);
        });
    }

    /// <summary>Records that the provider refused the whole batch: its requests, whose claims stay, have failed for good with the reason.</summary>
    public Intent MarkRefused(Intent intent, string reason)
    {
        ArgumentNullException.ThrowIfNull(intent);
        HasHistory = true;
        return Write("refused", durable: true, () =>
        {
            RequireOwn(intent);
            Sql("UPDATE intents SET state=6, note=?2, refused_at=?3 WHERE row=?1").Bind(1, intent.Row).Bind(2, reason).Bind(3, FailedAt()).Run();
            Sql("UPDATE failures SET intent=0 WHERE intent=?1 AND intent<>0").Bind(1, intent.Row).Run();
            ForgetRejected(intent);
            return Row(intent.Row);
        });
    }

    /// <summary>Drops an intent of which no batch was made; its claims are released. False, and nothing changed, when there may be a batch, or when it is no longer ours.</summary>
    public bool Discard(Intent intent)
    {
        ArgumentNullException.ThrowIfNull(intent);
        return Write("discard", durable: true, () =>
        {
            if (Sql("DELETE FROM intents WHERE row=?1 AND state<=2 AND fence=?2").Bind(1, intent.Row).Bind(2, intent.Fence).Run() == 0)
            {
                return false;
            }

            _claims.RemoveAll(intent.Row);
            Sql("UPDATE failures SET intent=0 WHERE intent=?1 AND intent<>0").Bind(1, intent.Row).Run();
            ForgetRejected(intent);
            return true;
        });
    }

    /// <summary>Drops an intent of which no batch was made, with its spool. The caller owns it. False, and nothing changed, when there may be a batch.</summary>
    public bool Drop(Intent intent, string spoolFolder)
    {
        ArgumentNullException.ThrowIfNull(intent);
        if (intent.State is not (IntentState.Spooling or IntentState.Sealed or IntentState.Uploaded))
        {
            return false;
        }

        // The files first: a whole spool that no intent knows is all that is left of a lost ledger, and would be sent.
        Spool.Drop(spoolFolder, intent.Id);
        return Discard(intent);
    }

    /// <summary>Moves an intent to another account, unless a living process works on it; an uploaded file is left behind. Whose account has its batch stays known.</summary>
    public bool TryMove(Intent intent, string account) => TryOwn(intent) is { } mine && Write("move", durable: true, () =>
        Sql("""
            UPDATE intents SET account=?2, home=CASE WHEN state=4 THEN nullif(coalesce(home, account), ?2) END, file_id=CASE WHEN state=2 THEN NULL ELSE file_id END, state=CASE WHEN state=2 THEN 1 ELSE state END
            WHERE row=?1 AND state IN (1, 2, 4) AND fence=?3
            """).Bind(1, mine.Row).Bind(2, account).Bind(3, mine.Fence).Run() == 1);

    /// <summary>Records that a batch's files stay at the provider, although its experiments ask for their deletion.</summary>
    public Intent KeepFiles(Intent intent) => Change("keep-files", intent, "delete_files=0", static _ => { });

    /// <summary>Returns an intent by its id, open or closed, or null.</summary>
    public Intent? Find(string id) => Look(() => One("id=?1", s => s.Bind(1, id)));

    /// <summary>Returns an intent by its row, or null.</summary>
    public Intent? Get(long row) => Look(() => One("row=?1", s => s.Bind(1, row)));

    /// <summary>Returns the intents that still have something to do, oldest first. Their number is that of batches, not of requests.</summary>
    public IReadOnlyList<Intent> Open() => Look(() => Many(IsOpen + " ORDER BY row"));

    /// <summary>Returns the intents of an account that still have something to do, oldest first.</summary>
    public IReadOnlyList<Intent> Open(string account) => Look(() => Many($"account=?1 AND {IsOpen} ORDER BY row", s => s.Bind(1, account)));

    /// <summary>Returns the states of the open intents by their rows.</summary>
    public IReadOnlyDictionary<long, IntentState> OpenStates() => Look(() =>
    {
        var states = new Dictionary<long, IntentState>();
        var find = Sql($"SELECT row, state FROM intents WHERE {IsOpen}");
        while (find.Step())
        {
            states.Add(find.Integer(0), (IntentState)find.Integer(1));
        }

        find.Reset();
        return states;
    });

    /// <summary>Returns the accounts that have open intents; takes as long as there are accounts, however many intents they have.</summary>
    public IReadOnlyList<string> OpenAccounts() => Look(() => Texts($"""
        WITH RECURSIVE a(account) AS (
            SELECT (SELECT min(account) FROM intents WHERE {IsOpen})
            UNION ALL SELECT (SELECT min(i.account) FROM intents i WHERE i.account>a.account AND i.{IsOpen}) FROM a WHERE a.account IS NOT NULL)
        SELECT account FROM a WHERE account IS NOT NULL
        """, static s => s));

    /// <summary>Returns the intents of an account whose create call is under way or in doubt, oldest first.</summary>
    public IReadOnlyList<Intent> InDoubt(string account) => Look(() => Many($"account=?1 AND state IN (3, 7, 8) AND {IsOpen} ORDER BY row", s => s.Bind(1, account)));

    /// <summary>Returns the rows of an account's submitted intents, oldest first.</summary>
    public IReadOnlyList<long> Submitted(string account) => Look(() =>
    {
        var rows = new List<long>();
        var find = Sql($"SELECT row FROM intents WHERE account=?1 AND state=4 AND {IsOpen} ORDER BY row").Bind(1, account);
        while (find.Step())
        {
            rows.Add(find.Integer(0));
        }

        find.Reset();
        return rows;
    });

    /// <summary>Returns the models of an account that have sealed batches to send; takes as long as there are models.</summary>
    public IReadOnlyList<string> ModelsToSend(string account) => Look(() => (IReadOnlyList<string>)[.. Unsent.SelectMany(state => Texts($"""
        WITH RECURSIVE m(model) AS (
            SELECT (SELECT min(model) FROM intents WHERE account=?1 AND state={state} AND {IsOpen})
            UNION ALL SELECT (SELECT min(i.model) FROM intents i WHERE i.account=?1 AND i.state={state} AND i.model>m.model AND i.{IsOpen}) FROM m WHERE m.model IS NOT NULL)
        SELECT model FROM m WHERE model IS NOT NULL
        """, s => s.Bind(1, account))).Distinct()]);

    /// <summary>Takes over the oldest unsent intent of some models that is this process's, or that no living process works on; null when there is none.</summary>
    public Intent? TryOwnUnsent(string account, IEnumerable<string> models)
    {
        ArgumentNullException.ThrowIfNull(models);
        var rows = Look(() =>
        {
            var alive = new Dictionary<string, bool> { [_owner] = false };
            return models.SelectMany(model => Unsent.Select(state => FirstFree(account, model, state, alive))).Where(row => row != 0).Order().ToList();
        });
        return rows.Select(TryOwn).FirstOrDefault(intent => intent?.State is IntentState.Sealed or IntentState.Uploaded);
    }

    /// <summary>Sets what tells which unsent intents this process does not send. Nothing of it is on disk: it holds for this command.</summary>
    /// <param name="isHeldBack">Asked with the row of an intent, from any thread; must not ask the ledger.</param>
    public void HoldBack(Func<long, bool> isHeldBack) => _isHeldBack = isHeldBack;

    /// <summary>Tells whether this process does not send an intent.</summary>
    public bool IsHeldBack(long row) => _isHeldBack(row);

    /// <summary>Lets the requests of open intents have so many tries at least: somebody waits for them who allows as many.</summary>
    public void AllowTries(IEnumerable<long> rows, int most)
    {
        const string Fewer = $"row=?1 AND max_attempts<?2 AND {IsOpen}";
        var few = Look(() => rows.Where(row => Number($"SELECT EXISTS(SELECT 1 FROM intents WHERE {Fewer})", s => s.Bind(1, row).Bind(2, most)) == 1).ToList());
        if (few.Count > 0)
        {
            Write("allow-tries", durable: false, () =>
            {
                few.ForEach(row => Sql($"UPDATE intents SET max_attempts=?2 WHERE {Fewer}").Bind(1, row).Bind(2, most).Run());
                return few.Count;
            });
        }
    }

    /// <summary>Tells whether another process, which lives, works on an intent.</summary>
    public bool IsOthers(Intent intent)
    {
        ArgumentNullException.ThrowIfNull(intent);
        return intent.Owner != _owner && Look(() => IsAlive(intent.Owner));
    }

    /// <summary>Returns the closed intents whose files at the provider are still to be deleted, oldest first. Their number is that of batches.</summary>
    public IReadOnlyList<Intent> ToClean() => Look(() => Many("delete_files=1 AND state IN (5, 6) ORDER BY row"));

    /// <summary>Records that nothing more is to be deleted for a closed intent.</summary>
    public void MarkClean(Intent intent)
    {
        ArgumentNullException.ThrowIfNull(intent);
        Write("clean", durable: false, () => Sql("UPDATE intents SET delete_files=0 WHERE row=?1 AND state IN (5, 6)").Bind(1, intent.Row).Run());
    }

    /// <summary>Returns the latest intents, open or not, newest first.</summary>
    public IReadOnlyList<Intent> Latest(int count) => Look(() => Many("1=1 ORDER BY row DESC LIMIT " + count.ToString(System.Globalization.CultureInfo.InvariantCulture)));

    /// <summary>Returns whether there is or was an intent of that id.</summary>
    public bool IsKnown(string id) => Look(() => Number("SELECT EXISTS(SELECT 1 FROM intents WHERE id=?1)", s => s.Bind(1, id))) == 1;

    /// <summary>Returns whether a batch of an account is another intent's.</summary>
    public bool IsTaken(string account, string batchId) => Look(() =>
        Number("SELECT EXISTS(SELECT 1 FROM intents WHERE batch_id=?1 AND account=?2)", s => s.Bind(1, batchId).Bind(2, account))) == 1;

    /// <summary>Returns whether a batch is proved to be none of an intent's, or was refused by the provider.</summary>
    public bool IsRejected(Intent intent, string batchId)
    {
        ArgumentNullException.ThrowIfNull(intent);
        return Look(() => Number("SELECT 1 FROM rejected WHERE intent=?1 AND batch=?2", s => s.Bind(1, intent.Row).Bind(2, batchId))) == 1;
    }

    /// <summary>Returns how many closed batches have brought answers: those are in the cache.</summary>
    public int AnsweredBatches() => (int)Look(() => Number($"SELECT count(*) FROM intents WHERE {IsAnswered}", static s => s));

    /// <summary>Returns how many live answers were stored to stay; 0 when all of them are older than a time.</summary>
    /// <param name="since">Answers from before that are not missed.</param>
    public long KeptLiveAnswers(DateTimeOffset since) => Look(() =>
        Number("SELECT coalesce(sum(kept), 0) FROM model_usage WHERE kept_at>=?1", s => s.Bind(1, since.ToUnixTimeMilliseconds())));

    /// <summary>Forgets the closed batches that have brought answers, and that live answers were stored, because those are lost: they are asked for again. Returns how many there were.</summary>
    public long ForgetAnswered() => Write("forget", durable: true, () =>
    {
        var live = Number("SELECT coalesce(sum(kept), 0) FROM model_usage", static s => s);
        Sql("UPDATE model_usage SET kept=0, kept_at=0").Run();
        return live + Sql($"DELETE FROM intents WHERE {IsAnswered}").Run();
    });

    /// <summary>Changes an intent and gives up its batch, which is kept in mind as none of its own.</summary>
    private Intent Reject(string name, Intent intent, string set, string note)
    {
        ArgumentNullException.ThrowIfNull(intent);
        return Write(name, durable: true, () =>
        {
            RequireOwn(intent);
            Sql("INSERT OR IGNORE INTO rejected SELECT row, batch_id FROM intents WHERE row=?1 AND batch_id IS NOT NULL").Bind(1, intent.Row).Run();
            Sql($"UPDATE intents SET batch_id=NULL, {set} WHERE row=?1").Bind(1, intent.Row).Bind(2, note).Run();
            return Row(intent.Row);
        });
    }

    private void ForgetRejected(Intent intent) => Sql("DELETE FROM rejected WHERE intent=?1").Bind(1, intent.Row).Run();

    /// <summary>Returns the row of the oldest intent that nobody alive works on but this process; 0 for none. What is found about others is kept for the next question.</summary>
    private long FirstFree(string account, string model, int state, Dictionary<string, bool> isAnothers)
    {
        var find = Sql($"SELECT row, owner FROM intents WHERE account=?1 AND state=?2 AND model=?3 AND {IsOpen} ORDER BY row").Bind(1, account).Bind(2, state).Bind(3, model);
        long row = 0;
        while (row == 0 && find.Step())
        {
            var owner = find.Text(1)!;
            if (!isAnothers.TryGetValue(owner, out var others))
            {
                isAnothers.Add(owner, others = IsAlive(owner));
            }

            row = others || IsHeldBack(find.Integer(0)) ? 0 : find.Integer(0);
        }

        find.Reset();
        return row;
    }

    private Intent Change(string name, Intent intent, string set, Action<Statement> bind, bool durable = true)
    {
        ArgumentNullException.ThrowIfNull(intent);
        return Write(name, durable, () =>
        {
            RequireOwn(intent);
            var update = Sql($"UPDATE intents SET {set} WHERE row=?1").Bind(1, intent.Row);
            bind(update);
            update.Run();
            return Row(intent.Row);
        });
    }

    private Intent Row(long row) => One("row=?1", s => s.Bind(1, row))!;

    private Intent? One(string where, Action<Statement> bind)
    {
        var find = Sql($"SELECT {IntentColumns} FROM intents WHERE {where}");
        bind(find);
        var intent = find.Step() ? Read(find) : null;
        find.Reset();
        return intent;
    }

    private List<Intent> Many(string where, Action<Statement>? bind = null)
    {
        var list = new List<Intent>();
        var find = Sql($"SELECT {IntentColumns} FROM intents WHERE {where}");
        bind?.Invoke(find);
        while (find.Step())
        {
            list.Add(Read(find));
        }

        find.Reset();
        return list;
    }

    private List<string> Texts(string sql, Func<Statement, Statement> bind)
    {
        var list = new List<string>();
        var find = bind(Sql(sql));
        while (find.Step())
        {
            list.Add(find.Text(0)!);
        }

        find.Reset();
        return list;
    }

    private static Intent Read(Statement row) => new()
    {
        Row = row.Integer(0),
        Id = row.Text(1)!,
        Provider = new ProviderReference(row.Text(2)!, row.Text(3)!, row.Text(4), row.Text(5)),
        Account = row.Text(6)!,
        Model = row.Text(7)!,
        State = (IntentState)row.Integer(8),
        Count = (int)row.Integer(9),
        Bytes = row.Integer(10),
        CreatedAt = DateTimeOffset.FromUnixTimeMilliseconds(row.Integer(11)),
        CreateStartedAt = row.IsNull(12) ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.Integer(12)),
        FileId = row.Text(13),
        BatchId = row.Text(14),
        Note = row.Text(15),
        Usage = new TokenUsage(row.Integer(16), row.Integer(17)),
        Owner = row.Text(18)!,
        Fence = row.Integer(19),
        Attempt = (int)row.Integer(20),
        IsProvisional = row.Integer(21) != 0,
        LostAt = row.IsNull(22) ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.Integer(22)),
        LostCreates = (int)row.Integer(23),
        Readings = (int)row.Integer(24),
        TroubleSince = row.IsNull(25) ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.Integer(25)),
        HomeAccount = row.Text(29),
        IncompleteSince = row.IsNull(30) ? null : DateTimeOffset.FromUnixTimeMilliseconds(row.Integer(30)),
        IsAdopted = (row.Integer(32) & Adopted) != 0,
        IsRestored = (row.Integer(32) & Restored) != 0,
        Terms = new BatchTerms { LostAfter = row.IsNull(26) ? null : TimeSpan.FromMilliseconds(row.Integer(26)), HasUsualWait = row.Integer(27) != 0, DeletesFiles = row.Integer(28) != 0, MaxAttempts = (int)row.Integer(31) },
    };

    /// <summary>Binds terms to four parameters.</summary>
    private static Statement Bind(Statement statement, int first, BatchTerms terms) => statement
        .Bind(first, terms.LostAfter is { } wait ? (long)wait.TotalMilliseconds : null).Bind(first + 1, terms.HasUsualWait ? 1 : 0).Bind(first + 2, terms.DeletesFiles ? 1 : 0).Bind(first + 3, terms.MaxAttempts);

    /// <summary>Makes a fresh id of 100 random bits.</summary>
    private static string NewId() => RandomNumberGenerator.GetString("abcdefghijklmnopqrstuvwxyz234567", CustomId.IntentLength);
}
