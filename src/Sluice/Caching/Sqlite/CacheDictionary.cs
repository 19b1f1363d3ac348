using Microsoft.Data.Sqlite;
using Sluice.Storage;

namespace Sluice.Caching.Sqlite;

/// <summary>Learns and loads the dictionaries that bodies of a cache are compressed with.</summary>
internal static class CacheDictionary
{
    private const int MostSamples = 2000;
    private const int MostSampleBytes = 16 * 1024;

    /// <summary>Learns from a sample of all bodies and enters the dictionary; 0 when there is nothing to learn. Belongs into the caller's transaction.</summary>
    public static int Learn(SqliteConnection connection, BodyCodec codec)
    {
        using var count = new Statement(connection, "SELECT coalesce(max(id), 0) FROM responses");
        count.Step();
        var step = Math.Max(1, count.Integer(0) / MostSamples);
        count.Reset();
        using var next = new Statement(connection, "SELECT id, body, dictionary, size FROM responses WHERE id>=?1 ORDER BY id LIMIT 1");
        var bodies = new List<byte[]>(MostSamples);
        for (long id = 1; bodies.Count < MostSamples && next.Bind(1, id).Step();)
        {
            var stored = next.Blob(1);
            var dictionary = (int)next.Integer(2);
            var body = dictionary == 0 ? stored.Length > MostSampleBytes ? null : stored.ToArray() : codec.Decode(stored, dictionary, (int)next.Integer(3));
            if (body is { Length: > 0 and <= MostSampleBytes })
            {
                bodies.Add(body);
            }

            id = next.Integer(0) + step;
            next.Reset();
        }

        if (BodyCodec.Learn(bodies) is not { } bytes)
        {
            return 0;
        }

        using var insert = new Statement(connection, "INSERT INTO dictionaries(bytes) VALUES(?1)");
        insert.Bind(1, bytes).Run();
        using var last = new Statement(connection, "SELECT max(id) FROM dictionaries");
        last.Step();
        var learnt = (int)last.Integer(0);
        last.Reset();
        return learnt;
    }

    /// <summary>Reads a dictionary, or null when there is none of this number.</summary>
    public static byte[]? Load(string path, int dictionary)
    {
        using var connection = CacheSchema.Open(path, cacheKib: 64);
        return Load(connection, dictionary);
    }

    /// <inheritdoc cref="Load(string, int)"/>
    public static byte[]? Load(SqliteConnection connection, int dictionary)
    {
        using var find = new Statement(connection, "SELECT bytes FROM dictionaries WHERE id=?1");
        return find.Bind(1, dictionary).Step() ? find.Blob(0).ToArray() : null;
    }
}
