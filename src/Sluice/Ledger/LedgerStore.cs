using System.Collections.Concurrent;
using Microsoft.Data.Sqlite;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Ledger;

/// <summary>The durable record of what was or may have been sent: which request is claimed by whom, and how far each batch has come.</summary>
/// <remarks>
/// Thread-safe and safe for several processes. Claims are committed without a sync (they survive <c>kill -9</c>, and a power cut can only take
/// them together with the unsent spool); every step of an intent is committed with one, which also syncs all claims before it.
/// </remarks>
public sealed partial class LedgerStore : IDisposable
{
    // Rows are never used again (AUTOINCREMENT): a process that stood still may know one whose intent has been discarded meanwhile.
    internal static readonly string[] Schema =
    [
        SlotIndex.Tables("claims") +
        """
        CREATE TABLE intents(row INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL, api TEXT NOT NULL, base_url TEXT, api_key_env TEXT,
            account TEXT NOT NULL, model TEXT NOT NULL, state INTEGER NOT NULL, owner TEXT NOT NULL, count INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
            created INTEGER NOT NULL, create_started INTEGER, file_id TEXT, batch_id TEXT, note TEXT, input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX intents_open ON intents(state) WHERE state < 5;
        CREATE TABLE failures(key BLOB PRIMARY KEY, intent INTEGER NOT NULL, attempts INTEGER NOT NULL, final INTEGER NOT NULL, error TEXT NOT NULL) WITHOUT ROWID;
        CREATE TABLE model_usage(model TEXT PRIMARY KEY, request_bytes INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, responses INTEGER NOT NULL);
        """,
        """
        ALTER TABLE intents ADD COLUMN fence INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE intents ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE intents ADD COLUMN provisional INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE intents ADD COLUMN rejected TEXT;
        ALTER TABLE intents ADD COLUMN lost INTEGER;
        DROP INDEX intents_open;
        CREATE INDEX intents_open ON intents(state) WHERE state NOT IN (5, 6);
        CREATE TABLE leases(row INTEGER PRIMARY KEY AUTOINCREMENT, owner TEXT NOT NULL UNIQUE, until INTEGER NOT NULL);
        """,
        // Every question that is asked once per batch has an index: without, time grows with the square of their number.
        """
        CREATE INDEX claims_value ON claims(value);
        CREATE INDEX claims_recent_value ON claims_recent(value);
        CREATE INDEX failures_intent ON failures(intent) WHERE intent<>0;
        DROP INDEX intents_open;
        CREATE INDEX intents_open ON intents(account, state, model) WHERE state NOT IN (5, 6);
        CREATE INDEX intents_batch ON intents(batch_id) WHERE batch_id IS NOT NULL;
        CREATE TABLE rejected(intent INTEGER NOT NULL, batch TEXT NOT NULL, PRIMARY KEY(intent, batch)) WITHOUT ROWID;
        WITH RECURSIVE parts(intent, batch, rest) AS (
            SELECT row, '', rejected || ' ' FROM intents WHERE rejected IS NOT NULL AND state NOT IN (5, 6)
            UNION ALL SELECT intent, substr(rest, 1, instr(rest, ' ') - 1), substr(rest, instr(rest, ' ') + 1) FROM parts WHERE rest<>'')
        INSERT OR IGNORE INTO rejected SELECT intent, batch FROM parts WHERE batch<>'';
        ALTER TABLE intents DROP COLUMN rejected;
        ALTER TABLE intents ADD COLUMN lost_creates INTEGER NOT NULL DEFAULT 0;
        UPDATE intents SET lost_creates=max(0, attempt-1-(SELECT count(*) FROM rejected WHERE intent=intents.row)) WHERE state NOT IN (5, 6);
        ALTER TABLE intents ADD COLUMN readings INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE intents ADD COLUMN read_at INTEGER;
        ALTER TABLE intents ADD COLUMN trouble_since INTEGER;
        ALTER TABLE leases ADD COLUMN steady INTEGER;
        CREATE TABLE servers(provider TEXT NOT NULL, model TEXT NOT NULL, server TEXT NOT NULL, legacy INTEGER NOT NULL, UNIQUE(provider, model, server));
        CREATE TABLE lost_results(sweep TEXT PRIMARY KEY) WITHOUT ROWID;
        ALTER TABLE intents ADD COLUMN lost_after INTEGER;
        ALTER TABLE intents ADD COLUMN usual_wait INTEGER NOT NULL DEFAULT 1;
        ALTER TABLE intents ADD COLUMN delete_files INTEGER NOT NULL DEFAULT 0;
        CREATE INDEX intents_files ON intents(row) WHERE delete_files=1;
        ALTER TABLE intents ADD COLUMN refused_at INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE failures ADD COLUMN at INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE intents ADD COLUMN home TEXT;
        ALTER TABLE intents ADD COLUMN incomplete_since INTEGER;
        ALTER TABLE model_usage ADD COLUMN kept INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE model_usage ADD COLUMN kept_at INTEGER NOT NULL DEFAULT 0;
        """,
        """
        ALTER TABLE intents ADD COLUMN max_attempts INTEGER NOT NULL DEFAULT 3;
        ALTER TABLE intents ADD COLUMN origin INTEGER NOT NULL DEFAULT 0;
        DROP TABLE lost_results;
        CREATE TABLE forgotten_results(sweep TEXT NOT NULL, experiment TEXT NOT NULL, PRIMARY KEY(sweep, experiment)) WITHOUT ROWID;
        CREATE TABLE missed_batches(sweep TEXT NOT NULL, batch TEXT NOT NULL, settled INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(sweep, batch)) WITHOUT ROWID;
        """,
    ];

    private readonly string _path;
    private readonly TimeProvider _time;
    private readonly string _owner;
    private readonly Func<string, bool?> _isAlive;
    // Nothing is later: without a beginning no failure is of this command.
    private long _began = long.MaxValue - 1;
    private bool _isDisposed;
    private readonly SqliteConnection _connection;
    private readonly SlotIndex _claims;
    private readonly Lock _gate = new();
    private readonly ConcurrentBag<Finder> _finders = [];
    private readonly Dictionary<string, Statement> _statements = [];

    /// <summary>Opens or makes the ledger.</summary>
    /// <exception cref="SluiceException">The file cannot be used.</exception>
    public LedgerStore(string path, TimeProvider time)
        : this(path, time, Owner.Self, Owner.IsAlive)
    {
    }

    /// <summary>Opens or makes the ledger in the name of a process.</summary>
    internal LedgerStore(string path, TimeProvider time, string owner)
        : this(path, time, owner, Owner.IsAlive)
    {
    }

    /// <summary>Opens or makes the ledger in the name of a process that looks in its own way whether others live.</summary>
    internal LedgerStore(string path, TimeProvider time, string owner, Func<string, bool?> isAlive)
    {
        _path = path;
        _time = time;
        _owner = owner;
        _isAlive = isAlive;
        _connection = Open(cacheKib: 4 * 1024);
        SqliteStore.Migrate(_connection, path, Schema);
        _claims = new SlotIndex(_connection, "claims");
        HasHistory = Look(() =>
            Number("SELECT EXISTS(SELECT 1 FROM claims) OR EXISTS(SELECT 1 FROM claims_recent) OR EXISTS(SELECT 1 FROM failures)", static s => s)) != 0;
    }

    /// <summary>Gets whether <see cref="Find(RequestKey)"/> may know anything that this process has not claimed itself. Without, only a claim can tell: another process may have begun since.</summary>
    public bool HasHistory { get; private set; }

    /// <summary>Says that a command begins: requests that fail from now on are not among those that it sends again because they have failed.</summary>
    public void BeginCommand() => _began = Now();

    /// <summary>Returns what is known about a request.</summary>
    public RequestStanding Find(RequestKey key)
    {
        if (!_finders.TryTake(out var finder))
        {
            finder = new Finder(Open(cacheKib: 512));
        }

        try
        {
            var standing = finder.Find(key, _began);
            _finders.Add(finder);
            return standing;
        }
        catch (SluiceException)
        {
            finder.Dispose();
            throw;
        }
    }

    /// <summary>Returns what is known about a request: under its key, or when that is new, under the one that an earlier version has claimed it by.</summary>
    public RequestStanding Find(Request request)
    {
        ArgumentNullException.ThrowIfNull(request);
        var standing = Find(request.Key);
        if (standing.Standing != Standing.New || request.LegacyKey is not { } key)
        {
            return standing;
        }

        var legacy = Find(key) with { IsLegacy = true };
        return legacy.Standing switch
        {
            Standing.Failed => legacy,
            Standing.InFlight when !RequestStanding.IsLive(legacy.Holder) || Look(() => IsAlive(legacy.Holder)) => legacy,
            _ => standing,
        };
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            if (_isDisposed)
            {
                return;
            }

            _isDisposed = true;
            try
            {
                DropLease();
            }
            finally
            {
                foreach (var statement in _statements.Values)
                {
                    statement.Dispose();
                }

                _claims.Dispose();
                _connection.Dispose();
            }
        }

        while (_finders.TryTake(out var finder))
        {
            finder.Dispose();
        }
    }

    private SqliteConnection Open(int cacheKib) => SqliteStore.Open(_path, pageSize: 8192, cacheKib, walPages: 4096);

    /// <summary>Runs a change as one transaction, synced to disk when <paramref name="durable"/> is set.</summary>
    private T Write<T>(string name, bool durable, Func<T> change)
    {
        CrashPoint.Hit($"ledger.{name}.before");
        // A pragma that changes nothing costs nothing; inside a transaction it would be ignored.
        var result = Transact(durable ? "PRAGMA synchronous=FULL; BEGIN IMMEDIATE" : "PRAGMA synchronous=NORMAL; BEGIN IMMEDIATE", () =>
        {
            KeepLease();
            return change();
        });
        CrashPoint.Hit($"ledger.{name}.after");
        return result;
    }

    /// <summary>Runs work while no other process, and no other thread of this one, changes the ledger. It must not use the ledger, and must be quick:
    /// the leases of the whole workspace are not renewed meanwhile.</summary>
    public T Alone<T>(Func<T> work) => Transact("BEGIN IMMEDIATE", work);

    /// <summary>Runs queries that see one state of the ledger; no other process has to wait for it.</summary>
    private T Look<T>(Func<T> query) => Transact("BEGIN", query);

    private T Transact<T>(string begin, Func<T> work)
    {
        lock (_gate)
        {
            var before = (_lease, _leaseUntil, _liveClaims);
            try
            {
                SqliteStore.Execute(_connection, begin);
                var result = work();
                SqliteStore.Execute(_connection, "COMMIT");
                return result;
            }
            catch
            {
                SqliteStore.RollBack(_connection);
                // What is rolled back in the file was not taken here either: its row may become another process's.
                (_lease, _leaseUntil, _liveClaims) = before;
                throw;
            }
        }
    }

    /// <summary>Returns the prepared statement of a text; only inside <see cref="Write"/>.</summary>
    private Statement Sql(string text)
    {
        if (!_statements.TryGetValue(text, out var statement))
        {
            statement = new Statement(_connection, text);
            _statements.Add(text, statement);
        }

        return statement;
    }

    /// <summary>Returns the first column of the first row; 0 when there is none.</summary>
    private long Number(string sql, Func<Statement, Statement> bind)
    {
        var query = bind(Sql(sql));
        var number = query.Step() ? query.Integer(0) : 0;
        query.Reset();
        return number;
    }

    private long Now() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    /// <summary>Returns the time that a failure bears: one after the command's beginning, whatever the clock says.</summary>
    private long FailedAt() => _began == long.MaxValue - 1 ? Now() : Math.Max(Now(), _began + 1);

    /// <summary>Returns milliseconds of a clock that nobody sets and that stands while the machine sleeps; processes of one boot share it.</summary>
    private long Steady() => (long)(_time.GetTimestamp() / (_time.TimestampFrequency / 1000.0));

    private sealed class Finder(SqliteConnection connection) : IDisposable
    {
        private readonly Statement _claim = new(connection, $"SELECT c.value, i.state, i.note, i.refused_at FROM ({SlotIndex.Lookup("claims")}) c LEFT JOIN intents i ON i.row=c.value");
        private readonly Statement _failure = new(connection, "SELECT attempts, final, error, at FROM failures WHERE key=?1");

        public RequestStanding Find(RequestKey key, long began)
        {
            try
            {
                // The claim first: a try that fails gives up its claim and leaves its failure in one transaction.
                if (_claim.Bind(1, key.Slot).Step())
                {
                    return (IntentState)_claim.Integer(1) == IntentState.Refused
                        ? new RequestStanding(Standing.Failed, 0, 1, _claim.Text(2)) { IsOfThisCommand = _claim.Integer(3) > began }
                        : new RequestStanding(Standing.InFlight, _claim.Integer(0), 0, null);
                }

                return _failure.Bind(1, key).Step()
                    ? new RequestStanding(_failure.Integer(1) != 0 ? Standing.Failed : Standing.Retryable, 0, (int)_failure.Integer(0), _failure.Text(2)) { IsOfThisCommand = _failure.Integer(3) > began }
                    : default;
            }
            finally
            {
                _claim.Reset();
                _failure.Reset();
            }
        }

        public void Dispose()
        {
            _claim.Dispose();
            _failure.Dispose();
            connection.Dispose();
        }
    }
}
