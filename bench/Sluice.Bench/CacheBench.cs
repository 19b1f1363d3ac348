using System.Buffers.Binary;
using System.Diagnostics;
using System.Security.Cryptography;
using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Bench;

/// <summary>Puts and gets per second of the default cache, 1 KB values.</summary>
internal static class CacheBench
{
    private const int Group = 8192;
    private const int Lookup = 64;

    public static async Task<int> RunAsync(int entries)
    {
        var folder = Directory.CreateTempSubdirectory("sluice-bench-").FullName;
        try
        {
            Console.WriteLine($"bench/cache: {Machine.Describe()}");
            var path = Path.Combine(folder, "cache.db");
            var body = new byte[1024];
            new Random(1).NextBytes(body);
            var origin = new ResponseOrigin("openai", "bench", "batch_bench");
            await using var cache = new SqliteResponseCache(path, TimeProvider.System);

            var watch = Stopwatch.StartNew();
            var stored = 0;
            for (var i = 0; i < entries; i += Group)
            {
                var group = new List<CacheEntry>(Group);
                for (var j = i; j < Math.Min(entries, i + Group); j++)
                {
                    group.Add(new CacheEntry(Key(j), body, new TokenUsage(100, 50)) { Origin = origin });
                }

                stored += await cache.PutAsync(group);
            }

            var put = entries / watch.Elapsed.TotalSeconds;
            watch.Restart();
            await Task.WhenAll(Enumerable.Range(0, 2).Select(reader => Task.Run(async () =>
            {
                var keys = new RequestKey[Lookup];
                var found = new CachedResponse?[Lookup];
                // A stride that visits every entry once, in no order that helps.
                for (var i = reader; i < entries / Lookup; i += 2)
                {
                    for (var k = 0; k < Lookup; k++)
                    {
                        keys[k] = Key((int)((((long)i * Lookup) + k) * 7919 % entries));
                    }

                    await cache.GetAsync(keys, found);
                    if (found.Any(f => f is null))
                    {
                        throw new InvalidOperationException("an entry is missing");
                    }
                }
            })));
            var get = entries / Lookup * Lookup / watch.Elapsed.TotalSeconds;
            Console.WriteLine($"{"store",-8} {"entries",10} {"puts/s",10} {"gets/s",10} {"bytes/entry",12} {"working set",12}");
            Console.WriteLine($"{"sqlite",-8} {stored,10} {put,10:0} {get,10:0} {new FileInfo(path).Length / entries,12} {Environment.WorkingSet >> 20,8} MiB");
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static RequestKey Key(int number)
    {
        Span<byte> seed = stackalloc byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(seed, number);
        Span<byte> hash = stackalloc byte[32];
        SHA256.HashData(seed, hash);
        return new RequestKey(hash);
    }
}
