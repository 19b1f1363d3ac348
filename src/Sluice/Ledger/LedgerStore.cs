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
    private static readonly string[] Schema =
    [
        """
        CREATE TABLE intents(row INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, provider TEXT NOT NULL, api TEXT NOT NULL, base_url TEXT, api_key_env TEXT,
            account TEXT NOT NULL, model TEXT NOT NULL, state INTEGER NOT NULL, owner TEXT NOT NULL, count INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0,
            created INTEGER NOT NULL, create_started INTEGER, file_id TEXT, batch_id TEXT, note TEXT, input_tokens INTEGER NOT NULL DEFAULT 0, output_tokens INTEGER NOT NULL DEFAULT 0);
        CREATE INDEX intents_open ON intents(state) WHERE state < 5;
        CREATE TABLE requests(id INTEGER PRIMARY KEY, key BLOB NOT NULL, intent INTEGER NOT NULL, attempts INTEGER NOT NULL, final INTEGER NOT NULL, error TEXT);
        CREATE UNIQUE INDEX requests_key ON requests(key);
        CREATE INDEX requests_intent ON requests(intent);
        CREATE TABLE model_usage(model TEXT PRIMARY KEY, request_bytes INTEGER NOT NULL, input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, responses INTEGER NOT NULL);
        """,
    ];

    private readonly string _path;
    private readonly TimeProvider _time;
    private readonly SqliteConnection _connection;
    private readonly Lock _gate = new();
    private readonly ConcurrentBag<Finder> _finders = [];
    private readonly Dictionary<string, Statement> _statements = [];

    /// <summary>Opens or makes the ledger.</summary>
    /// <exception cref="SluiceException">The file cannot be used.</exception>
    public LedgerStore(string path, TimeProvider time)
    {
        _path = path;
        _time = time;
        _connection = Open(cacheKib: 8 * 1024);
        SqliteStore.Migrate(_connection, path, Schema);
    }

    /// <summary>Returns what is known about a request.</summary>
    public RequestStanding Find(RequestKey key)
    {
        if (!_finders.TryTake(out var finder))
        {
            finder = new Finder(Open(cacheKib: 512));
        }

        try
        {
            var standing = finder.Find(key);
            _finders.Add(finder);
            return standing;
        }
        catch (SqliteException error)
        {
            finder.Dispose();
            throw SqliteStore.Explain(error, _path);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_gate)
        {
            foreach (var statement in _statements.Values)
            {
                statement.Dispose();
            }

            _connection.Dispose();
        }

        while (_finders.TryTake(out var finder))
        {
            finder.Dispose();
        }
    }

    private SqliteConnection Open(int cacheKib) => SqliteStore.Open(_path, pageSize: 8192, cacheKib, walPages: 4096);

    /// <summary>Runs a change as one transaction, synced to disk when <paramref name="durable"/> is set.</summary>
    private T Write<T>(bool durable, Func<T> change)
    {
        lock (_gate)
        {
            try
            {
                SqliteStore.Execute(_connection, durable ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
                SqliteStore.Execute(_connection, "BEGIN IMMEDIATE");
                var result = change();
                SqliteStore.Execute(_connection, "COMMIT");
                return result;
            }
            catch (SqliteException error)
            {
                RollBack();
                throw SqliteStore.Explain(error, _path);
            }
            catch
            {
                RollBack();
                throw;
            }
        }
    }

    private void RollBack()
    {
        if (SQLitePCL.raw.sqlite3_get_autocommit(_connection.Handle) == 0)
        {
            SqliteStore.Execute(_connection, "ROLLBACK");
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

    private long Now() => _time.GetUtcNow().ToUnixTimeMilliseconds();

    private sealed class Finder(SqliteConnection connection) : IDisposable
    {
        private readonly Statement _find = new(connection, "SELECT intent, attempts, final, error FROM requests WHERE key=?1");

        public RequestStanding Find(RequestKey key)
        {
            _find.Bind(1, key);
            try
            {
                return _find.Step() ? ReadStanding(_find) : default;
            }
            finally
            {
                _find.Reset();
            }
        }

        public void Dispose()
        {
            _find.Dispose();
            connection.Dispose();
        }
    }

    private static RequestStanding ReadStanding(Statement row)
    {
        var intent = row.Integer(0);
        var standing = row.Integer(2) != 0 ? Standing.Failed : intent != 0 ? Standing.InFlight : Standing.Retryable;
        return new RequestStanding(standing, intent, (int)row.Integer(1), row.Text(3));
    }
}
