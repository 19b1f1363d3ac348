using Sluice.Requests;

namespace Sluice.Storage;

/// <summary>A set of keys on disk, in a temporary file: for telling first from repeated without holding keys in memory. Thread-safe.</summary>
internal sealed class SeenKeys : IDisposable
{
    private readonly ScratchDatabase _database = new("CREATE TABLE seen(key BLOB PRIMARY KEY) WITHOUT ROWID");
    private readonly Statement _insert;
    private readonly Lock _gate = new();

    /// <summary>Creates an empty set.</summary>
    public SeenKeys() => _insert = new Statement(_database.Connection, "INSERT INTO seen VALUES(?1) ON CONFLICT DO NOTHING");

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
        _database.Dispose();
    }
}
