using Microsoft.Data.Sqlite;
using Sluice.Caching;
using Sluice.Caching.Sqlite;
using Sluice.Storage;

namespace Sluice.Recovery;

/// <summary>Examines a SQLite cache row by row, and saves what is sound out of a damaged one.</summary>
internal sealed class CacheDoctor(string path, TimeProvider time)
{
    /// <summary>After so many ids in a row that give nothing, there are no more behind the damage.</summary>
    private const int MostMisses = 1_000_000;

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

    /// <summary>Copies every sound response into a new cache; the damaged one is kept beside it.</summary>
    /// <returns>How many were saved, and where the damaged file is now.</returns>
    public async Task<(long Saved, string Kept)> SaveAsync(CancellationToken cancellationToken)
    {
        var kept = SqliteStore.MoveAside(path);
        var cache = new SqliteResponseCache(path, time);
        await using var _ = cache.ConfigureAwait(false);
        using var group = new PutGroup(cache);
        foreach (var entry in Sound(kept))
        {
            await group.AddAsync(entry, cancellationToken).ConfigureAwait(false);
        }

        await group.FinishAsync(cancellationToken).ConfigureAwait(false);
        return (group.New, kept);
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
        for (long id = 1, misses = 0; misses < MostMisses; id++)
        {
            var entry = Read(keeper, id);
            misses = entry is null ? misses + 1 : 0;
            if (entry is { } sound)
            {
                yield return sound;
            }
        }
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
