using Microsoft.Data.Sqlite;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching.JsonLines;

/// <summary>A file as the index knows it.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Name">Its name.</param>
/// <param name="Indexed">How many bytes of it are indexed.</param>
internal readonly record struct IndexedFile(int Id, string Name, long Indexed);

/// <summary>The sidecar index of a JSONL store: from keys to lines, on disk, in SQLite. For the one who writes; its lock is the store's.</summary>
/// <remarks>All of it can be made again from the files, which alone count.</remarks>
internal sealed class LineIndex : IDisposable
{
    /// <summary>The index's tables.</summary>
    public const string Keys = "keys";

    private const int Group = 8192;

    private static readonly string[] Schema =
    [
        SlotIndex.Tables(Keys) +
        """
        CREATE TABLE files(id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, indexed INTEGER NOT NULL, dropped INTEGER NOT NULL DEFAULT 0);
        """,
    ];

    private readonly SqliteConnection _connection;
    private readonly LineStore _lines;
    private readonly LineWindow _window = new();
    private readonly Action<string> _warn;
    private readonly SlotIndex _slots;
    private readonly Statement _files;
    private readonly Statement _dropped;
    private readonly Statement _addFile;
    private readonly Statement _advance;
    private readonly Statement _drop;
    private readonly Statement _forget;
    private long? _entries;

    /// <summary>Opens the connection that writes; disposed with the index.</summary>
    /// <param name="path">The index's file.</param>
    /// <param name="lines">The files.</param>
    /// <param name="warn">Told what was put right.</param>
    public LineIndex(string path, LineStore lines, Action<string> warn)
    {
        _lines = lines;
        _warn = warn;
        _connection = Open(path, cacheKib: 8 * 1024);
        SqliteStore.Migrate(_connection, path, Schema);
        _slots = new SlotIndex(_connection, Keys);
        _files = new Statement(_connection, "SELECT id, name, indexed FROM files WHERE dropped=0 ORDER BY name");
        _dropped = new Statement(_connection, "SELECT id, name FROM files WHERE dropped=1");
        _addFile = new Statement(_connection, "INSERT INTO files(name, indexed) VALUES(?1, ?2)");
        _advance = new Statement(_connection, "UPDATE files SET indexed=?2 WHERE id=?1");
        _drop = new Statement(_connection, "UPDATE files SET dropped=1 WHERE id=?1");
        _forget = new Statement(_connection, "DELETE FROM files WHERE id=?1");
    }

    /// <summary>Opens a connection for one thread at a time.</summary>
    /// <remarks>
    /// A power cut may take the last changes, which is seen when the files are longer, or shorter, than the index knows. It must not leave some of
    /// them without the others, as without any sync it could: a line that is noted as indexed and has no entry would count as never answered.
    /// </remarks>
    public static SqliteConnection Open(string path, int cacheKib) => SqliteStore.Open(path, pageSize: 4096, cacheKib, walPages: 4096);

    /// <summary>Says how long to wait for another process's lock.</summary>
    public void WaitForLocks(TimeSpan wait) => SqliteStore.WaitForLocks(_connection, wait);

    /// <summary>Does work while no other process writes; the index is up to date with the files when it begins, and all its changes are undone when it throws.</summary>
    /// <remarks>Where the work meets a line that is not where the index says, the index is made anew and the work done once more.</remarks>
    public TResult Locked<TResult>(Func<TResult> work)
    {
        try
        {
            return LockedOnce(work);
        }
        catch (DamagedLineException)
        {
            return LockedOnce(() =>
            {
                Rebuild(LineFile.In(_lines.Folder));
                return work();
            });
        }
    }

    private TResult LockedOnce<TResult>(Func<TResult> work)
    {
        // Where nobody can write, the files are as the index says, or that is the error.
        SqliteStore.Execute(_connection, SqliteStore.CanOnlyRead(_connection) ? "BEGIN" : "BEGIN IMMEDIATE");
        try
        {
            CatchUp();
            var result = work();
            CrashPoint.Hit("cache.index.commit.before");
            SqliteStore.Execute(_connection, "COMMIT");
            return result;
        }
        catch
        {
            SqliteStore.RollBack(_connection);
            _lines.Forget();
            throw;
        }
    }

    /// <summary>Reads the whole index and throws unless it is sound; that of a million answers has 14 MB.</summary>
    public void RequireSound() => SqliteStore.RequireSound(_connection);

    /// <summary>Returns the files, oldest first.</summary>
    public List<IndexedFile> Files()
    {
        var files = new List<IndexedFile>();
        while (_files.Step())
        {
            files.Add(new IndexedFile((int)_files.Integer(0), _files.Text(1)!, _files.Integer(2)));
        }

        _files.Reset();
        return files;
    }

    /// <summary>Enters a file of which so many bytes are, or will be, indexed.</summary>
    public IndexedFile AddFile(string name, long indexed)
    {
        _addFile.Bind(1, name).Bind(2, indexed).Run();
        var file = Files().First(f => f.Name == name);
        _lines.Know(file.Id, name);
        return file;
    }

    /// <summary>Notes how much of a file is indexed.</summary>
    public void Advance(int file, long indexed) => _advance.Bind(1, file).Bind(2, indexed).Run();

    /// <summary>Gives a file up; it is deleted once this is committed.</summary>
    public void Drop(int file) => _drop.Bind(1, file).Run();

    /// <summary>Deletes the files that were given up; a reader that still has one open goes on reading it.</summary>
    public void DeleteDropped()
    {
        var dropped = new List<(int Id, string Name)>();
        while (_dropped.Step())
        {
            dropped.Add(((int)_dropped.Integer(0), _dropped.Text(1)!));
        }

        _dropped.Reset();
        foreach (var (id, name) in dropped)
        {
            CrashPoint.Hit("cache.rewrite.delete.before");
            File.Delete(Path.Combine(_lines.Folder, name));
            CrashPoint.Hit("cache.rewrite.delete.after");
            _forget.Bind(1, id).Run();
        }
    }

    /// <summary>Returns the slot and place of a key's line, and what the line says, or null.</summary>
    public (long Slot, LinePlace Place, ResponseLine Line)? Find(RequestKey key)
    {
        for (var slot = key.Slot; _slots.Find(slot) is { } packed; slot = unchecked(slot + 1))
        {
            var place = LinePlace.Of(packed);
            var line = Read(place);
            if (line.Key == key)
            {
                return (slot, place, line);
            }
        }

        return null;
    }

    /// <summary>Tells whether a line is the one that counts for its key.</summary>
    /// <exception cref="DamagedLineException">Neither it nor another one counts: index and files do not belong together.</exception>
    public bool IsLive(RequestKey key, LinePlace place) =>
        _slots.SlotOf(key.Slot, place.Packed) is not null || (Find(key) is null ? throw Damaged(place, "the index does not know this line") : false);

    /// <summary>Enters a key that has no line yet.</summary>
    public void Add(RequestKey key, LinePlace place)
    {
        for (var slot = key.Slot; _slots.TryAdd(slot, place.Packed) is not null; slot = unchecked(slot + 1))
        {
        }
    }

    /// <summary>Gives a taken slot another line.</summary>
    public void Replace(long slot, LinePlace place) => _slots.Replace(slot, place.Packed);

    /// <summary>Lets a key's line be another one.</summary>
    public void Move(RequestKey key, LinePlace from, LinePlace to)
    {
        if (_slots.SlotOf(key.Slot, from.Packed) is { } slot)
        {
            _slots.Replace(slot, to.Packed);
        }
    }

    /// <summary>Takes a key out.</summary>
    public void Remove(RequestKey key, LinePlace place) => _slots.RemoveFrom(key.Slot, place.Packed, other => Read(LinePlace.Of(other)).Key.Slot);

    /// <summary>Says that a line is damaged.</summary>
    public DamagedLineException Damaged(LinePlace place, string problem) => new(_lines.PathOf(place.File) ?? $"file {place.File}", place.Offset, new FormatException(problem));

    /// <summary>Keeps the index cheap to write to; once per group of new entries.</summary>
    public void FoldWhenLarge(int added)
    {
        _entries = (_entries ?? CountEntries()) + added;
        _slots.FoldWhenLarge(() => _entries.Value);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _window.Dispose();
        _slots.Dispose();
        foreach (var statement in (Statement[])[_files, _dropped, _addFile, _advance, _drop, _forget])
        {
            statement.Dispose();
        }

        _connection.Dispose();
    }

    private long CountEntries()
    {
        using var count = new Statement(_connection, $"SELECT count(*) FROM {Keys}");
        count.Step();
        return count.Integer(0);
    }

    /// <summary>Indexes what the files have and the index does not: lines of a writer that was killed, files of others, all of them when the index is gone or they were changed by hand.</summary>
    private void CatchUp()
    {
        DeleteDropped();
        var names = LineFile.In(_lines.Folder);
        var known = Files().ToDictionary(f => f.Name);
        if (!IsTrue(known.Values))
        {
            _warn($"the files in {_lines.Folder} were changed by hand, or a power cut has taken a part of them: their index is made anew");
            Rebuild(names);
            return;
        }

        foreach (var name in names)
        {
            var file = known.TryGetValue(name, out var indexed) ? indexed : AddFile(name, 0);
            try
            {
                Scan(file);
            }
            catch (DamagedLineException) when (file.Indexed > 0)
            {
                // What was appended by us is whole: somebody has changed the file.
                Rebuild(names);
                return;
            }
        }
    }

    /// <summary>Tells whether every file is there, at least as long as the index says, and has the end of a line where it was indexed last.</summary>
    private bool IsTrue(IEnumerable<IndexedFile> files) => files.All(f =>
        new FileInfo(Path.Combine(_lines.Folder, f.Name)) is { Exists: true } info && info.Length >= f.Indexed && (info.Length == f.Indexed || EndsLine(info.FullName, f.Indexed)));

    private static bool EndsLine(string path, long length)
    {
        if (length == 0)
        {
            return true;
        }

        using var handle = File.OpenHandle(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite | FileShare.Delete);
        Span<byte> last = stackalloc byte[1];
        return RandomAccess.Read(handle, last, length - 1) == 1 && last[0] == (byte)'\n';
    }

    private void Rebuild(IReadOnlyList<string> names)
    {
        SqliteStore.Execute(_connection, $"DELETE FROM {Keys}; DELETE FROM {Keys}_recent; DELETE FROM files");
        _lines.Forget();
        foreach (var name in names)
        {
            Scan(AddFile(name, 0));
        }
    }

    /// <summary>Enters the lines of a file from where it is indexed; the last line of a key counts.</summary>
    private void Scan(IndexedFile file)
    {
        var path = Path.Combine(_lines.Folder, file.Name);
        if (new FileInfo(path).Length == file.Indexed)
        {
            return;
        }

        var found = new List<(RequestKey Key, LinePlace Place)>(Group);
        using var lines = new LineScan(path, file.Indexed);
        var end = file.Indexed;
        while (lines.Next() || lines.MendEnd(_warn))
        {
            found.Add((lines.Read().Key, new LinePlace(file.Id, lines.Start)));
            end = lines.Start + lines.Line.Length + 1;
            if (found.Count == Group)
            {
                Enter(found);
            }
        }

        Enter(found);
        Advance(file.Id, end);
        if (lines.Unwritten > 0)
        {
            _warn($"a power cut has taken {lines.Unwritten} bytes of {path}: what they answered is asked again");
        }
    }

    private void Enter(List<(RequestKey Key, LinePlace Place)> found)
    {
        // In the order of slots, which share pages; equal ones in that of time, since sorting by LINQ is stable.
        foreach (var (key, place) in found.OrderBy(f => f.Key.Slot))
        {
            if (Find(key) is { } known)
            {
                Replace(known.Slot, place);
            }
            else
            {
                Add(key, place);
            }
        }

        FoldWhenLarge(found.Count);
        found.Clear();
    }

    private ResponseLine Read(LinePlace place)
    {
        try
        {
            return _lines.Read(place, _window) is { } line ? ResponseLine.Read(line) : throw Damaged(place, "there is no whole line");
        }
        catch (FormatException error)
        {
            throw Damaged(place, error.Message);
        }
    }
}
