using System.Runtime.InteropServices;
using Sluice.Caching;
using Sluice.Requests;

namespace Sluice.Tests.Caching;

public sealed class KeyTableTests
{
    [Fact]
    public void Keys_are_known_again_until_the_table_is_full_and_no_others_are()
    {
        var table = new KeyTable();
        Assert.True(table.IsEmpty);
        int added = 0;
        while (table.TryAdd(Key(added)))
        {
            added++;
        }

        Assert.Equal(393_216, added);
        Assert.True(table.TryAdd(Key(7)), "it is there already");
        for (int i = 0; i < added; i++)
        {
            Assert.True(table.Has(Key(i)));
            Assert.False(table.Has(Key(added + i)));
        }
    }

    [Fact]
    public void Many_threads_add_the_same_keys_once()
    {
        var table = new KeyTable();
        // Threads of their own: other tests need those of the pool.
        Thread[] threads = [.. Enumerable.Range(0, 4).Select(_ => new Thread(() =>
        {
            for (int i = 0; i < 20_000; i++)
            {
                table.TryAdd(Key(i));
            }
        }))];
        Array.ForEach(threads, static thread => thread.Start());
        Array.ForEach(threads, static thread => thread.Join());

        Assert.All(Enumerable.Range(0, 20_000), i => Assert.True(table.Has(Key(i))));
        Assert.False(table.Has(Key(20_000)));
    }

    private static RequestKey Key(int number)
    {
        // Spread as hashes are, and much quicker to make: there are a million of them.
        Span<ulong> words = stackalloc ulong[RequestKey.Length / sizeof(ulong)];
        for (int i = 0; i < words.Length; i++)
        {
            words[i] = (((ulong)number * 4) + (ulong)i + 1) * 0x9E3779B97F4A7C15;
            words[i] ^= words[i] >> 29;
            words[i] *= 0xBF58476D1CE4E5B9;
            words[i] ^= words[i] >> 32;
        }

        return new RequestKey(MemoryMarshal.AsBytes(words));
    }
}
