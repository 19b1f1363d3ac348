using Microsoft.Data.Sqlite;
using Sluice.Requests;

namespace Sluice.Storage;

/// <summary>A set of keys on disk, in a temporary file: for telling first from repeated without holding keys in memory. Thread-safe.</summary>
internal sealed class SeenKeys : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"sluice-{Environment.ProcessId}-{Path.GetRandomFileName()}.db");
    private readonly SqliteConnection _connection;
    private readonly Statement _insert;
    private readonly Lock _gate = new();

    /// <summary>Creates an empty set.</summary>
    public SeenKeys()
    {
        _connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = _path, Pooling = false }.ToString());
        _connection.Open();
        // Nothing here outlives the process: no journal, no sync.
        SqliteStore.Execute(_connection, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-16384; CREATE TABLE seen(key BLOB PRIMARY KEY) WITHOUT ROWID; BEGIN");
        _insert = new Statement(_connection, "INSERT INTO seen VALUES(?1) ON CONFLICT DO NOTHING");
    }

    /// <summary>Adds a key; false when it was there.</summary>
    public bool Add(RequestKey key)
    {
        lock (_gate)
        {
            return _insert.Bind(1, key).Run() == 1;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _insert.Dispose();
        _connection.Dispose();
        File.Delete(_path);
    }
}
