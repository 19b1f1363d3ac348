using Microsoft.Data.Sqlite;
using Sluice.Storage;

namespace Sluice.Caching.Sqlite;

/// <summary>The tables of the SQLite cache, and how they are opened.</summary>
internal static class CacheSchema
{
    /// <summary>The index of keys.</summary>
    public const string Keys = "keys";

    private static readonly string[] Steps =
    [
        SlotIndex.Tables(Keys) +
        """
        CREATE TABLE origins(id INTEGER PRIMARY KEY, provider TEXT NOT NULL, model TEXT NOT NULL, source TEXT NOT NULL, UNIQUE(provider, model, source));
        CREATE TABLE responses(id INTEGER PRIMARY KEY, key BLOB NOT NULL, origin INTEGER NOT NULL, created INTEGER NOT NULL,
            input_tokens INTEGER NOT NULL, output_tokens INTEGER NOT NULL, body BLOB NOT NULL);
        """,
        "ALTER TABLE responses ADD COLUMN crc32c INTEGER;",
        """
        ALTER TABLE responses ADD COLUMN dictionary INTEGER NOT NULL DEFAULT 0;
        ALTER TABLE responses ADD COLUMN size INTEGER;
        CREATE TABLE requests(id INTEGER PRIMARY KEY, dictionary INTEGER NOT NULL, size INTEGER NOT NULL, body BLOB NOT NULL);
        CREATE TABLE dictionaries(id INTEGER PRIMARY KEY, bytes BLOB NOT NULL);
        """,
    ];

    /// <summary>Opens a connection for one thread at a time. 16 KiB pages beat 4 KiB (bench/cache).</summary>
    public static SqliteConnection Open(string path, int cacheKib) => SqliteStore.Open(path, pageSize: 16384, cacheKib, walPages: 8192);

    /// <summary>Opens the connection that writes, and brings the schema up to date.</summary>
    public static SqliteConnection OpenForWriting(string path)
    {
        var connection = Open(path, cacheKib: 8 * 1024);
        SqliteStore.Migrate(connection, path, Steps);
        return connection;
    }
}
