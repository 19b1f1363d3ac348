namespace Sluice.Journeys;

/// <summary>What becomes of one call that nothing has synced yet, when the power is cut.</summary>
internal enum Fate
{
    Kept,
    Lost,

    /// <summary>Of a write, only what lies before the first border between two blocks reached the disk.</summary>
    Head,

    /// <summary>Of a write, only what lies behind that border.</summary>
    Tail,

    /// <summary>Of a write, some blocks, by chance.</summary>
    Blocks,
}

/// <summary>A call that nothing has synced yet.</summary>
internal sealed record PendingCall(WriteEntry Entry, CrashDisk.Node Node, CrashDisk.Node? From, CrashDisk.Node? To)
{
    public bool IsWrite => Entry.Kind == WriteKind.Write;
}

/// <summary>A disk, as a log of calls leaves it at each moment: what is certainly on it, and the calls that may be or not.</summary>
/// <remarks>
/// The model is weaker than ext4 in ordered mode and XFS: every state that those may leave is among its states, and more.
/// A sync of a file makes its bytes and its length certain, and nothing else: not its name (ext4 and XFS write the name too).
/// A sync of a folder makes the names in it certain, and no byte of a file. Everything else may be there or not, each call by itself: of names, in
/// any combination (a journal keeps them in order), though a renaming is done as a whole; of writes, down to single blocks of 512 or 4,096 bytes.
/// Bytes that were never written and lie before the end of a file are zeros.
/// </remarks>
internal sealed class CrashDisk
{
    private readonly List<PendingCall> _pending = [];

    public CrashDisk() => Root = new Node(isFolder: true);

    /// <summary>A file or a folder, whatever its names are.</summary>
    internal sealed class Node(bool isFolder)
    {
        public bool IsFolder => isFolder;

        /// <summary>Gets or sets what is certainly in the file.</summary>
        public byte[] Synced { get; set; } = [];

        /// <summary>Gets the names that are certainly in the folder.</summary>
        public Dictionary<string, Node> SyncedNames { get; } = new(StringComparer.Ordinal);

        /// <summary>Gets the names that programs see in the folder.</summary>
        public Dictionary<string, Node> Names { get; } = new(StringComparer.Ordinal);
    }

    public Node Root { get; }

    public IReadOnlyList<PendingCall> Pending => _pending;

    /// <summary>Does what a call did.</summary>
    public void Apply(WriteEntry entry)
    {
        switch (entry.Kind)
        {
            case WriteKind.Create or WriteKind.MakeFolder:
                Name(entry, new Node(entry.Kind == WriteKind.MakeFolder), null, Folder(entry.Path));
                break;
            case WriteKind.Link:
                Name(entry, Find(entry.Path)!, null, Folder(entry.Other));
                break;
            case WriteKind.Rename:
                Name(entry, Find(entry.Path)!, Folder(entry.Path), Folder(entry.Other));
                break;
            case WriteKind.Unlink or WriteKind.RemoveFolder:
                Name(entry, Find(entry.Path)!, Folder(entry.Path), null);
                break;
            case WriteKind.Write or WriteKind.Truncate:
                _pending.Add(new PendingCall(entry, Find(entry.Path) ?? throw new InvalidOperationException($"{entry}: there is no such file"), null, null));
                break;
            case WriteKind.Sync:
                Sync(Find(entry.Path));
                break;
        }
    }

    /// <summary>Returns the files that are on the disk after a power cut, by path, and the folders, which end with a slash.</summary>
    /// <param name="fates">What became of each pending call.</param>
    /// <param name="chance">Chooses blocks.</param>
    /// <param name="block">The size of a block, in bytes.</param>
    public SortedDictionary<string, byte[]> Cut(IReadOnlyList<Fate> fates, Random chance, int block)
    {
        var files = new Dictionary<Node, Content>();
        var folders = new Dictionary<Node, Dictionary<string, Node>>();
        for (var i = 0; i < _pending.Count; i++)
        {
            var call = _pending[i];
            if (fates[i] == Fate.Lost)
            {
                continue;
            }

            if (call.Entry.Kind is WriteKind.Write or WriteKind.Truncate)
            {
                if (!files.TryGetValue(call.Node, out var content))
                {
                    files.Add(call.Node, content = new Content(call.Node.Synced));
                }

                content.Apply(call.Entry, fates[i], chance, block);
            }
            else
            {
                Rename(call, folder =>
                {
                    if (!folders.TryGetValue(folder, out var names))
                    {
                        folders.Add(folder, names = new(folder.SyncedNames, StringComparer.Ordinal));
                    }

                    return names;
                });
            }
        }

        var disk = new SortedDictionary<string, byte[]>(StringComparer.Ordinal);
        Visit(Root, "");
        return disk;

        void Visit(Node folder, string path)
        {
            foreach (var (name, node) in folders.GetValueOrDefault(folder) ?? folder.SyncedNames)
            {
                if (node.IsFolder)
                {
                    disk[path + name + "/"] = [];
                    Visit(node, path + name + "/");
                }
                else
                {
                    disk[path + name] = files.TryGetValue(node, out var content) ? content.ToArray() : node.Synced;
                }
            }
        }
    }

    private static void Rename(PendingCall call, Func<Node, Dictionary<string, Node>> namesOf)
    {
        if (call.From is { } from)
        {
            var name = NameIn(call.Entry.Path);
            // Where its making was lost, there is nothing to take away.
            if (namesOf(from).TryGetValue(name, out var there) && there == call.Node)
            {
                namesOf(from).Remove(name);
            }
        }

        if (call.To is { } to)
        {
            namesOf(to)[NameIn(call.Entry.Other.Length > 0 ? call.Entry.Other : call.Entry.Path)] = call.Node;
        }
    }

    private static string NameIn(string path) => path[(path.LastIndexOf('/') + 1)..];

    private Node Folder(string path) => Find(path.LastIndexOf('/') is >= 0 and var end ? path[..end] : "") ?? throw new InvalidOperationException($"{path}: there is no such folder");

    private Node? Find(string path)
    {
        var node = Root;
        foreach (var name in path.Split('/', StringSplitOptions.RemoveEmptyEntries))
        {
            if (!node.Names.TryGetValue(name, out var next))
            {
                return null;
            }

            node = next;
        }

        return node;
    }

    private void Name(WriteEntry entry, Node node, Node? from, Node? to)
    {
        var call = new PendingCall(entry, node, from, to);
        Rename(call, static folder => folder.Names);
        _pending.Add(call);
    }

    private void Sync(Node? node)
    {
        if (node is null)
        {
            return;
        }

        var content = new Content(node.Synced);
        foreach (var call in _pending)
        {
            if (call.From == node || call.To == node)
            {
                Rename(call, static folder => folder.SyncedNames);
            }
            else if (call.Node == node && call.Entry.Kind is WriteKind.Write or WriteKind.Truncate)
            {
                content.Apply(call.Entry, Fate.Kept, Random.Shared, 1);
            }
        }

        node.Synced = content.ToArray();
        _pending.RemoveAll(call => call.From == node || call.To == node || (call.Node == node && call.Entry.Kind is WriteKind.Write or WriteKind.Truncate));
    }

    /// <summary>The bytes of a file while calls are done to it.</summary>
    private sealed class Content(byte[] synced)
    {
        private byte[] _bytes = synced;
        private int _length = synced.Length;
        private bool _isOwn;

        public byte[] ToArray() => _isOwn || _length != _bytes.Length ? _bytes[.._length] : _bytes;

        public void Apply(WriteEntry entry, Fate fate, Random chance, int block)
        {
            if (entry.Kind == WriteKind.Truncate)
            {
                Resize((int)entry.Size);
                return;
            }

            var (start, end) = ((int)entry.Offset, (int)entry.Offset + entry.Bytes.Length);
            var border = Math.Min(end, (start / block * block) + block);
            switch (fate)
            {
                case Fate.Kept:
                    Write(start, end);
                    break;
                case Fate.Head:
                    Write(start, border);
                    break;
                case Fate.Tail:
                    Write(border, end);
                    break;
                case Fate.Blocks:
                    for (var at = start; at < end; at = border, border = Math.Min(end, border + block))
                    {
                        if (chance.Next(2) == 0)
                        {
                            Write(at, border);
                        }
                    }

                    break;
            }

            void Write(int from, int to)
            {
                if (from < to)
                {
                    Resize(Math.Max(_length, to));
                    entry.Bytes.Span[(from - start)..(to - start)].CopyTo(_bytes.AsSpan(from));
                }
            }
        }

        private void Resize(int length)
        {
            if (!_isOwn || length > _bytes.Length)
            {
                var larger = new byte[Math.Max(length, _bytes.Length + (_isOwn ? _bytes.Length / 2 : 0))];
                _bytes.AsSpan(0, _length).CopyTo(larger);
                (_bytes, _isOwn) = (larger, true);
            }

            if (length > _length)
            {
                _bytes.AsSpan(_length, length - _length).Clear();
            }

            _length = length;
        }
    }
}
