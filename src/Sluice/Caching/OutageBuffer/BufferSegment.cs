using System.Globalization;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Caching.OutageBuffer;

/// <summary>The answers that one process has kept on disk while the cache was away, in one folder of their own.</summary>
/// <remarks>
/// The folder holds a store for each time before which stored answers give way, since that has to be said again when they are carried over.
/// Beside it lies a lock that its process holds for as long as it lives: whoever gets it may carry the answers over.
/// </remarks>
internal sealed class BufferSegment : IAsyncDisposable
{
    private const string LockEnding = ".lock";
    private const string GoneEnding = ".gone";
    private const string FirstStays = "first";
    private static readonly long EarliestTime = DateTimeOffset.MinValue.ToUnixTimeMilliseconds();
    private static readonly long LatestTime = DateTimeOffset.MaxValue.ToUnixTimeMilliseconds();

    private readonly string _folder;
    private readonly Func<string, ICacheStore> _open;
    private readonly FileStream? _lock;
    // Puts, look-ups and the carrying over come from different threads.
    private readonly Lock _gate = new();
    // One for each expiry and refresh that a sweep's experiments have.
    private readonly SortedDictionary<(DateTimeOffset ReplacedBefore, string Name), ICacheStore> _stores = [];

    private BufferSegment(string folder, Func<string, ICacheStore> open, FileStream? held)
    {
        _folder = folder;
        _open = open;
        _lock = held;
    }

    /// <summary>Returns the folders of all that there are.</summary>
    public static IEnumerable<string> FoldersIn(string parent) => Directory.EnumerateDirectories(parent).Where(f => !f.EndsWith(GoneEnding, StringComparison.Ordinal));

    /// <summary>Returns the folders of those that were left behind half deleted.</summary>
    public static IEnumerable<string> HalfDeletedIn(string parent) => Directory.EnumerateDirectories(parent, "*" + GoneEnding).Select(f => f[..^GoneEnding.Length]);

    /// <summary>Makes a new one, which belongs to this process.</summary>
    public static BufferSegment Create(string parent, Func<string, ICacheStore> open)
    {
        PrivateFiles.CreateFolder(parent);
        var folder = Path.Combine(parent, Guid.NewGuid().ToString("N"));
        // Locked before there is anything in it, so that nobody takes it for one that was left behind.
        var held = Lock(folder) ?? throw new SluiceException(ErrorKind.Environment, $"cannot lock {folder}{LockEnding}");
        try
        {
            PrivateFiles.CreateFolder(folder);
            return new BufferSegment(folder, open, held);
        }
        catch
        {
            // Without a folder nobody would ever find, and delete, its lock.
            held.Dispose();
            File.Delete(folder + LockEnding);
            throw;
        }
    }

    /// <summary>Looks into one that may belong to another process.</summary>
    public static BufferSegment Peek(string folder, Func<string, ICacheStore> open) => new(folder, open, null);

    /// <summary>Takes over one that was left behind; null when its process still lives.</summary>
    public static BufferSegment? TryTake(string folder, Func<string, ICacheStore> open) => Lock(folder) is { } held ? new BufferSegment(folder, open, held) : null;

    /// <summary>Gets where it is.</summary>
    public string Folder => _folder;

    /// <summary>Gets whether this process has put answers into it.</summary>
    public bool HasAnswers { get; private set; }

    /// <summary>Keeps answers and returns how many were new to it.</summary>
    public async ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset replacedBefore)
    {
        ICacheStore? store;
        lock (_gate)
        {
            var name = Name(replacedBefore);
            if (!_stores.TryGetValue((replacedBefore, name), out store))
            {
                _stores.Add((replacedBefore, name), store = _open(Path.Combine(_folder, name)));
            }
        }

        var added = await store.PutAsync(entries, replacedBefore).ConfigureAwait(false);
        HasAnswers = true;
        CrashPoint.Hit("buffer.put.after");
        return added;
    }

    /// <summary>Fills those slots that are null and can be filled.</summary>
    public async ValueTask GetAsync(ReadOnlyMemory<RequestKey> keys, CachedResponse?[] responses, DateTimeOffset notBefore, CancellationToken cancellationToken)
    {
        // What has replaced something is younger.
        foreach (var (_, store) in OpenAll().Reverse())
        {
            var found = new CachedResponse?[keys.Length];
            await store.GetAsync(keys, found, notBefore, cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < found.Length; i++)
            {
                responses[i] ??= found[i];
            }
        }
    }

    /// <summary>Makes what was kept survive a power cut.</summary>
    public async ValueTask SyncAsync(CancellationToken cancellationToken)
    {
        foreach (var (_, store) in Opened())
        {
            await store.SyncAsync(cancellationToken).ConfigureAwait(false);
        }
    }

    /// <summary>Puts everything into a cache, in order, and returns how much; it can be done again.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="damaged">Told of answers that cannot be carried over.</param>
    public async ValueTask<long> CarryAsync(IResponseCache target, Action<StoredResponse> damaged)
    {
        long carried = 0;
        foreach (var ((replacedBefore, _), store) in OpenAll())
        {
            using var group = new PutGroup(target, replacedBefore: replacedBefore);
            await foreach (var answer in store.ListAsync(CacheFilter.All, withBodies: true).ConfigureAwait(false))
            {
                if (answer.Body is null)
                {
                    damaged(answer);
                }
                else
                {
                    await group.AddAsync(answer.ToEntry(), CancellationToken.None).ConfigureAwait(false);
                }
            }

            await group.FlushAsync(CancellationToken.None).ConfigureAwait(false);
            carried += group.Responses;
        }

        return carried;
    }

    /// <summary>Deletes it from the disk. It must belong to this process.</summary>
    public async ValueTask DeleteAsync()
    {
        await CloseStoresAsync().ConfigureAwait(false);
        var gone = _folder + GoneEnding;
        if (Directory.Exists(_folder))
        {
            // First out of the way, all at once: others may be about to open what is in it.
            Directory.Move(_folder, gone);
        }

        if (Directory.Exists(gone))
        {
            Directory.Delete(gone, recursive: true);
        }

        // While it is still held: nobody can take what is gone.
        File.Delete(_folder + LockEnding);
        await DisposeAsync().ConfigureAwait(false);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await CloseStoresAsync().ConfigureAwait(false);
        if (_lock is not null)
        {
            await _lock.DisposeAsync().ConfigureAwait(false);
        }
    }

    private static string Name(DateTimeOffset replacedBefore) =>
        replacedBefore == default ? FirstStays : replacedBefore.ToUnixTimeMilliseconds().ToString(CultureInfo.InvariantCulture);

    /// <summary>Returns the time that a store's name says; null when it says none.</summary>
    private static DateTimeOffset? TimeOf(string name) =>
        name == FirstStays ? default(DateTimeOffset)
        : long.TryParse(name, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var time) && time >= EarliestTime && time <= LatestTime ? DateTimeOffset.FromUnixTimeMilliseconds(time)
        : null;

    private static FileStream? Lock(string folder)
    {
        try
        {
            PrivateFiles.Touch(folder + LockEnding);
            return new FileStream(folder + LockEnding, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (IOException error) when (DiskTrouble.Explain(error) is null)
        {
            // Another process has it: the system gives it back when that one ends, however it ends.
            return null;
        }
    }

    /// <summary>Opens the stores that its process has made since the last time.</summary>
    private KeyValuePair<(DateTimeOffset ReplacedBefore, string Name), ICacheStore>[] OpenAll()
    {
        lock (_gate)
        {
            foreach (var folder in Directory.Exists(_folder) ? Directory.EnumerateDirectories(_folder) : [])
            {
                var name = Path.GetFileName(folder);
                if (!_stores.Keys.Any(known => known.Name == name) && (TimeOf(name) is not null || JsonlResponseCache.IsStore(folder)))
                {
                    // One that people have renamed holds paid answers, too: they give way to what there is.
                    _stores.Add((TimeOf(name) ?? default, name), _open(folder));
                }
            }

            return [.. _stores];
        }
    }

    private KeyValuePair<(DateTimeOffset ReplacedBefore, string Name), ICacheStore>[] Opened()
    {
        lock (_gate)
        {
            return [.. _stores];
        }
    }

    private async ValueTask CloseStoresAsync()
    {
        KeyValuePair<(DateTimeOffset ReplacedBefore, string Name), ICacheStore>[] closing;
        lock (_gate)
        {
            closing = [.. _stores];
            _stores.Clear();
        }

        foreach (var (_, store) in closing)
        {
            await store.DisposeAsync().ConfigureAwait(false);
        }
    }
}
