using Microsoft.Data.Sqlite;

namespace Sluice.Storage;

/// <summary>An index from random 64-bit slots to numbers, in two tables of one database: a large one, and a small one that new entries go into.</summary>
/// <remarks>
/// New entries hit random pages. In one large table each group of them would write a good part of it again; a small one fits on a few pages, and
/// is folded into the large one, in order, before it has grown: a log-structured merge of two levels (O'Neil et al., 1996). Filling a cache with
/// a million responses of 1 KB in groups of 8,192 writes 2,648 bytes for each instead of 3,603 (bench/cache).
/// For one thread at a time; everything but the schema belongs into the caller's transaction.
/// </remarks>
internal sealed class SlotIndex : IDisposable
{
    /// <summary>With a recent table of the square root of this times the entries, adding to it and folding it in write the same number of pages.</summary>
    private const double FoldRatio = 2 * 4096;

    private readonly Statement _find;
    private readonly Statement _findOld;
    private readonly Statement _add;
    private readonly Statement _countRecent;
    private readonly Statement _fold;
    private readonly Statement _clear;
    private readonly (Statement Remove, Statement RemoveAll, Statement Replace)[] _both;
    private readonly long _foldFrom;
    private long _addedSinceCount = long.MaxValue / 2;

    /// <summary>Prepares the index <paramref name="name"/> of a database; fewer than <paramref name="foldFrom"/> new entries are never folded.</summary>
    public SlotIndex(SqliteConnection connection, string name, long foldFrom = 32 * 1024)
    {
        _foldFrom = foldFrom;
        _find = new Statement(connection, Lookup(name));
        _findOld = new Statement(connection, $"SELECT value FROM {name} WHERE slot=?1");
        _add = new Statement(connection, $"INSERT INTO {name}_recent(slot, value) VALUES(?1, ?2) ON CONFLICT DO NOTHING");
        _countRecent = new Statement(connection, $"SELECT count(*) FROM {name}_recent");
        _fold = new Statement(connection, $"INSERT INTO {name}(slot, value) SELECT slot, value FROM {name}_recent ORDER BY slot");
        _clear = new Statement(connection, $"DELETE FROM {name}_recent");
        _both = Array.ConvertAll([name, name + "_recent"], table => (
            new Statement(connection, $"DELETE FROM {table} WHERE slot=?1 AND value=?2"),
            new Statement(connection, $"DELETE FROM {table} WHERE value=?1"),
            new Statement(connection, $"UPDATE {table} SET value=?2 WHERE slot=?1")));
    }

    /// <summary>Returns the tables of an index, for a schema.</summary>
    public static string Tables(string name) =>
        $"""
        CREATE TABLE {name}(slot INTEGER PRIMARY KEY, value INTEGER NOT NULL);
        CREATE TABLE {name}_recent(slot INTEGER PRIMARY KEY, value INTEGER NOT NULL);

        """;

    /// <summary>Returns the query that gives the value of slot <c>?1</c>, as a part of other queries. One statement: an entry that is being folded is never missed.</summary>
    public static string Lookup(string name) =>
        $"SELECT value FROM {name} WHERE slot=?1 UNION ALL SELECT value FROM {name}_recent WHERE slot=?1";

    /// <summary>Returns the value of a slot, or null.</summary>
    public long? Find(long slot) => First(_find.Bind(1, slot));

    /// <summary>Enters a value unless the slot is taken; returns the value that is there already, or null.</summary>
    public long? TryAdd(long slot, long value)
    {
        if (First(_findOld.Bind(1, slot)) is { } old)
        {
            return old;
        }

        if (_add.Bind(1, slot).Bind(2, value).Run() == 0)
        {
            return Find(slot);
        }

        _addedSinceCount++;
        return null;
    }

    /// <summary>Takes an entry out; false when the slot is free or has another value.</summary>
    public bool Remove(long slot, long value) => Array.Exists(_both, t => t.Remove.Bind(1, slot).Bind(2, value).Run() == 1);

    /// <summary>Takes out an entry that may have gone on to a later slot, and closes the gap: whoever looks for one that has gone past it stops at the first free slot.</summary>
    /// <param name="home">Where the entry would be if no other had been there.</param>
    /// <param name="value">Its value.</param>
    /// <param name="homeOf">Returns the home of another entry, by its value.</param>
    public void RemoveFrom(long home, long value, Func<long, long> homeOf)
    {
        var slot = SlotOf(home, value);
        if (slot is null)
        {
            return;
        }

        Remove(slot.Value, value);
        for (var next = unchecked(slot.Value + 1); Find(next) is { } follower; next = unchecked(next + 1))
        {
            Remove(next, follower);
            var free = homeOf(follower);
            while (TryAdd(free, follower) is not null)
            {
                free = unchecked(free + 1);
            }
        }
    }

    /// <summary>Returns the slot of an entry, looked for from its home on, or null.</summary>
    public long? SlotOf(long home, long value)
    {
        for (var slot = home; Find(slot) is { } other; slot = unchecked(slot + 1))
        {
            if (other == value)
            {
                return slot;
            }
        }

        return null;
    }

    /// <summary>Takes all entries of a value out and returns how many there were; reads the whole index unless its tables are indexed by value.</summary>
    public int RemoveAll(long value) => _both.Sum(t => t.RemoveAll.Bind(1, value).Run());

    /// <summary>Gives a slot that is taken another value.</summary>
    public void Replace(long slot, long value) => Array.ForEach(_both, t => t.Replace.Bind(1, slot).Bind(2, value).Run());

    /// <summary>Folds the small table into the large one when it has grown enough. Call it once per group.</summary>
    /// <param name="entries">About how many entries the index has.</param>
    public void FoldWhenLarge(Func<long> entries)
    {
        // Mostly nobody has to count.
        var most = _addedSinceCount < _foldFrom ? _foldFrom : Math.Max(_foldFrom, (long)Math.Sqrt(FoldRatio * entries()));
        if (_addedSinceCount < most)
        {
            return;
        }

        // Other processes fold too: only a count tells.
        _addedSinceCount = First(_countRecent) ?? 0;
        if (_addedSinceCount >= most)
        {
            _fold.Run();
            _clear.Run();
            _addedSinceCount = 0;
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _find.Dispose();
        _findOld.Dispose();
        _add.Dispose();
        _countRecent.Dispose();
        _fold.Dispose();
        _clear.Dispose();
        foreach (var (remove, removeAll, replace) in _both)
        {
            remove.Dispose();
            removeAll.Dispose();
            replace.Dispose();
        }
    }

    private static long? First(Statement query)
    {
        long? value = query.Step() ? query.Integer(0) : null;
        query.Reset();
        return value;
    }
}
