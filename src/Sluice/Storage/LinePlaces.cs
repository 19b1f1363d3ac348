namespace Sluice.Storage;

/// <summary>From the ids of a file's lines to where they stand in it: on disk, in a temporary file, so that a file of any size can be looked up in. For one thread.</summary>
internal sealed class LinePlaces : IDisposable
{
    private readonly ScratchDatabase _database = new("CREATE TABLE places(id BLOB PRIMARY KEY, start INTEGER NOT NULL, length INTEGER NOT NULL, taken INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID");
    private readonly Statement _insert;
    private readonly Statement _find;
    private readonly Statement _take;

    /// <summary>Creates an empty index.</summary>
    public LinePlaces()
    {
        _insert = new Statement(_database.Connection, "INSERT INTO places(id, start, length) VALUES(?1, ?2, ?3) ON CONFLICT DO NOTHING");
        _find = new Statement(_database.Connection, "SELECT start, length, taken FROM places WHERE id=?1");
        _take = new Statement(_database.Connection, "UPDATE places SET taken=1 WHERE id=?1");
    }

    /// <summary>Enters a line; false when its id is there already.</summary>
    public bool Add(ReadOnlySpan<byte> id, long start, int length) => _insert.Bind(1, id).Bind(2, start).Bind(3, length).Run() == 1;

    /// <summary>Returns where the line of an id stands, and whether it was taken before; null when there is none.</summary>
    public (long Start, int Length, bool WasTaken)? Find(ReadOnlySpan<byte> id)
    {
        (long, int, bool)? place = _find.Bind(1, id).Step() ? (_find.Integer(0), (int)_find.Integer(1), _find.Integer(2) != 0) : null;
        _find.Reset();
        return place;
    }

    /// <summary>Does the same, and marks the line as taken.</summary>
    public (long Start, int Length, bool WasTaken)? Take(ReadOnlySpan<byte> id)
    {
        var place = Find(id);
        if (place is (_, _, false))
        {
            _take.Bind(1, id).Run();
        }

        return place;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _insert.Dispose();
        _find.Dispose();
        _take.Dispose();
        _database.Dispose();
    }
}
