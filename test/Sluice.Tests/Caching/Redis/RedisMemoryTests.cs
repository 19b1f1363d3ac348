using System.Security.Cryptography;
using Sluice.Caching;
using Sluice.Requests;
using Sluice.Testing;
using Sluice.Tests.Datasets;

namespace Sluice.Tests.Caching.Redis;

/// <summary>Alone in the process: what other tests hold would count too.</summary>
[Collection(nameof(MeasuresProcessMemory))]
public sealed class RedisMemoryTests
{
    [Fact]
    public async Task A_hundred_thousand_entries_are_listed_counted_and_deleted_in_flat_memory()
    {
        const int Count = 100_000;
        using RedisServer server = RedisServers.Start();
        await using var cache = new RedisResponseCache(new RedisOptions(server.Url), _ => { }, TimeProvider.System);
        byte[] body = [.. Enumerable.Repeat((byte)'x', 300)];
        ResponseOrigin[] origins = [new("openai", "even", "live"), new("openai", "odd", "live")];
        foreach (int[] chunk in Enumerable.Range(0, Count).Chunk(4096))
        {
            await cache.PutAsync([.. chunk.Select(i => new CacheEntry(new RequestKey(SHA256.HashData(BitConverter.GetBytes(i))), body, default) { Origin = origins[i % 2] })], cancellationToken: TestContext.Current.CancellationToken);
        }

        var seen = 0;
        long most = 0;
        long before = GC.GetTotalMemory(forceFullCollection: true);
        await foreach (StoredResponse entry in cache.ListAsync(CacheFilter.All, withBodies: true, TestContext.Current.CancellationToken))
        {
            Assert.Equal(300, entry.Body!.Length);
            if (++seen % 20_000 == 0)
            {
                most = Math.Max(most, GC.GetTotalMemory(forceFullCollection: true) - before);
            }
        }

        Assert.Equal(Count, seen);
        Assert.True(most < 4 * 1024 * 1024, $"{most} bytes");
        Assert.InRange(await cache.StoredBytesAsync(TestContext.Current.CancellationToken), Count * 300L, Count * 1000L);
        Assert.Equal(Count / 2, await cache.DeleteAsync(new CacheFilter { Model = "odd" }, TestContext.Current.CancellationToken));
        Assert.Equal(Count / 2, await cache.DeleteAsync(CacheFilter.All, TestContext.Current.CancellationToken));
        Assert.True(await cache.IsEmptyAsync(TestContext.Current.CancellationToken));
    }
}
