using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Bench;

/// <summary>Puts and gets per second of one store, in a process of its own; bench/cache puts the rows of all stores under each other.</summary>
internal static class CacheBench
{
    private const int Lookup = 64;
    private const int Callers = 2;

    /// <summary>Prints the machine, the values and the heading.</summary>
    /// <param name="values">Where values for the rivals go: a file with one on each line.</param>
    public static int Head(string values)
    {
        var bodies = new Bodies();
        File.WriteAllLines(values, Enumerable.Range(0, 5000).Select(n => System.Text.Encoding.UTF8.GetString(bodies.Of(n))));
        Console.WriteLine($"bench/cache: {Machine.Describe()}");
        Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"values: chat completions around {bodies.Source}, {bodies.MeanLength:0} bytes each"));
        Console.WriteLine($"{"store",-22} {"entries",9} {"put/s",9} {"get/s",9} {"scattered/s",11} {"bytes/entry",11} {"written/entry",13} {"peak MB",8}");
        return 0;
    }

    /// <summary>Measures one store: two callers put groups as a batch's ingestion does, then two look everything up, in the order of storing and in one that helps nobody.</summary>
    public static async Task<int> RunAsync(string store, int entries)
    {
        var folder = Directory.CreateTempSubdirectory("sluice-bench-").FullName;
        try
        {
            await using var cache = Open(store, folder);
            var bodies = new Bodies();
            var origin = new ResponseOrigin("openai", "bench", "batch_bench");
            var written = Machine.BytesWritten();
            var watch = Stopwatch.StartNew();
            var next = 0;
            await Task.WhenAll(Enumerable.Range(0, Callers).Select(_ => Task.Run(async () =>
            {
                var group = new List<CacheEntry>(CacheEntry.GroupSize);
                for (int start; (start = Interlocked.Add(ref next, CacheEntry.GroupSize) - CacheEntry.GroupSize) < entries;)
                {
                    group.Clear();
                    for (var i = start; i < Math.Min(entries, start + CacheEntry.GroupSize); i++)
                    {
                        group.Add(new CacheEntry(Key(i), bodies.Of(i), new TokenUsage(100, 50)) { Origin = origin });
                    }

                    await cache.PutAsync(group);
                }
            })));
            var put = entries / watch.Elapsed.TotalSeconds;
            written = Machine.BytesWritten() - written;
            var inOrder = await GetAsync(cache, entries, stride: 1);
            var scattered = await GetAsync(cache, entries, stride: 7919);
            var stored = cache is ICacheStore durable ? await durable.StoredBytesAsync() / entries : 0;
            Console.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{store.Split(':')[0],-22} {entries,9} {put,9:0} {inOrder,9:0} {scattered,11:0} {stored,11} {written / entries,13} {Machine.PeakBytes() / 1e6,8:0}"));
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static IResponseCache Open(string store, string folder) => store.Split(':', 2) switch
    {
        ["sqlite"] => new SqliteResponseCache(Path.Combine(folder, "cache.db"), TimeProvider.System),
        ["sqlite-compressed"] => new SqliteResponseCache(Path.Combine(folder, "cache.db"), TimeProvider.System, compresses: true),
        ["jsonl"] => new JsonlResponseCache(folder, TimeProvider.System, Console.Error.WriteLine),
        ["redis", var url] => new RedisResponseCache(new RedisOptions(url), Console.Error.WriteLine, TimeProvider.System),
        ["memory"] => new MemoryResponseCache(long.MaxValue, TimeProvider.System),
        _ => throw new ArgumentException($"no store: {store}"),
    };

    /// <summary>Looks every entry up once.</summary>
    /// <param name="stride">1: the order in which entries were stored, as a replay asks; else an order that helps nobody.</param>
    private static async Task<double> GetAsync(IResponseCache cache, int entries, long stride)
    {
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => Task.Run(async () =>
        {
            var keys = new RequestKey[Lookup];
            var found = new CachedResponse?[Lookup];
            for (var i = caller; i < entries / Lookup; i += Callers)
            {
                for (var k = 0; k < Lookup; k++)
                {
                    keys[k] = Key((int)((((long)i * Lookup) + k) * stride % entries));
                }

                await cache.GetAsync(keys, found);
                if (found.Any(f => f is null))
                {
                    throw new InvalidOperationException("an entry is missing");
                }
            }
        })));
        return entries / Lookup * Lookup / watch.Elapsed.TotalSeconds;
    }

    /// <summary>Returns a key that looks random and costs next to nothing, so that the cache alone is measured (SplitMix64).</summary>
    private static RequestKey Key(int number)
    {
        Span<ulong> parts = stackalloc ulong[4];
        for (var i = 0; i < 4; i++)
        {
            var x = unchecked((((ulong)number * 4) + (ulong)i + 1) * 0x9E3779B97F4A7C15);
            x = unchecked((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9);
            x = unchecked((x ^ (x >> 27)) * 0x94D049BB133111EB);
            parts[i] = x ^ (x >> 31);
        }

        return new RequestKey(MemoryMarshal.AsBytes(parts));
    }
}
