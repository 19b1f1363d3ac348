using System.Diagnostics;
using System.Runtime.InteropServices;
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
            var bodies = new Bodies();
            var origin = new ResponseOrigin("openai", "bench", "batch_bench");
            await using var cache = new SqliteResponseCache(path, TimeProvider.System, Environment.GetEnvironmentVariable("ZSTD") is not null);

            var written = Machine.BytesWritten();
            var cpu = Process.GetCurrentProcess().TotalProcessorTime;
            var watch = Stopwatch.StartNew();
            var stored = 0;
            for (var i = 0; i < entries; i += Group)
            {
                var group = new List<CacheEntry>(Group);
                for (var j = i; j < Math.Min(entries, i + Group); j++)
                {
                    group.Add(new CacheEntry(Key(j), bodies.Of(j), new TokenUsage(100, 50)) { Origin = origin });
                }

                stored += await cache.PutAsync(group);
            }

            var put = new Reading("put, groups of 8,192", entries, watch, cpu);
            written = Machine.BytesWritten() - written;
            var inOrder = await GetAsync(cache, entries, stride: 1, "get, in order");
            var scattered = await GetAsync(cache, entries, stride: 7919, "get, scattered");
            Console.WriteLine($"{"sqlite, 1 KB values",-22} {"entries",10} {"per second",11} {"CPU µs",8}");
            foreach (var reading in (Reading[])[put, inOrder, scattered])
            {
                Console.WriteLine($"{reading.What,-22} {stored,10} {reading.PerSecond,11:0} {reading.CpuMicroseconds,8:0.0}");
            }

            Console.WriteLine($"{new FileInfo(path).Length / entries} bytes/entry in the file, {written / entries} written for each; working set {Environment.WorkingSet >> 20} MiB");
            return 0;
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>Two readers look every entry up once.</summary>
    /// <param name="stride">1: the order in which entries were stored, as a replay asks; else an order that helps nobody.</param>
    private static async Task<Reading> GetAsync(SqliteResponseCache cache, int entries, long stride, string what)
    {
        var cpu = Process.GetCurrentProcess().TotalProcessorTime;
        var watch = Stopwatch.StartNew();
        await Task.WhenAll(Enumerable.Range(0, 2).Select(reader => Task.Run(async () =>
        {
            var keys = new RequestKey[Lookup];
            var found = new CachedResponse?[Lookup];
            for (var i = reader; i < entries / Lookup; i += 2)
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
        return new Reading(what, entries / Lookup * Lookup, watch, cpu);
    }

    private sealed class Reading(string what, int count, Stopwatch watch, TimeSpan cpuBefore)
    {
        public string What => what;

        public double PerSecond { get; } = count / watch.Elapsed.TotalSeconds;

        public double CpuMicroseconds { get; } = (Process.GetCurrentProcess().TotalProcessorTime - cpuBefore).TotalMicroseconds / count;
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
