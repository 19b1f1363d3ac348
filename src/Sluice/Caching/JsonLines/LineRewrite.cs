using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching.JsonLines;

/// <summary>Writes the files of a JSONL store anew, without what is deleted or no longer counts: one file after the other, each under the lock.</summary>
internal sealed class LineRewrite(LineIndex index, LineStore lines, Func<ResponseLine, bool> keeps)
{
    private const int Group = 4096;

    /// <summary>Rewrites every file that has a line which is not kept, and returns how many that counted are deleted.</summary>
    public long Run(CancellationToken cancellationToken)
    {
        long deleted = 0;
        foreach (var file in index.Locked(index.Files))
        {
            cancellationToken.ThrowIfCancellationRequested();
            deleted += index.Locked(() => index.Files().Find(f => f.Name == file.Name) is { Name: not null } now && !IsKeptWhole(now) ? Rewrite(now) : 0);
        }

        // The last ones are deleted now that their successors are committed.
        index.Locked(() => true);
        return deleted;
    }

    private bool IsKeptWhole(IndexedFile file)
    {
        using var scan = Scan(file);
        while (scan.Next(until: file.Indexed))
        {
            var line = scan.Read();
            if (!index.IsLive(line.Key, new LinePlace(file.Id, scan.Start)) || !keeps(line))
            {
                return false;
            }
        }

        // What a power cut has left unwritten goes, too.
        return scan.Unwritten == 0;
    }

    private long Rewrite(IndexedFile file)
    {
        var name = Successor(file.Name);
        var path = Path.Combine(lines.Folder, name);
        try
        {
            using var target = PrivateFiles.Create(path);
            var copy = new Copy(index, index.AddFile(name, 0), target);
            using (var scan = Scan(file))
            {
                while (scan.Next(until: file.Indexed))
                {
                    var line = scan.Read();
                    var place = new LinePlace(file.Id, scan.Start);
                    if (index.IsLive(line.Key, place))
                    {
                        copy.Take(line.Key, place, keeps(line) ? scan.Line.Span : []);
                    }
                }
            }

            copy.Settle();
            CrashPoint.Hit("cache.rewrite.sync.before");
            target.Flush(flushToDisk: true);
            // Before the file that it takes the place of is deleted.
            FolderSync.Sync(lines.Folder);
            CrashPoint.Hit("cache.rewrite.sync.after");
            index.Advance(copy.File.Id, target.Length);
            if (target.Length == 0)
            {
                index.Drop(copy.File.Id);
            }

            index.Drop(file.Id);
            return copy.Deleted;
        }
        catch
        {
            // Its lines are all in the file that stays.
            File.Delete(path);
            throw;
        }
    }

    private LineScan Scan(IndexedFile file) => new(Path.Combine(lines.Folder, file.Name), 0);

    private string Successor(string name)
    {
        var names = LineFile.In(lines.Folder);
        do
        {
            name = LineFile.Successor(name);
        }
        while (names.Contains(name));
        return name;
    }

    /// <summary>Lines on their way from one file into another; the index follows in groups, in the order of its pages.</summary>
    private sealed class Copy(LineIndex index, IndexedFile file, FileStream target)
    {
        private readonly List<(RequestKey Key, LinePlace From, LinePlace? To)> _moves = new(Group);

        public IndexedFile File => file;

        public long Deleted { get; private set; }

        /// <summary>Takes a line over, or deletes it when it is empty.</summary>
        public void Take(RequestKey key, LinePlace from, ReadOnlySpan<byte> line)
        {
            _moves.Add((key, from, line.IsEmpty ? null : new LinePlace(file.Id, target.Position)));
            if (line.IsEmpty)
            {
                Deleted++;
            }
            else
            {
                target.Write(line);
                target.WriteByte((byte)'\n');
            }

            if (_moves.Count == Group)
            {
                Settle();
            }
        }

        public void Settle()
        {
            // Closing a gap in the index may read lines that have just been written.
            target.Flush();
            foreach (var (key, from, to) in _moves.OrderBy(m => m.Key.Slot))
            {
                if (to is { } place)
                {
                    index.Move(key, from, place);
                }
                else
                {
                    index.Remove(key, from);
                }
            }

            _moves.Clear();
        }
    }
}
