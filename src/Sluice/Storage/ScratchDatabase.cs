using Microsoft.Data.Sqlite;

namespace Sluice.Storage;

/// <summary>A table in a temporary file, for what would be too much for memory and outlives nothing. For one thread at a time.</summary>
internal sealed class ScratchDatabase : IDisposable
{
    private readonly string _path = Path.Combine(Path.GetTempPath(), $"sluice-{Environment.ProcessId}-{Path.GetRandomFileName()}.db");

    /// <summary>Makes the file with its one table.</summary>
    public ScratchDatabase(string table)
    {
        Connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = _path, Pooling = false }.ToString());
        Connection.Open();
        // Nothing here outlives the process: no journal, no sync.
        SqliteStore.Execute(Connection, $"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA locking_mode=EXCLUSIVE; PRAGMA cache_size=-16384; {table}; BEGIN");
    }

    /// <summary>Gets the connection, within one transaction that never ends.</summary>
    public SqliteConnection Connection { get; }

    /// <summary>Deletes the file; statements are to be disposed before.</summary>
    public void Dispose()
    {
        Connection.Dispose();
        File.Delete(_path);
    }
}
