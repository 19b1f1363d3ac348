using System.Globalization;
using Sluice.Caching.JsonLines;
using Sluice.Storage;
using StackExchange.Redis;

namespace Sluice.Caching;

/// <summary>Stores responses in groups, each sent at once: the first answer to a key stays, unless it gives way.</summary>
internal sealed class RedisWriter(RedisConnection connection, RedisKeys keys, TimeSpan? expiry)
{
    private const int MaxGroupBytes = 4 * 1024 * 1024;

    // A stored line begins with its key, its time and its origin: what is compared tells whether it is still the one that was found too old.
    private const int ComparedBytes = 160;
    private const string Replace =
        """
        local stored = redis.call('GET', KEYS[1])
        if stored and string.sub(stored, 1, #ARGV[1]) ~= ARGV[1] then return 0 end
        if ARGV[3] == '' then redis.call('SET', KEYS[1], ARGV[2]) else redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3]) end
        return 1
        """;

    private readonly RedisValue _milliseconds = expiry is { } time ? ((long)time.TotalMilliseconds).ToString(CultureInfo.InvariantCulture) : "";

    /// <summary>Stores responses and returns how many were new.</summary>
    public async ValueTask<int> PutAsync(IReadOnlyList<CacheEntry> entries, DateTimeOffset now, DateTimeOffset replacedBefore)
    {
        var added = 0;
        var group = new List<(RedisKey Name, int End)>(Math.Min(entries.Count, CacheEntry.GroupSize));
        for (var next = 0; next < entries.Count;)
        {
            // Given back only when all went well: after a time-out the client may still be about to send what is in it.
            var lines = new PooledBuffer(64 * 1024);
            group.Clear();
            while (next < entries.Count && group.Count < CacheEntry.GroupSize && lines.WrittenCount < MaxGroupBytes)
            {
                var entry = entries[next++];
                ResponseLine.Write(lines, entry, entry.StampedAt(now, replacedBefore));
                group.Add((keys.Name(entry.Key), lines.WrittenCount));
            }

            added += await connection.StoreAsync(database => StoreAsync(database, group, lines.WrittenMemory, replacedBefore), CancellationToken.None).ConfigureAwait(false);
            lines.Dispose();
        }

        return added;
    }

    private async Task<int> StoreAsync(IDatabase database, List<(RedisKey Name, int End)> group, ReadOnlyMemory<byte> lines, DateTimeOffset replacedBefore)
    {
        var stores = new Task<bool>[group.Count];
        for (var i = 0; i < stores.Length; i++)
        {
            stores[i] = database.StringSetAsync(group[i].Name, Line(i), expiry, When.NotExists);
        }

        var isNew = await Task.WhenAll(stores).ConfigureAwait(false);
        await RequireAnswersAsync(database, group.Where((_, i) => !isNew[i]).Select(e => e.Name)).ConfigureAwait(false);
        var added = isNew.Count(stored => stored);
        if (replacedBefore == default)
        {
            return added;
        }

        for (var i = 0; i < isNew.Length; i++)
        {
            if (!isNew[i] && await ReplaceAsync(database, group[i].Name, Line(i), replacedBefore).ConfigureAwait(false))
            {
                added++;
            }
        }

        return added;

        ReadOnlyMemory<byte> Line(int i) => i == 0 ? lines[..group[0].End] : lines[group[i - 1].End..group[i].End];
    }

    /// <summary>Requires that what was there already are strings: what is not would never be found, and each answer to it be paid for again.</summary>
    private async Task RequireAnswersAsync(IDatabase database, IEnumerable<RedisKey> names)
    {
        var looks = names.Select(name => (Name: name, Length: database.StringLengthAsync(name))).ToList();
        await ((Task)Task.WhenAll(looks.Select(l => l.Length))).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        foreach (var (name, length) in looks)
        {
            try
            {
                await length.ConfigureAwait(false);
            }
            catch (RedisServerException error) when (RedisTrouble.IsForeign(error))
            {
                throw RedisTrouble.OfForeign(connection.Name, name!, error);
            }
        }
    }

    /// <summary>Stores a line in the place of one that was made earlier, and tells whether there was one.</summary>
    private async Task<bool> ReplaceAsync(IDatabase database, RedisKey name, ReadOnlyMemory<byte> line, DateTimeOffset replacedBefore)
    {
        while (true)
        {
            var stored = (byte[]?)await database.StringGetAsync(name).ConfigureAwait(false);
            if (stored is not null && MadeAt(stored).ToUnixTimeMilliseconds() >= replacedBefore.ToUnixTimeMilliseconds())
            {
                return false;
            }

            var compared = stored is null ? default : stored.AsMemory(0, Math.Min(stored.Length, ComparedBytes));
            if ((bool)await database.ScriptEvaluateAsync(Replace, [name], [compared, line, _milliseconds]).ConfigureAwait(false))
            {
                return true;
            }
        }
    }

    private static DateTimeOffset MadeAt(byte[] stored)
    {
        try
        {
            return ResponseLine.Read(stored).CreatedAt;
        }
        catch (FormatException)
        {
            // Damaged: it was passed over, and gives way.
            return DateTimeOffset.MinValue;
        }
    }
}
