using Microsoft.Data.Sqlite;
using Sluice.Caching;
using Sluice.Caching.Sqlite;
using Sluice.Requests;
using Sluice.Storage;

namespace Sluice.Recovery;

/// <summary>Examines a SQLite cache row by row, and saves what is sound out of a damaged one.</summary>
internal sealed class CacheDoctor(string path, TimeProvider time)
{
    /// <summary>After so many ids in a row that cannot be read, the rest is looked for from the other end.</summary>
    private const int MostMisses = 50_000;

    /// <summary>Says what is wrong with the cache, or null, and how many sound responses it has.</summary>
    /// <exception cref="SluiceException">It cannot be looked at, which says nothing about its content.</exception>
    public async Task<(string? Problem, long Responses)> ExamineAsync()
    {
        long responses = 0;
        try
        {
            using var connection = SqliteStore.OpenForReading(path);
            if (SqliteStore.IntegrityProblem(connection) is { } problem)
            {
                return (problem, 0);
            }

            // Opening it brings an older schema up to date.
            await new SqliteResponseCache(path, time).DisposeAsync().ConfigureAwait(false);
            using var codec = new BodyCodec(dictionary => CacheDictionary.Load(path, dictionary));
            using var keeper = CacheKeeper.Open(path, codec);
            var damaged = 0L;
            foreach (var entry in keeper.List(CacheFilter.All, withBodies: true))
            {
                responses += entry.Problem is null ? 1 : 0;
                damaged += entry.Problem is null ? 0 : 1;
            }

            return (damaged == 0 ? null : $"{damaged} responses are not what was stored: their checksums differ", responses);
        }
        catch (SluiceException error) when (SqliteStore.IsDamage(error))
        {
            return (error.Message, responses);
        }
    }

    /// <summary>Copies every sound response into a new cache beside the damaged one; when that is complete it takes its place, and the damaged one is kept.</summary>
    /// <returns>How many were saved, and where the damaged file is now.</returns>
    /// <exception cref="SluiceException">The new one could not be finished, or has less than can be read now: nothing was changed.</exception>
    public async Task<(long Saved, string Kept)> SaveAsync(CancellationToken cancellationToken)
    {
        CrashPoint.Hit("repair.begin");
        // Nobody stores an answer between the copy and the rename: it would be in neither.
        using var still = SqliteStore.HoldStill(path);
        using var saved = new NewDatabase(path, time);
        long count;
        var cache = new SqliteResponseCache(saved.Path, time);
        await using (cache.ConfigureAwait(false))
        {
            using var group = new PutGroup(cache);
            foreach (var entry in Sound(path))
            {
                await group.AddAsync(entry, cancellationToken).ConfigureAwait(false);
            }

            await group.FinishAsync(cancellationToken).ConfigureAwait(false);
            count = group.New;
        }

        saved.Complete();
        CrashPoint.Hit("repair.saved");
        if (CountReadable() is var readable && readable > count)
        {
            throw new SluiceException(
                ErrorKind.Environment, $"of {readable} responses that can be read in {path} only {count} could be copied", "nothing was changed: `sluice cache export` writes what can be read; please report it");
        }

        return (count, saved.Replace());
    }

    /// <summary>Puts into a cache what it does not have of a database that was kept as damaged.</summary>
    /// <param name="kept">That database.</param>
    /// <param name="cache">The cache; an empty one when there is none.</param>
    /// <param name="takeIn">Whether the answers are put into it, or only counted.</param>
    /// <param name="cancellationToken">Ends it; what was stored stays.</param>
    /// <returns>How many answers it did not have.</returns>
    public static async Task<long> TakeInAsync(string kept, IResponseCache cache, bool takeIn, CancellationToken cancellationToken)
    {
        long missing = 0;
        using var group = new PutGroup(cache);
        foreach (var entries in Sound(kept).Chunk(CacheEntry.GroupSize))
        {
            var found = new bool[entries.Length];
            var keys = Array.ConvertAll(entries, e => e.Key);
            var responses = new CachedResponse?[keys.Length];
            await cache.GetAsync(keys, responses, cancellationToken: cancellationToken).ConfigureAwait(false);
            for (var i = 0; i < entries.Length; i++)
            {
                if (responses[i] is null)
                {
                    missing++;
                    if (takeIn)
                    {
                        await group.AddAsync(entries[i], cancellationToken).ConfigureAwait(false);
                    }
                }
            }
        }

        if (missing > 0 && takeIn)
        {
            await group.FinishAsync(cancellationToken).ConfigureAwait(false);
            CrashPoint.Hit("repair.taken-in");
        }

        return missing;
    }

    /// <summary>Counts the different requests whose sound answers an ordinary listing gives, up to the first page that cannot be read.</summary>
    private long CountReadable()
    {
        using var connection = Open(path);
        if (connection is null)
        {
            return 0;
        }

        using var codec = new BodyCodec(dictionary => CacheDictionary.Load(connection, dictionary));
        using var keeper = new CacheKeeper(connection, codec);
        using var keys = new SeenKeys();
        long readable = 0;
        try
        {
            foreach (var entry in keeper.List(CacheFilter.All, withBodies: true))
            {
                readable += entry.Problem is null && keys.Add(entry.Key) ? 1 : 0;
            }
        }
        catch (SluiceException)
        {
            // What is behind it cannot be listed either.
        }

        return readable;
    }

    /// <summary>Reads response by response, so that one that cannot be read costs no other.</summary>
    private static IEnumerable<CacheEntry> Sound(string damaged)
    {
        var connection = Open(damaged);
        if (connection is null)
        {
            yield break;
        }

        using var codec = new BodyCodec(dictionary => CacheDictionary.Load(connection, dictionary));
        using var keeper = new CacheKeeper(connection, codec);
        var (least, most) = keeper.Bounds();
        var reached = least - 1;
        foreach (var id in Walk(keeper, least - 1, most ?? long.MaxValue, upwards: true))
        {
            reached = id;
            if (Read(keeper, id) is { } sound)
            {
                yield return sound;
            }
        }

        // What lies behind a damage that is too long to be stepped over is reached from the other end.
        foreach (var id in most is { } last ? Walk(keeper, last + 1, reached + 1, upwards: false) : [])
        {
            if (Read(keeper, id) is { } sound)
            {
                yield return sound;
            }
        }
    }

    /// <summary>Goes from id to id: over gaps in one step, and one by one over what cannot be read.</summary>
    /// <remarks>A damaged page may tell any id. A gap counts when what lies on its other side tells the same.</remarks>
    private static IEnumerable<long> Walk(CacheKeeper keeper, long from, long to, bool upwards)
    {
        var misses = 0;
        for (var id = from; misses < MostMisses && (upwards ? id < to : id > to);)
        {
            if (keeper.Next(id, upwards) is { } next && (upwards ? next > id && next <= to : next < id && next >= to) && (id == from || IsNeighbour(next, id)))
            {
                (id, misses) = (next, 0);
            }
            else
            {
                id += upwards ? 1 : -1;
                misses++;
            }

            if (upwards || id >= to)
            {
                yield return id;
            }
        }

        bool IsNeighbour(long next, long id) => Math.Abs(next - id) == 1 || (keeper.Next(next, !upwards) is { } back && (upwards ? back <= id : back >= id));
    }

    private static SqliteConnection? Open(string damaged)
    {
        try
        {
            var connection = SqliteStore.OpenForReading(damaged);
            // A file that was cut off is shorter than its first page says, which SQLite refuses otherwise; nothing is written.
            SqliteStore.Execute(connection, "PRAGMA writable_schema=ON");
            using var _ = new Statement(connection, "SELECT id, dictionary FROM responses WHERE id=?1");
            return connection;
        }
        catch (SluiceException)
        {
            // Its very table of contents is gone: nothing can be read out of it.
            return null;
        }
    }

    private static CacheEntry? Read(CacheKeeper keeper, long id)
    {
        // Asked first, and without the price of an error: most of what is tried behind the damage is not there.
        if (!keeper.Holds(id))
        {
            return null;
        }

        // A request is worth having, but not worth losing its response for.
        foreach (var withRequest in (bool[])[true, false])
        {
            try
            {
                return keeper.Find(id, withRequest) is { Problem: null } sound ? sound.ToEntry() : null;
            }
            catch (SluiceException)
            {
                // It, or its request, is on a damaged page.
            }
        }

        return null;
    }
}
