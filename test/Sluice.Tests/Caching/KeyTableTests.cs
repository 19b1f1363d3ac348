using Sluice.Caching;

namespace Sluice.Tests.Caching;

public sealed class KeyTableTests
{
    [Fact]
    public void Keys_are_known_again_until_the_table_is_full_and_no_others_are()
    {
        var table = new KeyTable();
        Assert.True(table.IsEmpty);
        int added = 0;
        while (table.TryAdd(TemporaryCache.Key(added)))
        {
            added++;
        }

        Assert.Equal(393_216, added);
        Assert.True(table.TryAdd(TemporaryCache.Key(7)), "it is there already");
        for (int i = 0; i < added; i++)
        {
            Assert.True(table.Has(TemporaryCache.Key(i)));
            Assert.False(table.Has(TemporaryCache.Key(added + i)));
        }
    }

    [Fact]
    public void Many_threads_add_the_same_keys_once()
    {
        var table = new KeyTable();
        Parallel.For(0, 200_000, i => Assert.True(table.TryAdd(TemporaryCache.Key(i / 2))));

        Assert.All(Enumerable.Range(0, 100_000), i => Assert.True(table.Has(TemporaryCache.Key(i))));
        Assert.False(table.Has(TemporaryCache.Key(100_000)));
    }
}
