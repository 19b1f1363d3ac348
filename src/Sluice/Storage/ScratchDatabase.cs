using Microsoft.Data.Sqlite;

namespace Sluice.Storage;

/// <summary>A table for what would be too much for memory and outlives nothing. For one thread at a time.</summary>
/// <remarks>SQLite keeps it in a file without a name, readable by its owner only, in the folder for temporary files: it is gone when the process ends, however it ends.</remarks>
internal sealed class ScratchDatabase : IDisposable
{
    /// <summary>Makes the table.</summary>
    public ScratchDatabase(string table)
    {
        Connection = new SqliteConnection(new SqliteConnectionStringBuilder { DataSource = "", Pooling = false }.ToString());
        Connection.Open();
        // Nothing here outlives the process: no journal, no sync.
        SqliteStore.Execute(Connection, $"PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF; PRAGMA cache_size=-16384; {table}; BEGIN");
    }

    /// <summary>Gets the connection, within one transaction that never ends.</summary>
    public SqliteConnection Connection { get; }

    /// <summary>Gives the space back; statements are to be disposed before.</summary>
    public void Dispose() => Connection.Dispose();
}
